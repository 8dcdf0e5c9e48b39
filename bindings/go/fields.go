package nano

import (
	"reflect"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A field of a struct, as apps know it.
type field struct {
	name      string
	index     []int
	omitEmpty bool
}

var fieldCache sync.Map

// fieldsOf gives the exported fields of a struct in their order, those of embedded structs among them.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldCache.Load(t); ok {
		return known.([]field)
	}
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		tag, tagged := f.Tag.Lookup("nano")
		if !tagged {
			tag, tagged = f.Tag.Lookup("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		if !f.IsExported() || name == "-" || throughPointer(t, f.Index) {
			continue
		}
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct {
			continue
		}
		if name == "" {
			name = jsName(f.Name)
		}
		fields = append(fields, field{name, f.Index, strings.Contains(options, "omitempty")})
	}
	fieldCache.Store(t, fields)
	return fields
}

// throughPointer says whether a field is in an embedded pointer, which may be nil.
func throughPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		t = t.Field(i).Type
		if t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// jsName is how apps know an exported name of Go's: with its first letter in lower case.
func jsName(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}

// goName is the exported name that apps mean.
func goName(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}
