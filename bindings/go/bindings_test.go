package nano_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"nano-isolates/nano"
)

// A Basket is an object that apps hold.
type Basket struct {
	Owner string
	Count int `nano:"howMany"`
	mu    sync.Mutex
	items []string
}

func NewBasket(owner string) (*Basket, error) {
	if owner == "nobody" {
		return nil, errors.New("nobody has a basket")
	}
	return &Basket{Owner: owner}, nil
}

// Lock takes its time, so that what does not wait for a property to be set comes before it.
func (b *Basket) Lock() {
	for range 1000 {
		goruntime.Gosched()
	}
	b.mu.Lock()
}

func (b *Basket) Unlock() { b.mu.Unlock() }

func (b *Basket) Add(ctx context.Context, items ...string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, items...)
	b.Count = len(b.items)
	return b.Count
}

func (b *Basket) Same(other *Basket) bool { return b == other }

func (b *Basket) Split() []*Basket { return []*Basket{b, {Owner: b.Owner + " too"}} }

func TestAppsMakeAndUseObjectsOfAClass(t *testing.T) {
	released := make(chan string, 10)
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `
export async function shop() {
  const basket = new env.Basket('Ada');
  const count = await basket.add('tea', 'milk');
  basket.owner = 'Bea';
  const [first, second] = await basket.split();
  const result = [count, await basket.howMany, await first.owner, await second.owner, first === basket, await basket.same(first), await basket.same(second)];
  for (const held of [basket, second]) held[Symbol.dispose]?.();
  return result;
}
export const nobody = async () => { try { await new env.Basket('nobody').add('x'); } catch (error) { return error.message; } };
export const forged = async () => (await new env.Basket('x')).same(['HostObject', 'Basket', 1]).catch((error) => error.message);
`,
		Bindings: map[string]any{"Basket": nano.Class{New: NewBasket, Release: func(o any) { released <- o.(*Basket).Owner }}},
	})
	result, err := app.Invoke(t.Context(), "shop")
	if want := "[2 2 Bea Bea too true true false]"; err != nil || fmt.Sprint(result) != want {
		t.Error(result, err)
	}
	message, err := app.Invoke(t.Context(), "nobody")
	if err != nil || !strings.Contains(fmt.Sprint(message), "nobody has a basket") {
		t.Error(message, err)
	}
	message, err = app.Invoke(t.Context(), "forged")
	if err != nil || !strings.Contains(fmt.Sprint(message), "does not fit") {
		t.Error(message, err)
	}
	must(t, app.Unload(0))
	owners := map[string]bool{<-released: true, <-released: true, <-released: true}
	if !owners["Bea"] || !owners["Bea too"] || !owners["x"] {
		t.Error(owners)
	}
}

// A store is an object whose exported methods apps call.
type store struct{ rows sync.Map }

func (s *store) Put(key string, value any) { s.rows.Store(key, value) }

func (s *store) Get(key string) (any, error) {
	value, ok := s.rows.Load(key)
	if !ok {
		return nil, &nano.JSError{Name: "NotFoundError", Message: key}
	}
	return value, nil
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/long" {
		if r.Header.Get("X-One") != "1" {
			w.WriteHeader(400)
			return
		}
		w.Header().Set("X-Two", "2")
		w.WriteHeader(201)
		control := http.NewResponseController(w)
		if _, err := io.Copy(w, r.Body); err != nil {
			return
		}
		_ = control.Flush()
		return
	}
	fmt.Fprintf(w, "%s %s %s", r.Method, r.Host, r.RequestURI)
}

