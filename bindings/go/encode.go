package nano

import (
	"encoding/binary"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// An encoder writes Go values as CBOR.
type encoder struct {
	out []byte
	// give finds the class and the number of an object that apps hold; nil where none may pass.
	give func(object any) (class string, number uint64, ok bool)
}

var (
	bigIntType = reflect.TypeFor[*big.Int]()
	timeType   = reflect.TypeFor[time.Time]()
	errorType  = reflect.TypeFor[error]()
)

// The little-endian tags of RFC 8746 by the types of typed arrays.
var typedTags = map[reflect.Type]uint64{
	reflect.TypeFor[Int8Array]():         72,
	reflect.TypeFor[Uint8ClampedArray](): 68,
	reflect.TypeFor[Int16Array]():        77,
	reflect.TypeFor[Uint16Array]():       69,
	reflect.TypeFor[Int32Array]():        78,
	reflect.TypeFor[Uint32Array]():       70,
	reflect.TypeFor[Float16Array]():      84,
	reflect.TypeFor[Float32Array]():      85,
	reflect.TypeFor[Float64Array]():      86,
	reflect.TypeFor[BigInt64Array]():     79,
	reflect.TypeFor[BigUint64Array]():    71,
}

func (e *encoder) head(major byte, n uint64) {
	major <<= 5
	switch {
	case n < 24:
		e.out = append(e.out, major|byte(n))
	case n <= math.MaxUint8:
		e.out = append(e.out, major|24, byte(n))
	case n <= math.MaxUint16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, major|25), uint16(n))
	case n <= math.MaxUint32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, major|26), uint32(n))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, major|27), n)
	}
}

func (e *encoder) simple(n byte)  { e.out = append(e.out, 7<<5|n) }
func (e *encoder) text(s string)  { e.head(3, uint64(len(s))); e.out = append(e.out, s...) }
func (e *encoder) bytes(b []byte) { e.head(2, uint64(len(b))); e.out = append(e.out, b...) }

// string writes a string: with a tag if it is UTF-8 but for halves of surrogate pairs, which JavaScript's strings may have alone.
func (e *encoder) string(s string) {
	if !utf8.ValidString(s) && isWTF8(s) {
		e.head(6, tagWTF8)
		e.bytes([]byte(s))
	} else {
		e.text(s)
	}
}

func isWTF8(s string) bool {
	afterHigh := false
	for len(s) > 0 {
		if r, size := utf8.DecodeRuneInString(s); r != utf8.RuneError || size > 1 {
			s, afterHigh = s[size:], false
			continue
		}
		if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2] < 0x80 || s[2] > 0xbf {
			return false
		}
		isHigh := s[1] < 0xb0
		if afterHigh && !isHigh {
			return false
		}
		s, afterHigh = s[3:], isHigh
	}
	return true
}

func (e *encoder) int(n int64) {
	if n < 0 {
		e.head(1, uint64(-1-n))
	} else {
		e.head(0, uint64(n))
	}
}

// float writes a number: as an integer if it is one, for that is the shorter and the same number to JavaScript.
func (e *encoder) float(f float64) {
	switch {
	case f == math.Trunc(f) && math.Abs(f) <= safeIntegerMax && !(f == 0 && math.Signbit(f)):
		e.int(int64(f))
	case math.IsNaN(f):
		e.out = append(e.out, 0xf9, 0x7e, 0)
	case float64(float32(f)) == f:
		e.out = binary.BigEndian.AppendUint32(append(e.out, 0xfa), math.Float32bits(float32(f)))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, 0xfb), math.Float64bits(f))
	}
}

func (e *encoder) bigInt(n *big.Int) {
	if n.Sign() < 0 {
		e.head(6, tagNegative)
		e.bytes(new(big.Int).Not(n).Bytes())
	} else {
		e.head(6, tagPositive)
		e.bytes(n.Bytes())
	}
}

func (e *encoder) date(ms float64) {
	e.head(6, tagEpoch)
	e.float(ms / 1000)
}

func (e *encoder) generic(parts int, kind string, name string) {
	e.head(6, tagGeneric)
	e.head(4, uint64(parts))
	e.text(kind)
	e.text(name)
}

func (e *encoder) array(depth, n int, item func(i int) any) error {
	e.head(4, uint64(n))
	for i := range n {
		if err := e.value(item(i), depth); err != nil {
			return err
		}
	}
	return nil
}

