package nano

import (
	"fmt"
	"math"
	"time"
)

// Undefined is JavaScript's undefined, where it is not the same as null: inside of values. Decoded into a type that has no such thing it
// is that type's zero value, as null is.
var Undefined = UndefinedType{}

// UndefinedType is the type of Undefined.
type UndefinedType struct{}

func (UndefinedType) String() string { return "undefined" }

// A Map is a JavaScript Map, in its order.
type Map []MapEntry

// A MapEntry is one entry of a Map.
type MapEntry struct{ Key, Value any }

// A Set is a JavaScript Set, in its order.
type Set []any

// An Object is a plain object whose properties have an order, for encoding and for InvokeInto; a Go map is written in the order of its
// sorted keys.
type Object []Property

// A Property is one property of an Object.
type Property struct {
	Name  string
	Value any
}

// A Date is what no time.Time can say: NaN is JavaScript's invalid date. Other dates are time.Time.
type Date float64

// A JSError is a JavaScript error as a value: its name, its message, and its own properties ("cause" and "errors" too). Its stack stays
// with the app.
type JSError struct {
	Name, Message string
	Properties    map[string]any
}

func (e *JSError) Error() string { return e.Name + ": " + e.Message }

// Unwrap gives the cause of the error, if that is an error.
func (e *JSError) Unwrap() error {
	cause, _ := e.Properties["cause"].(error)
	return cause
}

// An ArrayBuffer is an ArrayBuffer; other bytes are a Uint8Array.
type ArrayBuffer []byte

// A DataView is a DataView.
type DataView []byte

// A RegExp is a RegExp: what its constructor takes. Its language is JavaScript's, not that of package regexp.
type RegExp struct{ Source, Flags string }

// Typed arrays other than Uint8Array, which is []byte. Plain slices are arrays.
type (
	// Int8Array is an Int8Array.
	Int8Array []int8
	// Uint8ClampedArray is a Uint8ClampedArray.
	Uint8ClampedArray []uint8
	// Int16Array is an Int16Array.
	Int16Array []int16
	// Uint16Array is a Uint16Array.
	Uint16Array []uint16
	// Int32Array is an Int32Array.
	Int32Array []int32
	// Uint32Array is a Uint32Array.
	Uint32Array []uint32
	// Float16Array is a Float16Array, each element by its bits.
	Float16Array []uint16
	// Float32Array is a Float32Array.
	Float32Array []float32
	// Float64Array is a Float64Array.
	Float64Array []float64
	// BigInt64Array is a BigInt64Array.
	BigInt64Array []int64
	// BigUint64Array is a BigUint64Array.
	BigUint64Array []uint64
)

const (
	depthMax       = 64
	safeIntegerMax = 1<<53 - 1
	dateMsMax      = 8.64e15
)

// The tags of CBOR that mean something to NANO; crates/nano-base/src/cbor.rs has the table.
const (
	tagEpoch     = 1
	tagPositive  = 2
	tagNegative  = 3
	tagGeneric   = 27
	tagSet       = 258
	tagMap       = 259
	tagWTF8      = 273
	tagRegExp    = 21066
	tagBuffer    = 0x4e414e4f
	tagView      = tagBuffer + 1
	genericError = "Error"
	genericHost  = "HostObject"
)

func timeOfMs(ms float64) any {
	if math.IsNaN(ms) || math.Abs(ms) > dateMsMax {
		return Date(math.NaN())
	}
	return time.UnixMilli(int64(ms)).UTC()
}

func cannotCross(what any) *Error {
	return invalid("a value of type %v cannot cross to an app", what)
}

func tooDeep() *Error {
	return codeError(ErrTooLarge, "%s", fmt.Sprintf("the value is nested more than %d deep, or contains itself", depthMax))
}