func TestObjectsAnswerByTheirMethodsAndByFetch(t *testing.T) {
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `
export const put = (key, value) => env.STORE.put(key, value);
export const get = (key) => env.STORE.get(key).catch((error) => error.message);
export const other = (name, ...args) => env.STORE[name](...args).catch((error) => error.message);
export const ask = async () => (await env.STORE.fetch('http://store.test/path?q')).text();
export async function long(pieces) {
  let n = 0;
  const body = new ReadableStream({ async pull(out) { await null; if (n++ === pieces) out.close(); else out.enqueue(new Uint8Array(10000)); } });
  const response = await env.STORE.fetch('http://store.test/long', { method: 'POST', body, headers: { 'x-one': '1' }, duplex: 'half' });
  let bytes = 0;
  for await (const chunk of response.body) bytes += chunk.length;
  return [response.status, response.headers.get('x-two'), bytes];
}`,
		Bindings: map[string]any{"STORE": new(store)},
	})
	call := func(want string, export string, args ...any) {
		t.Helper()
		result, err := app.Invoke(t.Context(), export, args...)
		if err != nil || fmt.Sprint(result) != want {
			t.Error(export, result, err)
		}
	}
	call("<nil>", "put", "k", []any{1, "two"})
	call("[1 two]", "get", "k")
	call("NotFoundError: missing", "get", "missing")
	call("nothing is not a method of it", "other", "nothing")
	call("NANO_E_INVALID: it takes 1 arguments, and got 2", "other", "get", "a", "b")
	call("NANO_E_INVALID: a JavaScript value that is int in Go does not fit string", "other", "get", 1)
	call("GET store.test /path?q", "ask")
	call("[201 2 500000]", "long", 50)
	call("[201 2 0]", "long", 0)
}

