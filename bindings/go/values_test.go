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
	} {
		kind, err := app.Invoke(t.Context(), "type", c.value)
		if alike := c.want == "Uint8Array" && kind == "[object ArrayBuffer]"; err != nil || kind != "[object "+c.want+"]" && !alike {
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
