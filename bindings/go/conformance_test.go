package nano_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"nano-isolates/nano"
)

// The conformance corpus (tests/conformance), through Go. Its README has the format; what is not a field here is refused.

type corpusVersion struct {
	Source     string
	SourceKind string `json:"source_kind"`
	Env        map[string]string
}

type corpusApp struct {
	corpusVersion
	Name    string
	Limits  map[string]uint64
	Options map[string]any
	Host    []string
}

type corpusCase struct {
	corpusApp
	Runtime   struct{ Apps, Requests int }
	LoadError *corpusError `json:"load_error"`
	Steps     []corpusStep
}

type corpusError struct{ Name, Contains string }

type corpusFetch struct {
	Method, URL string
	Headers     [][2]string
	Body        *corpusText
	Chunks      *[]corpusText
	TimeoutMs   int `json:"timeout_ms"`
}

type corpusInvoke struct {
	Export string
	Args   []any
}

type corpusStep struct {
	Fetch     *corpusFetch
	Invoke    *corpusInvoke
	Finish    *bool
	AdvanceMs *int64 `json:"advance_ms"`
	Log       *[][]any
	States    *[][]string
	Reload    *corpusVersion
	Load      *corpusApp
	Unload    *bool
	Kill      *int
	Drain     *bool
	Close     *bool

	Pending bool
	Expect  *corpusExpect
}

type corpusExpect struct {
	Status  *int
	Headers map[string]*string
	Body    *corpusText
	JSON    any
	Chunks  *bool
	Error   *corpusError
	Value   json.RawMessage
}

// A corpusText is a text, or [text, times].
type corpusText string

func (c *corpusText) UnmarshalJSON(coded []byte) error {
	var text string
	times := 1
	given := []any{&text, &times}
	if bytes.HasPrefix(coded, []byte("[")) {
		if err := json.Unmarshal(coded, &given); err != nil {
			return err
		}
	} else if err := json.Unmarshal(coded, &text); err != nil {
		return err
	}
	*c = corpusText(strings.Repeat(text, times))
	return nil
}

type outcome struct {
	response *http.Response
	body     string
	value    any
	err      error
}

type mirror struct{}

func (mirror) RoundTrip(r *http.Request) (*http.Response, error) {
	body := r.Body
	if strings.HasSuffix(r.URL.Path, "/broken") {
		body = io.NopCloser(io.MultiReader(r.Body, iotest.ErrReader(errors.New("no"))))
	}
	header := http.Header{"X-Method": {r.Method}, "X-Url": {r.URL.String()}}
	return &http.Response{StatusCode: http.StatusCreated, Header: header, Body: body}, nil
}

func (mirror) Twice(text string) string { return text + text }

type counter struct {
	sync.Mutex
	Value int
}

func (c *counter) Add(n int) int {
	c.Lock()
	defer c.Unlock()
	c.Value += n
	return c.Value
}

func (c *counter) Fail() error { return errors.New("no") }

func (c *counter) Itself() *counter { return c }

var ofTheHost = map[string]any{
	"echo":    func(value any) any { return value },
	"add":     func(a, b int) int { return a + b },
	"fail":    func() error { return errors.New("no") },
	"mirror":  mirror{},
	"Counter": nano.Class{New: func(start int) *counter { return &counter{Value: start} }},
}

var (
	kinds    = map[string]nano.Kind{"": nano.Text, "text": nano.Text, "typescript": nano.TypeScript, "tsx": nano.TSX, "echo": nano.Echo, "file": nano.File}
	egresses = map[string]nano.Egress{"public": nano.EgressPublic, "deny": nano.EgressDeny, "any": nano.EgressAny}
)

// known finds what there has to be by this name.
func known[T any](t *testing.T, all map[string]T, name string) T {
	t.Helper()
	found, ok := all[name]
	if !ok {
		t.Fatalf("there is no %q", name)
	}
	return found
}

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
		var corpus struct {
			About string
			Cases []corpusCase
		}
		decoder := json.NewDecoder(bytes.NewReader(content))
		decoder.UseNumber()
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&corpus); err != nil {
			t.Fatal(file, err)
		}
		for _, c := range corpus.Cases {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+": "+c.Name, func(t *testing.T) { replay(t, c) })
		}
	}
}

