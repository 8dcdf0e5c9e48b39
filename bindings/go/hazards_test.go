package nano_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	goruntime "runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"nano-isolates/nano"
	"nano-isolates/nano/internal/probe"
)

// busy is an app that computes for some milliseconds.
const busy = "export default { fetch() { let s = 0; for (let i = 0; i < 3e6; i++) s += i % 7; return new Response('s' + s); } }"

// inFlight keeps an app asked by several goroutines until the work is done.
func inFlight(t *testing.T, app *nano.App, work func()) {
	t.Helper()
	var wait sync.WaitGroup
	var stop atomic.Bool
	for range 4 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for asked := 0; asked == 0 || !stop.Load(); asked++ {
				if status, _ := get(t, app, "http://app.test/"); status != 200 {
					t.Error("status", status)
				}
			}
		}()
	}
	work()
	stop.Store(true)
	wait.Wait()
}

func TestNilDereferencesStillRecover(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: busy})
	inFlight(t, app, func() {
		for range 100 {
			func() {
				defer func() {
					if err, ok := recover().(goruntime.Error); !ok || !strings.Contains(err.Error(), "nil pointer") {
						t.Error("recovered", err)
					}
				}()
				var nothing *nano.Error
				t.Error(nothing.Message)
			}()
		}
	})
}

func TestAProfilerAtAThousandHertz(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: busy})
	goruntime.SetCPUProfileRate(1000)
	var profile bytes.Buffer
	must(t, pprof.StartCPUProfile(&profile))
	inFlight(t, app, func() {
		// Some time of Go's own to be seen by the profiler, by the clock that it goes by.
		for end := cpuTime(t) + 100*time.Millisecond; cpuTime(t) < end; {
			_ = strings.Repeat("x", 1<<20)
		}
	})
	pprof.StopCPUProfile()
	if n := samples(t, &profile); n == 0 {
		t.Error("the profile has no samples")
	}
}

// cpuTime is what this process has computed so far.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	must(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// samples counts those of a profile: the second field of pprof's profile.proto, which is a message each.
func samples(t *testing.T, profile io.Reader) (count int) {
	t.Helper()
	unzipped, err := gzip.NewReader(profile)
	must(t, err)
	content, err := io.ReadAll(unzipped)
	must(t, err)
	number := func() uint64 {
		n, size := binary.Uvarint(content)
		if size <= 0 {
			t.Fatal("the profile breaks off")
		}
		content = content[size:]
		return n
	}
	for len(content) > 0 {
		field := number()
		n := number()
		switch field & 7 {
		case 0:
		case 2:
			content = content[n:]
		default:
			t.Fatal("a profile has no fields of type", field&7)
		}
		if field == 2<<3|2 {
			count++
		}
	}
	return count
}

func TestPreemptionAndCollectionsWhileAppsRun(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: busy})
	inFlight(t, app, func() {
		var stop atomic.Bool
		spun := make(chan int)
		// A loop that only a signal interrupts, and collections that need it to be.
		go func() {
			n := 0
			for !stop.Load() {
				n++
			}
			spun <- n
		}()
		for range 50 {
			goruntime.GC()
		}
		stop.Store(true)
		<-spun
	})
}

func TestPanicsOfBindingsRejectThePromise(t *testing.T) {
	var report strings.Builder
	runtime := newRuntime(t, nano.Options{Logger: slog.New(slog.NewTextHandler(&report, nil))})
	app := load(t, runtime, nano.AppOptions{
		Source: withEnv + "export const f = () => env.broken().catch((error) => error.message); export const g = () => env.HANDLER.fetch('http://x/').catch((error) => error.message)",
		Bindings: map[string]any{
			"broken":  func() int { var nothing *nano.Error; return len(nothing.Message) },
			"HANDLER": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") }),
		},
	})
	for _, name := range []string{"f", "g"} {
		message, err := app.Invoke(t.Context(), name)
		if err != nil || !strings.Contains(fmt.Sprint(message), "NANO_E_PANIC") {
			t.Error(message, err)
		}
	}
	if where := report.String(); strings.Count(where, "hazards_test.go") < 2 {
		t.Error("the log does not say where:", where)
	}
}

