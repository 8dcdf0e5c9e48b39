package nano

import (
	"reflect"
	"slices"
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
	isTagged  bool
}

var fieldCache sync.Map

// fieldsOf gives the exported fields of a struct in their order, those of embedded structs among them. Of several with one name it is the one
// that encoding/json would take: that of the outermost struct, or else the only one that a tag names.
func fieldsOf(t reflect.Type) []field {
	if known, ok := fieldCache.Load(t); ok {
		return known.([]field)
	}
	all := collect(nil, t, nil, nil)
	var fields []field
	for i, f := range all {
		isTaken := slices.ContainsFunc(all[:i], f.yieldsTo) || slices.ContainsFunc(all[i+1:], f.yieldsTo)
		if !isTaken {
			fields = append(fields, f)
		}
	}
	fieldCache.Store(t, fields)
	return fields
}

// yieldsTo says whether another field has this one's name with as much right.
func (f field) yieldsTo(other field) bool {
	if f.name != other.name || len(other.index) > len(f.index) {
		return false
	}
	return len(other.index) < len(f.index) || other.isTagged || !f.isTagged
}

// collect adds the fields of t, which is embedded at index in the structs that outer has.
func collect(to []field, t reflect.Type, index []int, outer []reflect.Type) []field {
	if slices.Contains(outer, t) {
		return to
	}
	outer = append(slices.Clip(outer), t)
	for i := range t.NumField() {
		f := t.Field(i)
		tag, isTagged := f.Tag.Lookup("nano")
		if !isTagged {
			tag = f.Tag.Get("json")
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "-" {
			continue
		}
		at := append(slices.Clip(index), i)
		if inner := embedded(f); inner != nil && name == "" {
			to = collect(to, inner, at, outer)
		} else if f.IsExported() {
			field := field{name, at, strings.Contains(options, "omitempty"), name != ""}
			if name == "" {
				field.name = jsName(f.Name)
			}
			to = append(to, field)
		}
	}
	return to
}

// embedded is the struct whose fields are those of the one that it is embedded in; nil if the field is one by itself.
func embedded(f reflect.StructField) reflect.Type {
	t := f.Type
	if !f.Anonymous {
		return nil
	}
	if t.Kind() == reflect.Pointer && f.IsExported() {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == timeType || t == bigIntType.Elem() {
		return nil
	}
	return t
}

// fieldIn is a field to be written to: an embedded pointer on the way to it that is nil gets something to point to.
func fieldIn(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
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