// optionsOf finds the fields of the binding's options by the names that the corpus has.
func optionsOf(t *testing.T, c corpusApp, name string) nano.AppOptions {
	t.Helper()
	options := nano.AppOptions{Name: name, Source: c.Source, Kind: known(t, kinds, c.SourceKind), Env: c.Env, Bindings: map[string]any{}}
	for _, name := range c.Host {
		options.Bindings[name] = known(t, ofTheHost, name)
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
			options.Egress = known(t, egresses, value.(string))
		case "code_generation":
			options.CodeGeneration = value.(bool)
		case "random_seed":
			n, err := value.(json.Number).Int64()
			must(t, err)
			seed := uint64(n)
			options.Seed = &seed
		default:
			t.Fatal("no such option", name)
		}
	}
	return options
}

// A replayed is a case that is being replayed.
type replayed struct {
	*testing.T
	corpusCase
	runtime *nano.Runtime
	app     *nano.App
	pending chan outcome

	mu     sync.Mutex
	lines  []nano.Log
	states []nano.Change
	marks  int
}

func replay(t *testing.T, c corpusCase) {
	r := &replayed{T: t, corpusCase: c, pending: make(chan outcome, 1)}
	r.runtime = newRuntime(t, nano.Options{
		Threads: 1, ManualClock: true, Apps: c.Runtime.Apps, Requests: c.Runtime.Requests,
		OnLog: func(line nano.Log) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.lines = append(r.lines, line)
		},
		OnChange: func(change nano.Change) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.states = append(r.states, change)
		},
	})
	var err error
	r.app, err = r.runtime.Load(optionsOf(t, c.corpusApp, "case"))
	checkError(t, err, c.LoadError)
	if err != nil {
		return
	}
	for _, step := range c.Steps {
		r.step(step)
	}
}

func (r *replayed) step(step corpusStep) {
	verbs := 0
	for i := range reflect.TypeFor[corpusStep]().NumField() {
		if field := reflect.ValueOf(step).Field(i); field.Kind() == reflect.Pointer && !field.IsNil() && field.Interface() != any(step.Expect) {
			verbs++
		}
	}
	hasResponse, hasValue, hasOutcome := step.Fetch != nil || step.Finish != nil, step.Invoke != nil, step.Reload != nil || step.Load != nil || step.Unload != nil
	isExpected := (hasResponse || hasValue || hasOutcome) && !step.Pending
	if verbs != 1 || step.Pending && step.Fetch == nil || isExpected != (step.Expect != nil) {
		r.Fatalf("what step is %+v?", step)
	}
	if e := step.Expect; e != nil {
		if (e.Status != nil || e.Headers != nil || e.Body != nil || e.JSON != nil || e.Chunks != nil) && !hasResponse || e.Value != nil && !hasValue {
			r.Fatalf("nothing of that comes of step %+v", step)
		}
		check(r.T, r.outcome(step), *e)
		return
	}
	r.act(step)
}

// outcome is what comes of a step that may fail.
func (r *replayed) outcome(step corpusStep) (o outcome) {
	switch {
	case step.Fetch != nil:
		return fetch(r.app, *step.Fetch)
	case step.Finish != nil:
		return <-r.pending
	case step.Invoke != nil:
		args := make([]any, len(step.Invoke.Args))
		for i, arg := range step.Invoke.Args {
			args[i] = valueOf(r.T, arg)
		}
		return invoke(r.T, r.app, step.Invoke.Export, args, *step.Expect)
	case step.Unload != nil:
		o.err = r.app.Unload(0)
	case step.Load != nil:
		name := step.Load.Name
		if name == "" {
			name = "case"
		}
		app, err := r.runtime.Load(optionsOf(r.T, *step.Load, name))
		if o.err = err; err == nil {
			r.app = app
		}
	default:
		next := r.corpusApp
		next.Source, next.SourceKind = step.Reload.Source, step.Reload.SourceKind
		if step.Reload.SourceKind == "" {
			next.SourceKind = r.SourceKind
		}
		if step.Reload.Env != nil {
			next.Env = step.Reload.Env
		}
		o.err = r.app.Reload(optionsOf(r.T, next, ""))
	}
	return o
}

func (r *replayed) act(step corpusStep) {
	switch {
	case step.AdvanceMs != nil:
		must(r.T, r.runtime.Advance(time.Duration(*step.AdvanceMs)*time.Millisecond))
	case step.Pending:
		before := stats(r.T, r.app).Requests
		go func() { r.pending <- fetch(r.app, *step.Fetch) }()
		for stats(r.T, r.app).Requests == before {
			goruntime.Gosched()
		}
		// Whatever was asked before has had its turn when this is answered: one thread, one queue.
		if _, err := r.app.Invoke(r.Context(), "there is no such function"); err == nil {
			r.Fatal("it is there")
		}
	case step.Log != nil:
		checkLog(r.T, heard(r, &r.lines, func(line nano.Log) string { return line.App }), *step.Log)
	case step.States != nil:
		checkStates(r.T, heard(r, &r.states, func(change nano.Change) string { return change.App }), *step.States)
	case step.Kill != nil:
		instances, err := r.app.Kill()
		must(r.T, err)
		if instances != *step.Kill {
			r.Errorf("%d instances were ended, and not %d", instances, *step.Kill)
		}
	case step.Drain != nil:
		err := r.runtime.Drain(0)
		if wereLeft := errors.Is(err, nano.ErrTimeout); wereLeft != *step.Drain || err != nil && !wereLeft {
			r.Errorf("drained with %v", err)
		}
	default:
		must(r.T, r.runtime.Close())
	}
}