func TestABindingThatEndsItsGoroutineRejectsThePromise(t *testing.T) {
	var report strings.Builder
	runtime := newRuntime(t, nano.Options{Logger: slog.New(slog.NewTextHandler(&report, nil))})
	app := load(t, runtime, nano.AppOptions{
		Source: withEnv + "export const f = () => env.ends().catch((error) => error.message); export const g = () => env.HANDLER.fetch('http://x/').catch((error) => error.message)",
		Bindings: map[string]any{
			"ends":    func() { goruntime.Goexit() },
			"HANDLER": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { goruntime.Goexit() }),
		},
	})
	for _, name := range []string{"f", "g"} {
		message, err := app.Invoke(t.Context(), name)
		if err != nil || !strings.Contains(fmt.Sprint(message), "NANO_E_PANIC") {
			t.Error(message, err)
		}
	}
	if where := report.String(); strings.Count(where, "runtime.Goexit") < 2 || strings.Count(where, "hazards_test.go") < 2 {
		t.Error("the log does not say what it was:", where)
	}
}

// lines are what is logged.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func TestAReleaseThatPanicsIsToldToTheLog(t *testing.T) {
	report := make(lines, 10)
	runtime := newRuntime(t, nano.Options{Logger: slog.New(slog.NewTextHandler(report, nil))})
	type thing struct {
		sync.Mutex
		Name string
	}
	app := load(t, runtime, nano.AppOptions{
		Source: withEnv + "export const f = async () => { const thing = new env.Thing(); const name = await thing.name; thing[Symbol.dispose](); return name; }",
		Bindings: map[string]any{
			"Thing": nano.Class{New: func() *thing { return &thing{Name: "a"} }, Release: func(any) { panic("not to be let go") }},
		},
	})
	if said, err := app.Invoke(t.Context(), "f"); err != nil || said != "a" {
		t.Error(said, err)
	}
	must(t, app.Unload(0))
	if line := <-report; !strings.Contains(line, "not to be let go") || !strings.Contains(line, "class Thing") {
		t.Error(line)
	}
}

func TestAThousandRequestsHoldNoThreadEach(t *testing.T) {
	app := newApp(t, nano.AppOptions{
		Source: "let release; const gate = new Promise((resolve) => { release = resolve; }); export default { async fetch(request) {" +
			" if (request.url.endsWith('/open')) release(); else await gate; return new Response('well'); } }",
		Limits: nano.Limits{Requests: 2000},
	})
	before := threads(t)
	const count = 1000
	var wait sync.WaitGroup
	for range count {
		wait.Add(1)
		go func() {
			defer wait.Done()
			if status, body := get(t, app, "http://app.test/"); status != 200 || body != "well" {
				t.Error(status, body)
			}
		}()
	}
	for stats(t, app).InFlight < count {
		goruntime.Gosched()
	}
	if now := threads(t); now > before+count/2 {
		t.Errorf("%d threads with %d requests, and %d without", now, count, before)
	}
	get(t, app, "http://app.test/open")
	wait.Wait()
}

func threads(t *testing.T) int { return entries(t, "/proc/self/task") }

func descriptors(t *testing.T) int { return entries(t, "/proc/self/fd") }

func entries(t *testing.T, folder string) int {
	t.Helper()
	all, err := os.ReadDir(folder)
	must(t, err)
	return len(all)
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := goruntime.NumGoroutine()
	for range 3 {
		runtime, err := nano.New(nano.Options{Threads: 1, OnLog: func(nano.Log) {}})
		must(t, err)
		app := load(t, runtime, nano.AppOptions{
			Source: withEnv + "export default { async fetch(request) { console.log('x'); await env.f(); return new Response(request.body); } }; " +
				"export const hang = () => new Promise((resolve) => setTimeout(resolve, 1e8))",
			Bindings: map[string]any{"f": func() {}},
		})
		for range 20 {
			response, err := app.RoundTrip(post(t, "http://app.test/", &pieces{[]string{"a", "b"}}))
			must(t, err)
			read(t, response)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := app.Invoke(ctx, "hang")
			ended <- err
		}()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) || !errors.Is(err, nano.ErrCanceled) {
			t.Error(err)
		}
		must(t, runtime.Close())
	}
	for goruntime.NumGoroutine() > before {
		goruntime.Gosched()
	}
}

