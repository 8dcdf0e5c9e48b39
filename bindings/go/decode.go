package nano

import (
	"encoding/binary"
	"math"
	"math/big"
	"reflect"
	"slices"
)

// A decoder reads the CBOR that NANO writes: definite lengths, within NANO's limits. What is not so is an error all the same.
type decoder struct {
	in []byte
	// held finds the object that an app names; nil where there can be none.
	held func(class string, number uint64) (any, error)
	// inOrder gives plain objects as Object.
	inOrder bool
}

var errMalformed = invalid("the value is not CBOR")

// The types of typed arrays by their little-endian tags.
var typedTypes = func() map[uint64]reflect.Type {
	types := map[uint64]reflect.Type{}
	for t, tag := range typedTags {
		types[tag] = t
	}
	return types
}()

// decode reads one value, which is all there is.
func (d *decoder) decode() (any, error) {
	value, err := d.value(0)
	if err == nil && len(d.in) > 0 {
		err = errMalformed
	}
	return value, err
}

func (d *decoder) head() (major byte, info byte, n uint64, err error) {
	if len(d.in) == 0 {
		return 0, 0, 0, errMalformed
	}
	major, info = d.in[0]>>5, d.in[0]&31
	d.in = d.in[1:]
	if info < 24 {
		return major, info, uint64(info), nil
	}
	if info > 27 || len(d.in) < 1<<(info-24) {
		return 0, 0, 0, errMalformed
	}
	size := 1 << (info - 24)
	for _, b := range d.in[:size] {
		n = n<<8 | uint64(b)
	}
	d.in = d.in[size:]
	return major, info, n, nil
}

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.in)) {
		return nil, errMalformed
	}
	taken := d.in[:n]
	d.in = d.in[n:]
	return taken, nil
}

// expect reads the head of an item of this kind.
func (d *decoder) expect(wanted byte) (uint64, error) {
	major, _, n, err := d.head()
	if err == nil && (major != wanted || n > uint64(len(d.in))) {
		err = errMalformed
	}
	return n, err
}

func (d *decoder) value(depth int) (any, error) {
	if depth > 2*depthMax {
		return nil, tooDeep()
	}
	major, info, n, err := d.head()
	if err != nil {
		return nil, err
	}
	switch major {
	case 0:
		if n > safeIntegerMax {
			return new(big.Int).SetUint64(n), nil
		}
		return int(n), nil
	case 1:
		if n >= safeIntegerMax {
			return new(big.Int).Not(new(big.Int).SetUint64(n)), nil
		}
		return -1 - int(n), nil
	case 2:
		taken, err := d.take(n)
		return slices.Clone(taken), err
	case 3:
		taken, err := d.take(n)
		return string(taken), err
	case 4:
		return d.array(n, depth)
	case 5:
		return d.object(n, depth)
	case 6:
		return d.tagged(n, depth)
	default:
		return simple(info, n)
	}
}

func simple(info byte, n uint64) (any, error) {
	switch info {
	case 20, 21:
		return info == 21, nil
	case 22:
		return nil, nil
	case 23:
		return Undefined, nil
	case 25:
		return half(uint16(n)), nil
	case 26:
		return float64(math.Float32frombits(uint32(n))), nil
	case 27:
		return math.Float64frombits(n), nil
	}
	return nil, errMalformed
}

