package nano

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"reflect"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// No pointer of Go's is kept in C: what is handed over may be overwritten, moved or collected as soon as the call has returned. Here it is,
// while an app that loops has the only thread, so that nobody can have read it before.

const witness = `
import { env } from 'cloudflare:workers';
export default { async fetch(request) {
  return new Response([request.method, request.url, request.headers.get('x-said'), await request.text()].join(' '));
} };
export const told = (...args) => args.map((arg) => typeof arg === 'string' ? arg : new TextDecoder().decode(arg)).join(' ');
export const asks = async () => new TextDecoder().decode(await env.value());
export const fetches = async () => {
  const response = await env.HANDLER.fetch('http://host/', { method: 'POST', body: 'x' });
  return response.headers.get('x-said') + ' ' + await response.text();
};`

// A hold has the only thread of a runtime until it is let go.
type hold struct {
	t       *testing.T
	runtime *Runtime
	hog     *App
	looping chan struct{}
	ended   chan struct{}
}

func newHold(t *testing.T) *hold {
	t.Helper()
	h := &hold{t: t, looping: make(chan struct{}), ended: make(chan struct{})}
	var err error
	if h.runtime, err = New(Options{Threads: 1, OnLog: func(Log) { h.looping <- struct{}{} }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.runtime.Close() })
	h.hog = h.load(AppOptions{
		Source: "export const loop = () => { console.log('looping'); for (;;); }",
		Limits: Limits{CPUMs: 600_000, WallMs: 600_000},
	})
	return h
}

func (h *hold) load(options AppOptions) *App {
	h.t.Helper()
	app, err := h.runtime.Load(options)
	if err != nil {
		h.t.Fatal(err)
	}
	return app
}

// during does the work while the thread is taken.
func (h *hold) during(work func()) {
	h.t.Helper()
	go func() {
		_, _ = h.hog.Invoke(context.Background(), "loop")
		h.ended <- struct{}{}
	}()
	<-h.looping
	work()
	goruntime.GC()
	if _, err := h.hog.Kill(); err != nil {
		h.t.Error(err)
	}
	<-h.ended
}

// scribble overwrites all that a buffer has room for.
func scribble(buffer []byte) {
	for i := range buffer[:cap(buffer)] {
		buffer[:cap(buffer)][i] = '#'
	}
}

// keptPackers makes the packers of what follows known, so that they can be scribbled over when they are put back.
func keptPackers(t *testing.T) (scribbleAll func()) {
	t.Helper()
	var mu sync.Mutex
	var made []*packer
	packers = sync.Pool{New: func() any {
		mu.Lock()
		defer mu.Unlock()
		made = append(made, new(packer))
		return made[len(made)-1]
	}}
	t.Cleanup(func() { packers = sync.Pool{New: func() any { return new(packer) }} })
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if len(made) == 0 {
			t.Error("nothing was packed")
		}
		for _, p := range made {
			scribble(p.text)
			clear(p.lens[:cap(p.lens)])
		}
	}
}

// A spy is a body that keeps the buffers it is read into, and overwrites them when it is read on.
type spy struct {
	pieces []string
	seen   [][]byte
	// onEnd is closed when it has been read.
	onEnd chan struct{}
	// isOne says that the end comes with the first piece, so that nothing is overwritten before the app is asked.
	isOne bool
}

func (s *spy) Read(into []byte) (int, error) {
	for _, buffer := range s.seen {
		scribble(buffer)
	}
	s.seen = append(s.seen, into)
	if len(s.pieces) == 0 {
		close(s.onEnd)
		return 0, io.EOF
	}
	n := copy(into, s.pieces[0])
	if s.pieces = s.pieces[1:]; s.isOne {
		return n, io.EOF
	}
	return n, nil
}

func (s *spy) Close() error { return nil }

// answer is what an exchange comes to.
func answer(t *testing.T, x *exchange) string {
	t.Helper()
	var whole bytes.Buffer
	for {
		e, err := x.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if e.err != nil {
			t.Fatal(e.err)
		}
		whole.Write(e.raw[e.head:])
		if e.last {
			return whole.String()
		}
	}
}

