package nano_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	goruntime "runtime"
	"strings"
	"testing"

	"nano-isolates/nano"
)

// An idle body has nothing to read until it is closed, which it bears once.
type idle struct{ closed chan struct{} }

func (i idle) Read([]byte) (int, error) {
	<-i.closed
	return 0, io.ErrClosedPipe
}

func (i idle) Close() error {
	close(i.closed)
	return nil
}

func TestABodyThatNobodyWantsIsClosed(t *testing.T) {
	before := goruntime.NumGoroutine()
	runtime, err := nano.New(nano.Options{Threads: 1})
	must(t, err)
	app := load(t, runtime, nano.AppOptions{Source: streams})
	ask := func(ctx context.Context, path string, length int64) (idle, *http.Response, error) {
		body := idle{make(chan struct{})}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://app.test"+path, body)
		must(t, err)
		request.ContentLength = length
		response, err := app.RoundTrip(request)
		return body, response, err
	}

	// Answered without a look at it, and of an endless answer given up.
	body, response, err := ask(t.Context(), "/204", -1)
	must(t, err)
	<-body.closed
	must(t, response.Body.Close())
	body, response, err = ask(t.Context(), "/endless", -1)
	must(t, err)
	must(t, response.Body.Close())
	<-body.closed

	// Given up while the app waits for it, or before the app is asked, because it was to be read first.
	for _, length := range []int64{-1, 100_000, 5} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			body, _, err := ask(ctx, "/", length)
			<-body.closed
			ended <- err
		}()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) || !errors.Is(err, nano.ErrCanceled) {
			t.Error(length, err)
		}
	}
	must(t, runtime.Close())
	for goruntime.NumGoroutine() > before {
		goruntime.Gosched()
	}
}

func TestTheHeadOfAResponseIsAskedFor(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: `
		const headers = (request) => request.url.endsWith('/said') ? { 'content-length': '1234' } : {};
		const endless = () => new ReadableStream({ pull(out) { out.enqueue(new Uint8Array(1000)); } });
		export default { fetch: (request) => new Response(request.url.endsWith('/endless') ? endless() : 'text', { headers: headers(request) }) };`})
	for path, length := range map[string]int64{"/said": 1234, "/": -1, "/endless": -1} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://app.test"+path, nil)
		must(t, err)
		response, err := app.RoundTrip(request)
		must(t, err)
		if status, body := read(t, response); status != 200 || body != "" || response.ContentLength != length {
			t.Errorf("%s: %d %q, a length of %d", path, status, body, response.ContentLength)
		}
	}
	for stats(t, app).InFlight > 0 {
		goruntime.Gosched()
	}
}

func TestTheHeadOfAnEndlessResponseEndsItsRequest(t *testing.T) {
	server, _, report := served(t, false)
	response, err := server.Client().Head(server.URL + "/endless")
	must(t, err)
	if status, body := read(t, response); status != 200 || body != "" {
		t.Error(status, body)
	}
	// Waits until its handlers have returned.
	server.Close()
	if strings.Contains(report.String(), "failed") {
		t.Error(report)
	}
}
