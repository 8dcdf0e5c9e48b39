package nano_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"nano-isolates/nano"
)

// The conformance corpus (tests/conformance), through Go. Its README has the format.

type corpusCase struct {
	Name       string
	Source     string
	SourceKind string `json:"source_kind"`
	Env        map[string]string
	Limits     map[string]uint64
	Options    map[string]any
	Functions  []string
	LoadError  *corpusError `json:"load_error"`
	Steps      []corpusStep
}

type corpusError struct{ Name, Contains string }

type corpusFetch struct {
	Method, URL string
	Headers     [][2]string
	Body        *string
	Chunks      *[]string
	TimeoutMs   int `json:"timeout_ms"`
}

type corpusStep struct {
	Fetch  *corpusFetch
	Invoke *struct {
		Export string
		Args   []any
	}
	AdvanceMs *int64 `json:"advance_ms"`
	Finish    bool
	Pending   bool
	Expect    *corpusExpect
}

type corpusExpect struct {
	Status  *int
	Headers map[string]*string
	Body    *string
	JSON    any
	Chunks  *bool
	Error   *corpusError
	Value   json.RawMessage
}

type outcome struct {
	response *http.Response
	body     string
	value    any
	err      error
}

var functions = map[string]any{
	"echo": func(value any) any { return value },
	"add":  func(a, b int) int { return a + b },
	"fail": func() error { return errors.New("no") },
}

var kinds = map[string]nano.Kind{"": nano.Text, "text": nano.Text, "typescript": nano.TypeScript, "tsx": nano.TSX, "echo": nano.Echo}

func TestEveryCaseOfTheCorpus(t *testing.T) {
	files, err := filepath.Glob("../../tests/conformance/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("there is no corpus")
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var corpus struct{ Cases []corpusCase }
		decoder := json.NewDecoder(bytes.NewReader(content))
		decoder.UseNumber()
		if err := decoder.Decode(&corpus); err != nil {
			t.Fatal(file, err)
		}
		for _, c := range corpus.Cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+": "+c.Name, func(t *testing.T) { replay(t, c) })
		}
	}
}

// optionsOf finds the fields of the binding's options by the names that the corpus has.
func optionsOf(t *testing.T, c corpusCase) nano.AppOptions {
	options := nano.AppOptions{Source: c.Source, Kind: kinds[c.SourceKind], Env: c.Env, Bindings: map[string]any{}}
	for _, name := range c.Functions {
		options.Bindings[name] = functions[name]
	}
	limits := reflect.ValueOf(&options.Limits).Elem()
	for name, value := range c.Limits {
		wanted := strings.ReplaceAll(name, "_", "")
		field := limits.FieldByNameFunc(func(field string) bool { return strings.EqualFold(field, wanted) })
		if !field.IsValid() {
			t.Fatal("no such limit", name)
		}
		field.SetUint(value)
	}
	for name, value := range c.Options {
		switch name {
		case "outbound":
			options.Outbound = value.(string)
		case "base_url":
			options.BaseURL = value.(string)
		case "egress":
			options.Egress = map[string]nano.Egress{"public": nano.EgressPublic, "deny": nano.EgressDeny, "any": nano.EgressAny}[value.(string)]
		case "code_generation":
			options.CodeGeneration = value.(bool)
		case "random_seed":
			n, _ := value.(json.Number).Int64()
			seed := uint64(n)
			options.Seed = &seed
		default:
			t.Fatal("no such option", name)
		}
	}
	return options
}

func replay(t *testing.T, c corpusCase) {
	runtime := newRuntime(t, nano.Options{Threads: 1, ManualClock: true})
	app, err := runtime.Load(optionsOf(t, c))
	checkError(t, err, c.LoadError)
	if err != nil {
		return
	}
	pending := make(chan outcome, 1)
	for _, step := range c.Steps {
		switch {
		case step.AdvanceMs != nil:
			must(t, runtime.Advance(time.Duration(*step.AdvanceMs)*time.Millisecond))
		case step.Finish:
			check(t, <-pending, *step.Expect)
		case step.Pending:
			before := stats(t, app).Requests
			go func() { pending <- fetch(app, *step.Fetch) }()
			for stats(t, app).Requests == before {
				goruntime.Gosched()
			}
			// Whatever was asked before has had its turn when this is answered: one thread, one queue.
			if _, err := app.Invoke(t.Context(), "there is no such function"); err == nil {
				t.Fatal("it is there")
			}
		case step.Fetch != nil:
			check(t, fetch(app, *step.Fetch), *step.Expect)
		default:
			args := make([]any, len(step.Invoke.Args))
			for i, arg := range step.Invoke.Args {
				args[i] = valueOf(t, arg)
			}
			check(t, invoke(t, app, step.Invoke.Export, args, *step.Expect), *step.Expect)
		}
	}
}