// half widens a float of 16 bits.
func half(bits uint16) float64 {
	sign, exponent, mantissa := 1-2*float64(bits>>15), int(bits>>10&31), float64(bits&1023)
	switch exponent {
	case 0:
		return math.Copysign(math.Ldexp(mantissa, -24), sign)
	case 31:
		if mantissa != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(mantissa+1024, exponent-25)
}

func (d *decoder) array(n uint64, depth int) ([]any, error) {
	if n > uint64(len(d.in)) {
		return nil, errMalformed
	}
	items := make([]any, n)
	for i := range items {
		var err error
		if items[i], err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (d *decoder) pairs(n uint64, depth int) (Map, error) {
	if n > uint64(len(d.in)) {
		return nil, errMalformed
	}
	entries := make(Map, n)
	for i := range entries {
		var err error
		if entries[i].Key, err = d.value(depth + 1); err != nil {
			return nil, err
		}
		if entries[i].Value, err = d.value(depth + 1); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// object reads a plain object; a map with a key that is no text is a Map.
func (d *decoder) object(n uint64, depth int) (any, error) {
	entries, err := d.pairs(n, depth)
	if err != nil {
		return nil, err
	}
	if d.inOrder {
		return ordered(entries), nil
	}
	object := make(map[string]any, len(entries))
	for _, entry := range entries {
		key, ok := entry.Key.(string)
		if !ok {
			return entries, nil
		}
		object[key] = entry.Value
	}
	return object, nil
}

// ordered is a plain object with its order; still a Map if a key is no text.
func ordered(entries Map) any {
	object := make(Object, len(entries))
	for i, entry := range entries {
		name, ok := entry.Key.(string)
		if !ok {
			return entries
		}
		object[i] = Property{name, entry.Value}
	}
	return object
}

// propertiesOf is a plain object without its order.
func propertiesOf(value any) (map[string]any, bool) {
	object, inOrder := value.(Object)
	if !inOrder {
		properties, ok := value.(map[string]any)
		return properties, ok
	}
	properties := make(map[string]any, len(object))
	for _, property := range object {
		properties[property.Name] = property.Value
	}
	return properties, true
}

func (d *decoder) tagged(tag uint64, depth int) (any, error) {
	switch tag {
	case tagEpoch:
		seconds, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		switch seconds := seconds.(type) {
		case int:
			return timeOfMs(float64(seconds) * 1000), nil
		case float64:
			whole, part := math.Modf(seconds)
			return timeOfMs(whole*1000 + math.Round(part*1000)), nil
		}
		return nil, errMalformed
	case tagPositive, tagNegative:
		magnitude, err := d.byteString()
		number := new(big.Int).SetBytes(magnitude)
		if tag == tagNegative {
			number.Not(number)
		}
		return number, err
	case tagSet:
		n, err := d.expect(4)
		if err != nil {
			return nil, err
		}
		items, err := d.array(n, depth)
		return Set(items), err
	case tagMap:
		n, err := d.expect(5)
		if err != nil {
			return nil, err
		}
		return d.pairs(n, depth)
	case tagGeneric:
		return d.generic(depth)
	case tagWTF8, tagBuffer, tagView:
		return d.tagOfBytes(tag)
	case tagRegExp:
		return d.regExp(depth)
	case 64:
		return d.value(depth + 1)
	}
	if t, ok := typedTypes[tag]; ok {
		return d.typed(t)
	}
	return d.value(depth + 1)
}

func (d *decoder) byteString() ([]byte, error) {
	n, err := d.expect(2)
	if err != nil {
		return nil, err
	}
	return d.take(n)
}

func (d *decoder) tagOfBytes(tag uint64) (any, error) {
	raw, err := d.byteString()
	if err != nil {
		return nil, err
	}
	switch tag {
	case tagBuffer:
		return ArrayBuffer(slices.Clone(raw)), nil
	case tagView:
		return DataView(slices.Clone(raw)), nil
	}
	return string(raw), nil
}

func (d *decoder) regExp(depth int) (any, error) {
	n, err := d.expect(4)
	if err != nil {
		return nil, err
	}
	items, err := d.array(n, depth)
	if err != nil || len(items) != 2 {
		return nil, errMalformed
	}
	source, isText := items[0].(string)
	flags, areText := items[1].(string)
	if !isText || !areText {
		return nil, errMalformed
	}
	return RegExp{source, flags}, nil
}

func (d *decoder) typed(t reflect.Type) (any, error) {
	raw, err := d.byteString()
	if err != nil {
		return nil, err
	}
	size := int(t.Elem().Size())
	if len(raw)%size != 0 {
		return nil, errMalformed
	}
	elements := reflect.MakeSlice(t, len(raw)/size, len(raw)/size)
	_, err = binary.Decode(raw, binary.LittleEndian, elements.Interface())
	return elements.Interface(), err
}

// generic reads what tag 27 is over: an error, an object of the host's, or just an array.
func (d *decoder) generic(depth int) (any, error) {
	n, err := d.expect(4)
	if err != nil {
		return nil, err
	}
	items, err := d.array(n, depth)
	if err != nil || len(items) != 3 && len(items) != 4 {
		return items, err
	}
	kind, _ := items[0].(string)
	name, isText := items[1].(string)
	if kind == genericError && isText {
		message, ok := items[2].(string)
		var properties map[string]any
		if ok && len(items) == 4 {
			properties, ok = propertiesOf(items[3])
		}
		if ok {
			return &JSError{name, message, properties}, nil
		}
	}
	if kind == genericHost && isText && len(items) == 3 && d.held != nil {
		switch number := items[2].(type) {
		case int:
			return d.held(name, uint64(number))
		case *big.Int:
			return d.held(name, number.Uint64())
		}
	}
	return items, nil
}