// value writes any value; depth is how many containers it is in.
func (e *encoder) value(v any, depth int) error {
	if depth > depthMax {
		return tooDeep()
	}
	switch v := v.(type) {
	case nil:
		e.simple(22)
	case UndefinedType:
		e.simple(23)
	case bool:
		if v {
			e.simple(21)
		} else {
			e.simple(20)
		}
	case int:
		e.int(int64(v))
	case float64:
		e.float(v)
	case string:
		e.string(v)
	case []byte:
		e.bytes(v)
	case ArrayBuffer:
		e.head(6, tagBuffer)
		e.bytes(v)
	case DataView:
		e.head(6, tagView)
		e.bytes(v)
	case RegExp:
		e.head(6, tagRegExp)
		e.head(4, 2)
		e.text(v.Source)
		e.text(v.Flags)
	case *big.Int:
		if v == nil {
			e.simple(22)
		} else {
			e.bigInt(v)
		}
	case big.Int:
		e.bigInt(&v)
	case time.Time:
		if seconds := v.Unix(); seconds < -dateMsMax/1000 || seconds > dateMsMax/1000 || seconds == dateMsMax/1000 && v.Nanosecond() > 0 {
			return invalid("the time %v is none that JavaScript has", v)
		}
		e.date(float64(v.UnixMilli()))
	case Date:
		e.date(float64(v))
	case []any:
		return e.array(depth+1, len(v), func(i int) any { return v[i] })
	case Set:
		e.head(6, tagSet)
		return e.array(depth+1, len(v), func(i int) any { return v[i] })
	case Map:
		e.head(6, tagMap)
		e.head(5, uint64(len(v)))
		for _, entry := range v {
			if err := e.value(entry.Key, depth+1); err != nil {
				return err
			}
			if err := e.value(entry.Value, depth+1); err != nil {
				return err
			}
		}
	case Object:
		e.head(5, uint64(len(v)))
		for _, property := range v {
			e.text(property.Name)
			if err := e.value(property.Value, depth+1); err != nil {
				return err
			}
		}
	default:
		return e.reflected(reflect.ValueOf(v), depth)
	}
	return nil
}

func (e *encoder) reflected(v reflect.Value, depth int) error {
	t := v.Type()
	if tag, ok := typedTags[t]; ok {
		e.head(6, tag)
		e.head(2, uint64(v.Len())*uint64(t.Elem().Size()))
		var err error
		e.out, err = binary.Append(e.out, binary.LittleEndian, v.Interface())
		return err
	}
	if v.Kind() == reflect.Pointer && !v.IsNil() && e.give != nil {
		if class, number, ok := e.give(v.Interface()); ok {
			e.generic(3, genericHost, class)
			e.head(0, number)
			return nil
		}
	}
	if t.Implements(errorType) && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		switch err := v.Interface().(type) {
		case *JSError:
			return e.jsError(err, depth)
		case error:
			e.generic(3, genericError, "Error")
			e.text(err.Error())
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Bool:
		return e.value(v.Bool(), depth)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.head(0, v.Uint())
	case reflect.Float32, reflect.Float64:
		e.float(v.Float())
	case reflect.String:
		e.string(v.String())
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			e.simple(22)
			return nil
		}
		return e.value(v.Elem().Interface(), depth+1)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			e.bytes(v.Bytes())
			return nil
		}
		return e.array(depth+1, v.Len(), func(i int) any { return v.Index(i).Interface() })
	case reflect.Array:
		return e.array(depth+1, v.Len(), func(i int) any { return v.Index(i).Interface() })
	case reflect.Map:
		return e.goMap(v, depth)
	case reflect.Struct:
		return e.goStruct(v, depth)
	default:
		return cannotCross(t)
	}
	return nil
}

func (e *encoder) jsError(err *JSError, depth int) error {
	if len(err.Properties) == 0 {
		e.generic(3, genericError, err.Name)
		e.text(err.Message)
		return nil
	}
	e.generic(4, genericError, err.Name)
	e.text(err.Message)
	return e.value(err.Properties, depth+1)
}

// goMap writes a map with text keys as an object, any other as a Map. A key may be one that cannot be looked up: NaN.
func (e *encoder) goMap(v reflect.Value, depth int) error {
	type entry struct{ key, value reflect.Value }
	entries := make([]entry, 0, v.Len())
	for all := v.MapRange(); all.Next(); {
		entries = append(entries, entry{all.Key(), all.Value()})
	}
	if isText := v.Type().Key().Kind() == reflect.String; isText {
		slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key.String(), b.key.String()) })
	} else {
		e.head(6, tagMap)
	}
	e.head(5, uint64(len(entries)))
	for _, entry := range entries {
		if err := e.value(entry.key.Interface(), depth+1); err != nil {
			return err
		}
		if err := e.value(entry.value.Interface(), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) goStruct(v reflect.Value, depth int) error {
	type entry struct {
		name  string
		value reflect.Value
	}
	var entries []entry
	for _, field := range fieldsOf(v.Type()) {
		value, err := v.FieldByIndexErr(field.index)
		// What an embedded pointer would lead to that is nil is not there.
		if err == nil && !(field.omitEmpty && value.IsZero()) {
			entries = append(entries, entry{field.name, value})
		}
	}
	e.head(5, uint64(len(entries)))
	for _, entry := range entries {
		e.text(entry.name)
		if err := e.value(entry.value.Interface(), depth+1); err != nil {
			return err
		}
	}
	return nil
}