func TestNoPointerOfARequestIsKept(t *testing.T) {
	h := newHold(t)
	app := h.load(AppOptions{Source: witness})
	scribblePacked := keptPackers(t)
	for name, pieces := range map[string][]string{"a body that is whole": {"one"}, "a body that streams": {"two", "three"}} {
		body := &spy{pieces: pieces, onEnd: make(chan struct{}), isOne: len(pieces) == 1}
		want := "POST http://app.test/path a-value " + strings.Join(pieces, "")
		request, err := http.NewRequestWithContext(t.Context(), "POST", "http://app.test/path", body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Said", "a-value")
		if len(pieces) == 1 {
			request.ContentLength = int64(len(pieces[0]))
		}
		var x *exchange
		h.during(func() {
			up := uploadOf(request)
			if x, err = app.send(request, up, sending{url: request.URL.String()}); err != nil {
				t.Fatal(err)
			}
			scribblePacked()
			if up.done != nil {
				// Reading on has overwritten each piece.
				<-body.onEnd
				<-up.done
			}
			for _, buffer := range body.seen {
				scribble(buffer)
			}
		})
		if got := answer(t, x); got != want {
			t.Errorf("%s: the app saw %q, and not %q", name, got, want)
		}
	}
}

func TestNoPointerOfAnInvocationIsKept(t *testing.T) {
	h := newHold(t)
	app := h.load(AppOptions{Source: witness})
	name := []byte("told")
	var e encoder
	if err := e.value([]any{"a text", []byte("bytes")}, 0); err != nil {
		t.Fatal(err)
	}
	x := app.hub.newExchange(nil, false)
	h.during(func() {
		begun := app.begin(unsafe.String(unsafe.SliceData(name), len(name)), e.out, x.token)
		if err := statusError(begun.status, begun.error); err != nil {
			t.Fatal(err)
		}
		x.id = begun.id
		scribble(name)
		scribble(e.out)
	})
	d := decoder{in: []byte(answer(t, x))}
	if got, err := d.decode(); err != nil || got != "a text bytes" {
		t.Error("the app saw", got, err)
	}
}

func TestNoPointerOfAnAnswerIsKept(t *testing.T) {
	h := newHold(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	handled := make(chan http.ResponseWriter)
	app := h.load(AppOptions{Source: witness, Bindings: map[string]any{
		"value": func() { asked <- struct{}{}; <-goOn },
		"HANDLER": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			handled <- w
			<-goOn
		}),
	}})
	result := make(chan any)
	invoke := func(name string) {
		got, err := app.Invoke(context.Background(), name)
		if err != nil {
			t.Error(name, err)
		}
		result <- got
	}

	go invoke("asks")
	<-asked
	var e encoder
	e.bytes([]byte("from the host"))
	h.during(func() {
		app.hub.calls.mu.Lock()
		defer app.hub.calls.mu.Unlock()
		if len(app.hub.calls.all) != 1 {
			t.Error("calls that wait:", len(app.hub.calls.all))
		}
		for _, c := range app.hub.calls.all {
			if err := c.handBack(e.out); err != nil {
				t.Error(err)
			}
		}
		scribble(e.out)
	})
	if got := <-result; got != "from the host" {
		t.Error("the app saw", got)
	}
	goOn <- struct{}{}

	scribblePacked := keptPackers(t)
	go invoke("fetches")
	w := <-handled
	h.during(func() {
		w.Header().Set("X-Said", "a-value")
		piece := []byte("in a piece")
		// Flushed before and after, so that it is passed on as it is, and not from a buffer of the writer's.
		controller := http.NewResponseController(w)
		for _, do := range []func() error{controller.Flush, func() error { _, err := w.(*responder).Write(piece); return err }, controller.Flush} {
			if err := do(); err != nil {
				t.Error(err)
			}
		}
		scribblePacked()
		scribble(piece)
	})
	goOn <- struct{}{}
	if got := <-result; !reflect.DeepEqual(got, "a-value in a piece") {
		t.Error("the app saw", got)
	}
}