func TestARuntimeThatNobodyKnowsClosesItself(t *testing.T) {
	changes := make(chan nano.Change, 100)
	func() {
		runtime, err := nano.New(nano.Options{Threads: 1, OnChange: func(change nano.Change) { changes <- change }})
		must(t, err)
		get(t, load(t, runtime, nano.AppOptions{Source: hello, Name: "left"}), "http://app.test/")
	}()
	before := goruntime.NumGoroutine()
	for goruntime.NumGoroutine() >= before {
		goruntime.GC()
	}
}

func TestFiftyRuntimesOneAfterTheOther(t *testing.T) {
	use := func() {
		runtime, err := nano.New(nano.Options{Threads: 1})
		must(t, err)
		app := load(t, runtime, nano.AppOptions{Source: hello, Bindings: map[string]any{"f": func() {}}})
		if status, body := get(t, app, "http://app.test/"); status != 200 || body != "hello" {
			t.Error(status, body)
		}
		must(t, runtime.Close())
	}
	use()
	before := threads(t)
	open := descriptors(t)
	for range 50 {
		use()
	}
	// Go keeps the threads that it has made, and has made few.
	if now := threads(t); now > before+16 {
		t.Errorf("%d threads after fifty runtimes, and %d after one", now, before)
	}
	// Handles of C are freed with what knows them.
	for descriptors(t) > open {
		goruntime.GC()
	}
}

func TestRecursionWithoutAnEndIsTheAppsError(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: "export const deep = () => deep() + 1; export const here = () => 1"})
	if _, err := app.Invoke(t.Context(), "deep"); !errors.Is(err, nano.ErrException) || !strings.Contains(err.Error(), "call stack") {
		t.Error(err)
	}
	itself := map[string]any{}
	itself["itself"] = itself
	if _, err := app.Invoke(t.Context(), "here", itself); !errors.Is(err, nano.ErrTooLarge) {
		t.Error(err)
	}
	if here, err := app.Invoke(t.Context(), "here"); here != 1 || err != nil {
		t.Error(here, err)
	}
}

func TestAProcessEndsWhileAnAppLoops(t *testing.T) {
	for how, code := range map[string]int{"os.Exit": 3, "exit of C": 4, "a panic": 2} {
		out, err := child(t, how)
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != code || !strings.Contains(out, "leaving") {
			t.Errorf("%s: %v\n%s", how, err, out)
		}
	}
}

func TestTooLittleAddressSpaceIsAnError(t *testing.T) {
	if out, err := child(t, "little address space"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestProgramsAreStartedWhileAppsRun(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: busy})
	inFlight(t, app, func() {
		for range 20 {
			// What a child has open is what the shell says: none of the runtime's descriptors.
			out, err := exec.Command("/bin/sh", "-c", "ls -l /proc/self/fd").Output()
			if err != nil || strings.Contains(string(out), "eventfd") || strings.Contains(string(out), "eventpoll") {
				t.Errorf("%s: %v", out, err)
			}
		}
	})
}

func TestInAForkEveryCallIsRefused(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: hello})
	if code := probe.Fork(); code != int(nano.ErrForked) {
		t.Errorf("the child was told %d", code)
	}
	if status, body := get(t, app, "http://app.test/"); status != 200 || body != "hello" {
		t.Error(status, body)
	}
}