// heard takes what has been heard, when all has come that was said: whoever speaks now is heard last. One thread, one queue.
func heard[T any](r *replayed, from *[]T, appOf func(T) string) []T {
	r.marks++
	mark := fmt.Sprint("mark ", r.marks)
	_, err := r.runtime.Load(nano.AppOptions{Name: mark, Source: "console.log('mark'); export function nothing() {}"})
	must(r.T, err)
	for isHeard := false; !isHeard; goruntime.Gosched() {
		r.mu.Lock()
		isHeard = slices.ContainsFunc(r.lines, func(line nano.Log) bool { return line.App == mark })
		r.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.DeleteFunc(*from, func(said T) bool { return strings.HasPrefix(appOf(said), "mark") })
	*from = nil
	return all
}

func checkLog(t *testing.T, lines []nano.Log, want [][]any) {
	t.Helper()
	have := []string{}
	for _, line := range lines {
		have = append(have, fmt.Sprint(strings.ToLower(line.Level.String()), " ", line.Dropped, " ", line.Text))
	}
	wanted := []string{}
	for _, line := range want {
		wanted = append(wanted, fmt.Sprint(line[0], " ", append(line, 0)[2], " ", line[1]))
	}
	if !slices.Equal(have, wanted) {
		t.Errorf("the log is %q, and not %q", have, wanted)
	}
}

func checkStates(t *testing.T, states []nano.Change, want [][]string) {
	t.Helper()
	slices.SortFunc(states, func(a, b nano.Change) int { return strings.Compare(a.State+a.Reason, b.State+b.Reason) })
	ok := len(states) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = states[i].State == want[i][0] && (len(want[i]) == 1 || strings.Contains(states[i].Reason, want[i][1]))
	}
	if !ok {
		t.Errorf("the states are %v, and not %v", states, want)
	}
}

// A pieces is a body of which each Read is one piece, or what of it there is room for.
type pieces struct{ left []string }

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(into, p.left[0])
	if p.left[0] = p.left[0][n:]; p.left[0] == "" {
		p.left = p.left[1:]
	}
	return n, nil
}

// invoke takes plain objects with their order where they are expected.
func invoke(t *testing.T, app *nano.App, export string, args []any, expect corpusExpect) (o outcome) {
	switch want := expect.value(t).(type) {
	case nano.Object:
		var object nano.Object
		o.err = app.InvokeInto(t.Context(), &object, export, args...)
		o.value = object
		return o
	case []any:
		isObject := func(item any) bool { _, ok := item.(nano.Object); return ok }
		if len(want) == 0 || !isObject(want[0]) || slices.ContainsFunc(want, func(item any) bool { return !isObject(item) }) {
			break
		}
		var objects []nano.Object
		o.err = app.InvokeInto(t.Context(), &objects, export, args...)
		items := make([]any, len(objects))
		for i, object := range objects {
			items[i] = object
		}
		o.value = items
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
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(string(*f.Body))), int64(len(*f.Body))
	}
	if f.Chunks != nil {
		body := &pieces{}
		for _, chunk := range *f.Chunks {
			body.left = append(body.left, string(chunk))
		}
		request.Body, request.ContentLength = io.NopCloser(body), -1
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
	if expect.Body != nil && o.body != string(*expect.Body) {
		t.Errorf("body %.100q of %d bytes is not %.100q of %d", o.body, len(o.body), *expect.Body, len(*expect.Body))
	}
	if isStream := o.response != nil && o.response.ContentLength < 0; expect.Chunks != nil && isStream != *expect.Chunks {
		t.Errorf("a stream: %v", isStream)
	}
	if expect.JSON != nil {
		var have, want any
		must(t, json.Unmarshal([]byte(o.body), &have))
		if seen, ok := have.(map[string]any); ok && o.response.Request.ContentLength > 0 {
			if headers, ok := seen["headers"].(map[string]any); ok {
				// net/http says how long a body is; where a dispatch does not, the corpus expects nothing.
				delete(headers, "content-length")
			}
		}
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