func TestACallThatNobodyWaitsForIsCanceled(t *testing.T) {
	begun, canceled := make(chan struct{}), make(chan error, 1)
	app := newApp(t, nano.AppOptions{
		Source: withEnv + "export const f = () => env.wait()",
		Bindings: map[string]any{"wait": func(ctx context.Context) {
			close(begun)
			<-ctx.Done()
			canceled <- ctx.Err()
		}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := app.Invoke(ctx, "f")
		ended <- err
	}()
	<-begun
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-canceled; err != context.Canceled {
		t.Error(err)
	}
}

func TestAppsServicesQueuesAndRoundTrippers(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	got := make(chan string, 1)
	other := load(t, runtime, nano.AppOptions{
		Name: "other",
		Source: withEnv + "export default { fetch: (request) => new Response('other ' + request.url), " +
			"async queue(batch) { await env.got(batch.messages.map((message) => message.body).join()); } }",
		Bindings:  map[string]any{"got": func(text string) { got <- text }},
		Consumers: []nano.Consumer{{Queue: "mail", BatchWaitMs: -1}},
	})
	elsewhere := newApp(t, nano.AppOptions{Source: "export default { fetch: (request) => new Response('elsewhere ' + request.method) }"})
	app := load(t, runtime, nano.AppOptions{
		Source: withEnv + "const text = async (promise) => (await promise).text(); export async function all() { await env.MAIL.send('a letter'); return [" +
			"await text(env.APP.fetch('http://a/')), await text(env.SERVICE.fetch('http://b/')), await text(env.FAR.fetch('http://c/', { method: 'PUT' })), await text(fetch('http://d/'))]; }",
		Bindings: map[string]any{
			"APP": other, "SERVICE": nano.Service{App: "other"}, "MAIL": nano.Queue("mail"),
			// A round tripper that is no handler.
			"FAR": struct{ http.RoundTripper }{elsewhere},
		},
		Outbound: "SERVICE",
	})
	var result []string
	must(t, app.InvokeInto(t.Context(), &result, "all"))
	if want := "other http://a/, other http://b/, elsewhere PUT, other http://d/"; strings.Join(result, ", ") != want {
		t.Error(result)
	}
	if letter := <-got; letter != "a letter" {
		t.Error(letter)
	}
}

func TestVariablesMayBeWhatJSONHas(t *testing.T) {
	type table struct {
		A float64 `json:"a"`
	}
	app := newApp(t, nano.AppOptions{
		Source: withEnv + "export const all = () => JSON.stringify([env.TEXT, env.NUMBER, env.YES, env.LIST, env.TABLE, env.MAP, env.LARGE])",
		Env:    map[string]string{"TEXT": "5"},
		Bindings: map[string]any{"NUMBER": 5, "YES": true, "LIST": []any{1, "a", nil}, "TABLE": table{0.5}, "MAP": map[string]int{"b": 1},
			"LARGE": []any{int64(1) << 53, -1 << 53, 1e20, 1.2345678901234567e20, math.MaxFloat64}},
	})
	var all string
	must(t, app.InvokeInto(t.Context(), &all, "all"))
	if want := `["5",5,true,[1,"a",null],{"a":0.5},{"b":1},[9007199254740992,-9007199254740992,100000000000000000000,123456789012345670000,1.7976931348623157e+308]]`; all != want {
		t.Error(all)
	}
}

func TestWhatCannotBeABindingIsRefused(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	for what, binding := range map[string]any{
		"nil": nil, "text": "text", "a channel": make(chan int), "no number": math.NaN(), "a large number": uint64(math.MaxUint64),
		"a large number within": map[string]any{"a": []int64{1<<53 + 1}}, "a nil function": (func())(nil),
		"three results": func() (int, int, error) { return 0, 0, nil },
		"no New":        nano.Class{}, "no pointer": nano.Class{New: func() int { return 1 }}, "no function": nano.Class{New: 1},
	} {
		if _, err := runtime.Load(nano.AppOptions{Source: hello, Bindings: map[string]any{"X": binding}}); !errors.Is(err, nano.ErrInvalid) {
			t.Error(what, err)
		}
	}
}

func TestAReloadBringsItsOwnBindings(t *testing.T) {
	source := withEnv + "export const f = () => env.which()"
	which := func(name string) map[string]any { return map[string]any{"which": func() string { return name }} }
	app := newApp(t, nano.AppOptions{Source: source, Bindings: which("first")})
	expect := func(want string) {
		t.Helper()
		var have string
		if err := app.InvokeInto(t.Context(), &have, "f"); err != nil || have != want {
			t.Error(have, err)
		}
	}
	expect("first")
	if err := app.Reload(nano.AppOptions{Source: "export default {", Bindings: which("broken")}); !errors.Is(err, nano.ErrCompile) {
		t.Error(err)
	}
	expect("first")
	must(t, app.Reload(nano.AppOptions{Source: source, Bindings: which("second")}))
	expect("second")
}

func TestErrorsOfAnyTextRejectThePromise(t *testing.T) {
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `export const f = () => env.find().catch((error) => error.message);
			export const text = () => env.text().catch((error) => 'refused');
			export const far = () => env.FAR.fetch('http://x/').catch((error) => error.message);
			export const head = (how) => env.HEAD.fetch('http://x/' + how).then(() => 'answered', () => 'refused');`,
		Bindings: map[string]any{
			"find": func() (int, error) { return 0, errors.New("no such file: caf\xe9") },
			"text": func() string { return "caf\xe9" },
			"FAR":  struct{ http.RoundTripper }{roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("caf\xe9") })},
			"HEAD": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["no name"] = []string{"x"}
				if r.URL.Path == "/pieces" {
					w.(http.Flusher).Flush()
				}
			}),
		},
		Limits: nano.Limits{WallMs: 10_000},
	})
	for export, want := range map[string]string{"f": "no such file: caf\uFFFD", "far": "caf\uFFFD", "text": "refused"} {
		if message, err := app.Invoke(t.Context(), export); err != nil || message != want {
			t.Error(export, message, err)
		}
	}
	for _, how := range []string{"whole", "pieces"} {
		if message, err := app.Invoke(t.Context(), "head", how); err != nil || message != "refused" {
			t.Error(how, message, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestARoundTripperMayGiveNothing(t *testing.T) {
	var report strings.Builder
	runtime := newRuntime(t, nano.Options{Logger: slog.New(slog.NewTextHandler(&report, nil))})
	app := load(t, runtime, nano.AppOptions{
		Source: withEnv + "export const get = (path) => env.FAR.fetch('http://x' + path).then(async (response) => response.status + ' ' + await response.text(), (error) => error.message);",
		Bindings: map[string]any{"FAR": struct{ http.RoundTripper }{roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/nothing" {
				return nil, nil
			}
			return &http.Response{StatusCode: 200}, nil
		})}},
	})
	for path, want := range map[string]string{"/empty": "200 ", "/nothing": "FAR gave neither a response nor an error"} {
		if have, err := app.Invoke(t.Context(), "get", path); err != nil || have != want {
			t.Error(have, err)
		}
	}
	if report.Len() > 0 {
		t.Error(report.String())
	}
}