func TestANameIsNobodysUntilItsAppHasEnded(t *testing.T) {
	runtime := newRuntime(t, nano.Options{Threads: 1})
	options := func(whose string) nano.AppOptions {
		source := withEnv + "export const call = () => env.whose();"
		return nano.AppOptions{Name: "one", Source: source, Lazy: true, Bindings: map[string]any{"whose": func() string { return whose }}}
	}
	first := load(t, runtime, options("first"))
	if whose, err := first.Invoke(t.Context(), "call"); err != nil || whose != "first" {
		t.Error(whose, err)
	}
	// While it has the only thread, no instance of another app can end.
	begun, ended := make(chan struct{}), make(chan error)
	hog := load(t, runtime, nano.AppOptions{
		Source:   withEnv + "export const loop = async () => { await env.begun(); for (;;); };",
		Bindings: map[string]any{"begun": func() { close(begun) }},
		Limits:   nano.Limits{CPUMs: 60_000},
	})
	go func() {
		_, err := hog.Invoke(t.Context(), "loop")
		ended <- err
	}()
	<-begun
	go func() { ended <- first.Unload(time.Minute) }()
	for isDraining := false; !isDraining; {
		soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := first.Invoke(soon, "call")
		isDraining = errors.Is(err, nano.ErrDraining)
		cancel()
	}
	if _, err := runtime.Load(options("too early")); !errors.Is(err, nano.ErrBusy) {
		t.Error(err)
	}
	if _, err := hog.Kill(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-ended; err != nil && !errors.Is(err, nano.ErrCanceled) {
			t.Error(err)
		}
	}
	second := load(t, runtime, options("second"))
	if whose, err := second.Invoke(t.Context(), "call"); err != nil || whose != "second" {
		t.Error(whose, err)
	}
}

func TestWhatHasEndedIsAnErrorAndNoCrash(t *testing.T) {
	runtime, err := nano.New(nano.Options{Threads: 1, ManualClock: true, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	app := load(t, runtime, nano.AppOptions{Source: "export default { fetch: () => new Response(new ReadableStream({ pull() { return new Promise(() => {}); } })) }"})
	request, err := http.NewRequestWithContext(t.Context(), "GET", "http://app.test/", nil)
	must(t, err)
	response, err := app.RoundTrip(request)
	must(t, err)
	other := load(t, runtime, nano.AppOptions{Source: hello})
	must(t, other.Unload(0))
	if _, err := other.RoundTrip(request); !errors.Is(err, nano.ErrNotFound) && !errors.Is(err, nano.ErrDraining) {
		t.Error("an app that is unloaded:", err)
	}
	if err := other.Unload(0); !errors.Is(err, nano.ErrNotFound) {
		t.Error("unloaded again:", err)
	}
	must(t, runtime.Close())
	must(t, runtime.Close())
	if _, err := response.Body.Read(make([]byte, 1)); !errors.Is(err, nano.ErrShutdown) {
		t.Error("a body that goes on:", err)
	}
	must(t, response.Body.Close())
	if _, err := response.Body.Read(make([]byte, 1)); err == nil {
		t.Error("a body that is closed can be read")
	}
	recorder := httptest.NewRecorder()
	app.ServeHTTP(recorder, httptest.NewRequest("GET", "/", nil))
	if recorder.Code != http.StatusServiceUnavailable || !strings.Contains(recorder.Body.String(), `"code":"SHUTDOWN"`) {
		t.Error("a server's client is told", recorder.Code, recorder.Body)
	}
	for what, try := range map[string]func() error{
		"round trip": func() error { _, err := app.RoundTrip(request); return err },
		"invoke":     func() error { _, err := app.Invoke(t.Context(), "x"); return err },
		"reload":     func() error { return app.Reload(nano.AppOptions{Source: hello}) },
		"load":       func() error { _, err := runtime.Load(nano.AppOptions{Source: hello}); return err },
		"schedule":   func() error { _, err := app.Schedule(t.Context(), "* * * * *", time.UnixMilli(0)); return err },
		"kill":       func() error { _, err := app.Kill(); return err },
		"app stats":  func() error { _, err := app.Stats(); return err },
		"unload":     func() error { return app.Unload(0) },
		"stats":      func() error { _, err := runtime.Stats(); return err },
		"metrics":    func() error { _, err := runtime.Metrics(); return err },
		"queues":     func() error { _, err := runtime.Queues(); return err },
		"drain":      func() error { return runtime.Drain(0) },
		"advance":    func() error { return runtime.Advance(time.Second) },
	} {
		var failed *nano.Error
		if err := try(); !errors.As(err, &failed) || !errors.Is(err, nano.ErrShutdown) {
			t.Error(what, err)
		}
	}
}