// A pieces is a body of which each Read is one piece.
type pieces struct{ left []string }

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(into, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

// invoke takes a plain object with its order where one is expected.
func invoke(t *testing.T, app *nano.App, export string, args []any, expect corpusExpect) (o outcome) {
	if _, ok := expect.value(t).(nano.Object); ok {
		var object nano.Object
		o.err = app.InvokeInto(t.Context(), &object, export, args...)
		o.value = object
		return o
	}
	o.value, o.err = app.Invoke(t.Context(), export, args...)
	return o
}

func fetch(app *nano.App, f corpusFetch) (o outcome) {
	ctx := context.Background()
	if f.TimeoutMs > 0 {
		ctx = nano.WithWallLimit(ctx, time.Duration(f.TimeoutMs)*time.Millisecond)
	}
	target, err := url.Parse(f.URL)
	if err != nil {
		return outcome{err: err}
	}
	request := (&http.Request{Method: f.Method, URL: target, Header: http.Header{}}).WithContext(ctx)
	for _, header := range f.Headers {
		request.Header.Add(header[0], header[1])
	}
	if f.Body != nil {
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(*f.Body)), int64(len(*f.Body))
	}
	if f.Chunks != nil {
		request.Body, request.ContentLength = io.NopCloser(&pieces{*f.Chunks}), -1
	}
	if o.response, o.err = app.RoundTrip(request); o.err != nil {
		return o
	}
	defer o.response.Body.Close()
	content, err := io.ReadAll(o.response.Body)
	o.body, o.err = string(content), err
	return o
}

func check(t *testing.T, o outcome, expect corpusExpect) {
	t.Helper()
	checkError(t, o.err, expect.Error)
	if expect.Status != nil && o.response.StatusCode != *expect.Status {
		t.Errorf("status %d is not %d", o.response.StatusCode, *expect.Status)
	}
	for name, value := range expect.Headers {
		have := o.response.Header.Values(name)
		if value == nil && len(have) > 0 || value != nil && strings.Join(have, ", ") != *value {
			t.Errorf("header %s: %q", name, have)
		}
	}
	if expect.Body != nil && o.body != *expect.Body {
		t.Errorf("body %q is not %q", o.body, *expect.Body)
	}
	if isStream := o.response != nil && o.response.ContentLength < 0; expect.Chunks != nil && isStream != *expect.Chunks {
		t.Errorf("a stream: %v", isStream)
	}
	if expect.JSON != nil {
		var have, want any
		must(t, json.Unmarshal([]byte(o.body), &have))
		again, _ := json.Marshal(expect.JSON)
		must(t, json.Unmarshal(again, &want))
		if !reflect.DeepEqual(have, want) {
			t.Errorf("JSON %v is not %v", have, want)
		}
	}
	if expect.Value != nil {
		if want := expect.value(t); !same(o.value, want) {
			t.Errorf("value %T %v is not %T %v", o.value, o.value, want, want)
		}
	}
}

// value is nil if none is expected.
func (e corpusExpect) value(t *testing.T) any {
	t.Helper()
	if e.Value == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(e.Value))
	decoder.UseNumber()
	var coded any
	must(t, decoder.Decode(&coded))
	return valueOf(t, coded)
}

func checkError(t *testing.T, err error, want *corpusError) {
	t.Helper()
	var have *nano.Error
	switch {
	case err == nil && want == nil:
	case err == nil:
		t.Errorf("no error, but %s was expected", want.Name)
	case want == nil || !errors.As(err, &have):
		t.Fatalf("failed with %v", err)
	case have.Code.Error() != want.Name || !strings.Contains(have.Message, want.Contains):
		t.Errorf("failed with %v, and not with %v", err, *want)
	}
}

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
		return &nano.JSError{Name: content.([]any)[0].(string), Message: content.([]any)[1].(string)}
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