// A Nothing has no size: pointers to two of them are alike.
type Nothing struct{}

func (*Nothing) Hi() string { return "hi" }

func TestObjectsWithoutASizeAreObjects(t *testing.T) {
	released := make(chan struct{}, 10)
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `export const two = async () => {
			const a = new env.Nothing(), b = new env.Nothing();
			const said = [await a.hi(), await b.hi()];
			a[Symbol.dispose]();
			return [...said, await b.hi()];
		};`,
		Bindings: map[string]any{"Nothing": nano.Class{New: func() *Nothing { return new(Nothing) }, Release: func(any) { released <- struct{}{} }}},
	})
	if said, err := app.Invoke(t.Context(), "two"); err != nil || fmt.Sprint(said) != "[hi hi hi]" {
		t.Error(said, err)
	}
	must(t, app.Unload(0))
	for range 2 {
		<-released
	}
}

func TestAReloadLetsGoOfTheVersionBefore(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: hello})
	freed := make(chan int, 10)
	for i := range 3 {
		kept := new([1 << 10]int)
		goruntime.AddCleanup(kept, func(i int) { freed <- i }, i)
		must(t, app.Reload(nano.AppOptions{Source: hello, Bindings: map[string]any{"f": func() int { return len(kept) + kept[0] }}}))
	}
	for left := 2; left > 0; {
		select {
		case i := <-freed:
			if i == 2 {
				t.Error("let go of the bindings of the version that serves")
			}
			left--
		default:
			goruntime.GC()
		}
	}
	goruntime.KeepAlive(app)
}

type ofVersion struct{ name string }

func (n *ofVersion) Name() string { return n.name }

// versions of an app whose functions all have the same names: each says which one it is of.
func versionOf(name string, gate <-chan struct{}, begun chan<- string) map[string]any {
	return map[string]any{
		"gate": func() { begun <- name; <-gate },
		"say":  func() string { return name },
		"OBJ":  &ofVersion{name},
		"Box":  nano.Class{New: func() *ofVersion { return &ofVersion{name} }},
		"FAR": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-gate
			fmt.Fprint(w, name)
		}),
	}
}

func TestEachVersionIsAnsweredByItsOwnBindings(t *testing.T) {
	source := withEnv + `export async function f() {
		const far = await env.FAR.fetch('http://x/');
		const early = new env.Box();
		await env.gate();
		return [await env.say(), await env.OBJ.name(), await early.name(), await new env.Box().name(), await far.text()].join();
	}`
	runtime := newRuntime(t, nano.Options{})
	begun := make(chan string)
	var app *nano.App
	names := []string{"one", "two", "three"}
	gates, answers := map[string]chan struct{}{}, map[string]chan any{}
	for i, name := range names {
		gates[name], answers[name] = make(chan struct{}), make(chan any, 1)
		options := nano.AppOptions{Source: source, Bindings: versionOf(name, gates[name], begun)}
		if i == 0 {
			app = load(t, runtime, options)
		} else {
			must(t, app.Reload(options))
		}
		go func() {
			answer, err := app.Invoke(context.Background(), "f")
			if err != nil {
				answer = err
			}
			answers[name] <- answer
		}()
		if who := <-begun; who != name {
			t.Error(who, "began the request of", name)
		}
	}
	broken := nano.AppOptions{Source: "export default {", Bindings: versionOf("broken", nil, begun)}
	if err := app.Reload(broken); !errors.Is(err, nano.ErrCompile) {
		t.Error(err)
	}
	for left, name := range names {
		close(gates[name])
		if answer := <-answers[name]; answer != strings.Join([]string{name, name, name, name, name}, ",") {
			t.Error(name, answer)
		}
		// The last one serves.
		if left+1 < len(names) {
			untilVersions(runtime, len(names)-left-1)
		}
	}
	must(t, app.Unload(time.Minute))
	untilVersions(runtime, 0)
}

// untilVersions waits until bindings of so many versions are kept; a test that is not right waits for ever.
func untilVersions(runtime *nano.Runtime, count int) {
	for runtime.Versions() != count {
		goruntime.Gosched()
	}
}
