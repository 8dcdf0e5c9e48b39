package nano_test

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"nano-isolates/nano"
)

const echo = "export const echo = (value) => value; export const type = (value) => Object.prototype.toString.call(value); " +
	"export const json = (value) => JSON.stringify(value); export const nothing = () => {};"

type address struct {
	Street string
	Zip    *int `json:"zip,omitempty"`
	secret int
	Hidden string `nano:"-"`
}

type person struct {
	address
	Name    string
	Age     uint8
	Tags    []string
	Scores  map[string]float64
	Born    time.Time
	Friends []*person
	Balance *big.Int
	Raw     []byte
	Grid    [2][2]int
	Any     any
}

func TestStructsCrossByTheirFields(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	zip := 8001
	ada := person{
		address: address{Street: "Main", Zip: &zip, secret: 1, Hidden: "x"}, Name: "Ada", Age: 36, Tags: []string{"a", "b"},
		Scores: map[string]float64{"x": 0.5, "y": 2}, Born: time.UnixMilli(-4_865_000_000_123).UTC(),
		Friends: []*person{{Name: "Bea", Balance: big.NewInt(1), Tags: []string{}, Scores: map[string]float64{}, Raw: []byte{}, Friends: []*person{}}},
		Balance: new(big.Int).Lsh(big.NewInt(1), 70), Raw: []byte{0, 255}, Grid: [2][2]int{{1, 2}, {3, 4}}, Any: map[string]any{"k": []any{1, nil}},
	}
	var back person
	must(t, app.InvokeInto(t.Context(), &back, "echo", ada))
	ada.secret, ada.Hidden, ada.Friends[0].Born = 0, "", back.Friends[0].Born
	if !reflect.DeepEqual(ada, back) {
		t.Errorf("%+v\n%+v", ada, back)
	}
	text, err := app.Invoke(t.Context(), "json", address{Street: "Main"})
	if err != nil || text != `{"street":"Main"}` {
		t.Error(text, err)
	}
}

func TestNumbersKeepTheirValue(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	for _, number := range []float64{0, 1, -1, 1.5, 1e300, -1e-300, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Copysign(0, -1), 65504, 1 << 53, 1e21, 0.1, float64(float32(0.1))} {
		var back float64
		must(t, app.InvokeInto(t.Context(), &back, "echo", number))
		if math.Float64bits(back) != math.Float64bits(number) {
			t.Error(number, "came back as", back)
		}
	}
	for _, number := range []any{int64(math.MaxInt64), int64(math.MinInt64), uint64(math.MaxUint64), new(big.Int).Lsh(big.NewInt(-1), 200)} {
		back := reflect.New(reflect.TypeOf(number))
		must(t, app.InvokeInto(t.Context(), back.Interface(), "echo", number))
		if !reflect.DeepEqual(back.Elem().Interface(), number) {
			t.Error(number, "came back as", back.Elem())
		}
	}
}

func TestTypesOfJavaScript(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	type celsius float64
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "Null"}, {nano.Undefined, "Undefined"}, {true, "Boolean"}, {celsius(1), "Number"}, {big.NewInt(1), "BigInt"}, {int64(1) << 60, "BigInt"},
		{[]int64{1}, "Array"}, {[]int(nil), "Array"}, {map[string]int(nil), "Object"}, {map[int]string{1: "x"}, "Map"}, {nano.Set{1}, "Set"},
		{[]byte(nil), "Uint8Array"}, {nano.Float32Array{1}, "Float32Array"}, {nano.BigUint64Array{1}, "BigUint64Array"}, {nano.Uint8ClampedArray{1}, "Uint8ClampedArray"},
		{time.Now(), "Date"}, {nano.Date(math.NaN()), "Date"}, {errors.New("x"), "Error"}, {(*person)(nil), "Null"}, {struct{}{}, "Object"},
		{nano.ArrayBuffer{1}, "ArrayBuffer"}, {nano.DataView{1}, "DataView"}, {nano.RegExp{Source: "a"}, "RegExp"},
	} {
		kind, err := app.Invoke(t.Context(), "type", c.value)
		if err != nil || kind != "[object "+c.want+"]" {
			t.Errorf("%T is %v: %v", c.value, kind, err)
		}
	}
	date, err := app.Invoke(t.Context(), "echo", nano.Date(math.NaN()))
	if back, ok := date.(nano.Date); err != nil || !ok || !math.IsNaN(float64(back)) {
		t.Error(date, err)
	}
	nothing, err := app.Invoke(t.Context(), "nothing")
	if err != nil || nothing != nil {
		t.Error(nothing, err)
	}
}

