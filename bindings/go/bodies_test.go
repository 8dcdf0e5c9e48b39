package nano_test

import (
	"io"
	"net/http"
	goruntime "runtime"
	"strings"
	"sync/atomic"
	"testing"

	"nano-isolates/nano"
)

// Bodies wait for who takes them, and handlers' ends are the ends of theirs.

// count asks often enough that the app would have gone on if it could: one thread, one queue.
func count(t *testing.T, app *nano.App) int {
	t.Helper()
	var n int
	for range 20 {
		must(t, app.InvokeInto(t.Context(), &n, "count"))
	}
	return n
}

func TestABodyThatNobodyTakesMakesItsAppWait(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: `export let pulls = 0; export const count = () => pulls;
		export default { fetch: () => new Response(new ReadableStream({ pull(c) { pulls++; c.enqueue(new Uint8Array(16384)); } })) }`})
	request, err := http.NewRequestWithContext(t.Context(), "GET", "http://app.test/", nil)
	must(t, err)
	response, err := app.RoundTrip(request)
	must(t, err)
	before := count(t, app)
	if now := count(t, app); now != before || before > 16 {
		t.Errorf("nobody reads, and the app has written %d pieces, and then %d", before, now)
	}
	// It goes on as far as it is read, and no further.
	_, err = io.CopyN(io.Discard, response.Body, 64*16384)
	must(t, err)
	if after := count(t, app); after < 64 || after > 64+16 {
		t.Errorf("64 pieces are read, and the app has written %d", after)
	}
	must(t, response.Body.Close())
	for stats(t, app).InFlight > 0 {
		goruntime.Gosched()
	}
}

// A well is a body of so many bytes, which counts those that were read.
type well struct {
	size int64
	read atomic.Int64
}

func (w *well) Read(into []byte) (int, error) {
	n := min(int64(len(into)), w.size-w.read.Load())
	if n == 0 {
		return 0, io.EOF
	}
	w.read.Add(n)
	clear(into[:n])
	return int(n), nil
}

func TestABodyThatTheAppDoesNotReadIsNotReadOn(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: `let release; const gate = new Promise((resolve) => { release = resolve; });
		export const count = () => 0; export const go = () => release();
		export default { async fetch(request) {
			await gate;
			let bytes = 0;
			for await (const piece of request.body) bytes += piece.length;
			return new Response(String(bytes));
		} }`})
	body := &well{size: 16 << 20}
	answered := make(chan string)
	request := post(t, "http://app.test/", body)
	go func() {
		defer close(answered)
		response, err := app.RoundTrip(request)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Error(err)
		}
		answered <- string(text)
	}()
	// There is room for so much that nobody asked for; what comes then is a piece that waits.
	for body.read.Load() < 64<<10 {
		goruntime.Gosched()
	}
	for range 20 {
		count(t, app)
	}
	if n := body.read.Load(); n > 256<<10 {
		t.Errorf("the app reads nothing, and %d bytes have been read for it", n)
	}
	_, err := app.Invoke(t.Context(), "go")
	must(t, err)
	if got := <-answered; got != "16777216" || body.read.Load() != body.size {
		t.Errorf("the app saw %s bytes of %d", got, body.read.Load())
	}
}

func TestWhatAHandlerKeepsIsOverWhenItHasReturned(t *testing.T) {
	type kept struct {
		w http.ResponseWriter
		r *http.Request
	}
	handled := make(chan kept, 1)
	app := newApp(t, nano.AppOptions{
		Source: withEnv + `export const post = async (size) => {
			const body = new ReadableStream({ start(c) { c.enqueue(new Uint8Array(1000)); c.enqueue(new Uint8Array(1000)); } });
			return (await env.HANDLER.fetch('http://host/', { method: 'POST', body, duplex: 'half', headers: { 'x-size': String(size) } })).text();
		};`,
		Bindings: map[string]any{"HANDLER": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// Some of the body is here, and nobody has read all of it.
			if _, err := r.Body.Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(w, "answer"); err != nil {
				t.Error(err)
			}
			if r.Header.Get("X-Size") == "streams" {
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
			}
			handled <- kept{w, r}
		})},
	})
	for _, how := range []string{"whole", "streams"} {
		if got, err := app.Invoke(t.Context(), "post", how); err != nil || got != "answer" {
			t.Error(how, got, err)
		}
		kept := <-handled
		<-kept.r.Context().Done()
		for _, size := range []int{1, 100_000} {
			if n, err := io.WriteString(kept.w, strings.Repeat("x", size)); n > 0 || err == nil {
				t.Errorf("%s: %d of %d bytes were taken after the end, %v", how, n, size, err)
			}
		}
		kept.w.WriteHeader(500)
		if err := http.NewResponseController(kept.w).Flush(); err == nil {
			t.Error(how, "there was something to flush after the end")
		}
		for range 2 {
			if n, err := kept.r.Body.Read(make([]byte, 10)); n > 0 || err == nil || err == io.EOF {
				t.Errorf("%s: read %d bytes after the end, %v", how, n, err)
			}
		}
		must(t, kept.r.Body.Close())
	}
}
