package nano_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"nano-isolates/nano"
)

// The values of the conformance corpus: by their JSON, and when two of them are the same.

// same is reflect.DeepEqual with numbers by their bits. Objects and Maps have an order; a Go map has none, and is the same as no object.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (strconv.FormatFloat(a, 'g', -1, 64) == strconv.FormatFloat(b, 'g', -1, 64))
	case []any:
		return sameItems(a, b, func(n any) []any { items, _ := n.([]any); return items })
	case nano.Set:
		return sameItems(a, b, func(n any) []any { items, _ := n.(nano.Set); return items })
	case nano.Map:
		b, ok := b.(nano.Map)
		ok = ok && len(a) == len(b)
		for i := range a {
			ok = ok && same(a[i].Key, b[i].Key) && same(a[i].Value, b[i].Value)
		}
		return ok
	case nano.Object:
		b, ok := b.(nano.Object)
		ok = ok && len(a) == len(b)
		for i := range a {
			ok = ok && a[i].Name == b[i].Name && same(a[i].Value, b[i].Value)
		}
		return ok
	}
	return reflect.DeepEqual(a, b)
}

func TestTheCorpusTellsValuesApart(t *testing.T) {
	pair := func(names ...string) (object nano.Object, entries nano.Map) {
		for _, name := range names {
			object = append(object, nano.Property{Name: name, Value: 1})
			entries = append(entries, nano.MapEntry{Key: name, Value: 1})
		}
		return object, entries
	}
	ab, abMap := pair("a", "b")
	ba, baMap := pair("b", "a")
	for i, values := range [][2]any{
		{ab, ba}, {abMap, baMap}, {ab, abMap}, {ab, ab[:1]}, {abMap, abMap[:1]}, {nano.Object{}, ab}, {nano.Map{}, abMap}, {nano.Map{}, nano.Object{}},
		{map[string]any{}, nano.Object{}}, {nano.Set{}, []any{}}, {[]any{}, []any{1}}, {[]any{ab}, []any{ba}}, {0.5, 0.25}, {math.Copysign(0, -1), 0.0},
	} {
		if same(values[0], values[1]) || same(values[1], values[0]) {
			t.Errorf("%d: %v is the same as %v", i, values[0], values[1])
		}
	}
	for _, value := range []any{ab, abMap, nano.Object{}, nano.Map{}, nano.Set{}, []any{}, math.NaN(), 7} {
		if !same(value, value) {
			t.Errorf("%v is not the same as itself", value)
		}
	}
}

func sameItems(a []any, b any, items func(any) []any) bool {
	other := items(b)
	ok := len(a) == len(other) && other != nil
	for i := range a {
		ok = ok && same(a[i], other[i])
	}
	return ok
}

// valueOf is a value by its JSON.
func valueOf(t *testing.T, coded any) any {
	t.Helper()
	switch coded := coded.(type) {
	case json.Number:
		n, err := strconv.Atoi(coded.String())
		must(t, err)
		return n
	case []any:
		items := make([]any, len(coded))
		for i := range coded {
			items[i] = valueOf(t, coded[i])
		}
		return items
	case map[string]any:
		for tag, content := range coded {
			return tagged(t, tag, content)
		}
	}
	return coded
}

func tagged(t *testing.T, tag string, content any) any {
	t.Helper()
	pairs := func(each func(key, value any)) {
		for _, pair := range content.([]any) {
			each(pair.([]any)[0], valueOf(t, pair.([]any)[1]))
		}
	}
	switch tag {
	case "undefined":
		return nano.Undefined
	case "float":
		f, err := strconv.ParseFloat(content.(string), 64)
		must(t, err)
		return f
	case "bigint":
		n, _ := new(big.Int).SetString(content.(string), 10)
		return n
	case "bytes":
		b, err := hex.DecodeString(content.(string))
		must(t, err)
		return b
	case "buffer", "view":
		b, err := hex.DecodeString(content.(string))
		must(t, err)
		if tag == "view" {
			return nano.DataView(b)
		}
		return nano.ArrayBuffer(b)
	case "units":
		b, err := hex.DecodeString(content.(string))
		must(t, err)
		return wtf8(b)
	case "hole":
		return nano.Undefined
	case "regexp":
		return nano.RegExp{Source: content.([]any)[0].(string), Flags: content.([]any)[1].(string)}
	case "object":
		object := nano.Object{}
		pairs(func(key, value any) { object = append(object, nano.Property{Name: key.(string), Value: value}) })
		return object
	case "map":
		entries := nano.Map{}
		pairs(func(key, value any) { entries = append(entries, nano.MapEntry{Key: valueOf(t, key), Value: value}) })
		return entries
	case "set":
		return nano.Set(valueOf(t, content).([]any))
	case "date_ms":
		n, err := content.(json.Number).Int64()
		must(t, err)
		return time.UnixMilli(n).UTC()
	case "error":
		parts := content.([]any)
		err := &nano.JSError{Name: parts[0].(string), Message: parts[1].(string)}
		if len(parts) > 2 {
			err.Properties = map[string]any{}
			for _, pair := range parts[2].([]any) {
				err.Properties[pair.([]any)[0].(string)] = valueOf(t, pair.([]any)[1])
			}
		}
		return err
	case "repeat":
		times, err := content.([]any)[1].(json.Number).Int64()
		must(t, err)
		return strings.Repeat(content.([]any)[0].(string), int(times))
	case "typed":
		kind, raw := content.([]any)[0].(string), content.([]any)[1].(string)
		b, err := hex.DecodeString(raw)
		must(t, err)
		array := map[string]any{"Int8": nano.Int8Array{}, "Uint16": nano.Uint16Array{}, "Float64": nano.Float64Array{}, "BigInt64": nano.BigInt64Array{}}[kind]
		elements := reflect.MakeSlice(reflect.TypeOf(array), len(b)/int(reflect.TypeOf(array).Elem().Size()), len(b)/int(reflect.TypeOf(array).Elem().Size()))
		_, err = binary.Decode(b, binary.LittleEndian, elements.Interface())
		must(t, err)
		return elements.Interface()
	}
	t.Fatal("no such kind of value", tag)
	return nil
}

// wtf8 is the string of UTF-16 code units in big endian, with halves of surrogate pairs as three bytes each.
func wtf8(units []byte) string {
	var text []byte
	for i := 0; i < len(units); i += 2 {
		unit := binary.BigEndian.Uint16(units[i:])
		if utf16.IsSurrogate(rune(unit)) {
			text = append(text, 0xed, 0x80|byte(unit>>6&0x3f), 0x80|byte(unit&0x3f))
		} else {
			text = utf8.AppendRune(text, rune(unit))
		}
	}
	return string(text)
}