func TestBuffersFitSlicesOfBytes(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	for _, sent := range []any{[]byte{1, 2}, nano.ArrayBuffer{1, 2}, nano.DataView{1, 2}} {
		var back []byte
		must(t, app.InvokeInto(t.Context(), &back, "echo", sent))
		kept, err := app.Invoke(t.Context(), "echo", sent)
		if !reflect.DeepEqual(back, []byte{1, 2}) || err != nil || !reflect.DeepEqual(kept, sent) {
			t.Errorf("%T came back as %v and %T %v: %v", sent, back, kept, kept, err)
		}
	}
}

func TestErrorsComeWithTheirCause(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	why := &nano.JSError{Name: "TypeError", Message: "why"}
	sent := &nano.JSError{Name: "RangeError", Message: "far", Properties: map[string]any{"cause": why, "code": 7}}
	back, err := app.Invoke(t.Context(), "echo", sent)
	if err != nil || !reflect.DeepEqual(back, sent) {
		t.Error(back, err)
	}
	var cause *nano.JSError
	if !errors.As(errors.Unwrap(back.(error)), &cause) || cause.Message != "why" || errors.Unwrap(cause) != nil {
		t.Error(cause)
	}
}

func TestHalfASurrogatePairStaysOne(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	for _, text := range []string{"\xed\xa0\xbd", "a\xed\xb8\x80\xed\xa0\xbd", "\ufffd\xed\xa0\x80ü"} {
		if back, err := app.Invoke(t.Context(), "echo", text); err != nil || back != text {
			t.Errorf("%q came back as %q: %v", text, back, err)
		}
	}
	// A pair that is written as two halves is one character, and has its own bytes; the rest is no text at all.
	for _, text := range []string{"\xed\xa0\xbd\xed\xb8\x80", "\xff", "a\xed\xa0"} {
		if _, err := app.Invoke(t.Context(), "echo", text); !errors.Is(err, nano.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhatCannotCrossIsAnError(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	type loop struct{ Next *loop }
	endless := &loop{}
	endless.Next = endless
	for _, c := range []struct {
		value any
		code  nano.Code
	}{{func() {}, nano.ErrInvalid}, {make(chan int), nano.ErrInvalid}, {complex(1, 1), nano.ErrInvalid}, {endless, nano.ErrTooLarge}} {
		if _, err := app.Invoke(t.Context(), "echo", c.value); !errors.Is(err, c.code) {
			t.Errorf("%T: %v", c.value, err)
		}
	}
	var small int8
	for _, c := range []struct{ into, value any }{{&small, 128}, {&small, 1.5}, {&small, "1"}, {new(string), 1}, {new([]int), map[string]any{}}, {new([2]int), []any{1}}, {new(time.Time), 1}, {new(bool), 0}} {
		if err := app.InvokeInto(t.Context(), c.into, "echo", c.value); !errors.Is(err, nano.ErrInvalid) {
			t.Errorf("%T into %T: %v", c.value, c.into, err)
		}
	}
	if err := app.InvokeInto(t.Context(), small, "echo", 1); !errors.Is(err, nano.ErrInvalid) {
		t.Error(err)
	}
}

func TestARequestSaysWhatItUsed(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	var account nano.Account
	_, err := app.Invoke(nano.WithAccount(t.Context(), &account), "echo", 1)
	if err != nil || account.Wall <= 0 || account.HeapBytes == 0 {
		t.Error(account, err)
	}
}

// A Base is embedded in others.
type Base struct{ X, Hidden int }

// A Far is embedded by a pointer.
type Far struct{ Y int }

type embeds struct {
	Base
	*Far
	time.Time
	Hidden string
}

// One name for two is nobody's, as encoding/json has it, unless one of them alone has it by a tag.
type twice struct {
	A int `nano:"n"`
	B int `nano:"n"`
	C int `nano:"d"`
	D int
}

func TestEmbeddedStructsCrossAsEncodingJSONHasThem(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	born := time.UnixMilli(1234).UTC()
	for _, c := range []struct {
		value any
		want  string
	}{
		{embeds{Base{1, 2}, &Far{3}, born, "own"}, `{"x":1,"y":3,"time":"1970-01-01T00:00:01.234Z","hidden":"own"}`},
		{embeds{Base: Base{1, 2}, Time: born}, `{"x":1,"time":"1970-01-01T00:00:01.234Z","hidden":""}`},
		{twice{1, 2, 3, 4}, `{"d":3}`},
	} {
		if text, err := app.Invoke(t.Context(), "json", c.value); err != nil || text != c.want {
			t.Error(text, err)
		}
	}
	for _, want := range []embeds{{Base{1, 0}, &Far{3}, born, "own"}, {Base{1, 0}, nil, born, "own"}} {
		var back embeds
		if err := app.InvokeInto(t.Context(), &back, "echo", want); err != nil || !reflect.DeepEqual(back, want) {
			t.Error(back, err)
		}
	}
}

func TestNumbersGoWhereTheyAreHeld(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo + "export const bigint = () => 12345678901234567890n;"})
	var single float32
	for value, want := range map[float64]float32{0.1: 0.1, 16777217: 16777216, math.Inf(-1): float32(math.Inf(-1))} {
		if err := app.InvokeInto(t.Context(), &single, "echo", value); err != nil || single != want {
			t.Error(value, single, err)
		}
	}
	for _, value := range []float64{1e300, -1e39} {
		if err := app.InvokeInto(t.Context(), &single, "echo", value); !errors.Is(err, nano.ErrInvalid) {
			t.Error(value, single, err)
		}
	}
	var whole big.Int
	for export, want := range map[string]string{"bigint": "12345678901234567890", "echo": "100000000000000000000"} {
		if err := app.InvokeInto(t.Context(), &whole, export, 1e20); err != nil || whole.String() != want {
			t.Error(&whole, err)
		}
		var pointed *big.Int
		if err := app.InvokeInto(t.Context(), &pointed, export, 1e20); err != nil || pointed.String() != want {
			t.Error(pointed, err)
		}
	}
	type account struct{ Balance big.Int }
	var back account
	if err := app.InvokeInto(t.Context(), &back, "echo", account{*big.NewInt(7)}); err != nil || back.Balance.String() != "7" {
		t.Error(&back.Balance, err)
	}
	if err := app.InvokeInto(t.Context(), &whole, "echo", 0.5); !errors.Is(err, nano.ErrInvalid) {
		t.Error(err)
	}
}

func TestTimesThatJavaScriptDoesNotHaveAreErrors(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo})
	for ms, ok := range map[int64]bool{8.64e15: true, -8.64e15: true, 8.64e15 + 1: false, -8.64e15 - 1: false} {
		var back time.Time
		err := app.InvokeInto(t.Context(), &back, "echo", time.UnixMilli(ms))
		if isThere := err == nil && back.UnixMilli() == ms; isThere != ok || !ok && !errors.Is(err, nano.ErrInvalid) {
			t.Error(ms, back, err)
		}
	}
	if _, err := app.Invoke(t.Context(), "echo", time.Unix(1<<60, 0)); !errors.Is(err, nano.ErrInvalid) {
		t.Error(err)
	}
}

func TestAMapMayHaveAKeyThatIsNoNumber(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echo + "export const entries = (map) => String([...map]);"})
	text, err := app.Invoke(t.Context(), "entries", map[float64]int{math.NaN(): 1})
	if err != nil || text != "NaN,1" {
		t.Error(text, err)
	}
}

func TestASliceOfObjectsKeepsTheirOrder(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: "export const all = () => [{ b: 1, a: { d: 1, c: 2 } }, {}];"})
	var objects []nano.Object
	want := []nano.Object{{{Name: "b", Value: 1}, {Name: "a", Value: nano.Object{{Name: "d", Value: 1}, {Name: "c", Value: 2}}}}, {}}
	if err := app.InvokeInto(t.Context(), &objects, "all"); err != nil || !reflect.DeepEqual(objects, want) {
		t.Error(objects, err)
	}
}
