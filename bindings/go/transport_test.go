package nano_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	goruntime "runtime"
	"strconv"
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
	for path, length := range map[string]int64{"/said": 1234, "/": 4, "/endless": -1} {
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

func TestABodyIsAsLongAsItsRequestAnnounces(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: "export default { async fetch(request) { return new Response(await request.text()); } }"})
	for _, c := range []struct{ announced, size int }{{5, 11}, {11, 5}, {100_000, 70_000}, {100_000, 200_000}, {5, 200_000}, {100_000, 5}, {5, 5}, {100_000, 100_000}} {
		request := post(t, "http://app.test/", io.MultiReader(strings.NewReader(strings.Repeat("x", c.size))))
		request.ContentLength = int64(c.announced)
		response, err := app.RoundTrip(request)
		if c.announced != c.size {
			if !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), "announces") {
				t.Errorf("%d bytes, of which %d are announced: %v", c.size, c.announced, err)
			}
			continue
		}
		must(t, err)
		if status, body := read(t, response); status != 200 || len(body) != c.size {
			t.Error(status, len(body))
		}
	}
	request := post(t, "http://app.test/", nil)
	request.ContentLength = 5
	if _, err := app.RoundTrip(request); !errors.Is(err, nano.ErrInvalid) {
		t.Error("a body that is announced and not there:", err)
	}
}

// What an app says of the length of its response is often what another server said of another body.
func TestAResponseIsAsLongAsItIs(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: `
		const pieces = () => new ReadableStream({ async pull(out) { await null; out.enqueue(new Uint8Array(5)); out.close(); } });
		export default { fetch(request) {
			const [, kind, length] = new URL(request.url).pathname.split('/');
			if (kind === 'fixed') return new Response(pieces().pipeThrough(new FixedLengthStream(Number(length))));
			return new Response(kind === 'whole' ? 'hello' : pieces(), { headers: { 'content-length': length } });
		} };`})
	server := httptest.NewServer(app)
	defer server.Close()
	for path, length := range map[string]int64{"/whole/3": 5, "/whole/100": 5, "/whole/5": 5, "/pieces/3": -1, "/pieces/100": -1, "/pieces/5": -1, "/fixed/5": 5} {
		for _, ask := range []struct {
			http.RoundTripper
			url string
		}{{app, "http://app.test"}, {server.Client().Transport, server.URL}} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, ask.url+path, nil)
			must(t, err)
			response, err := ask.RoundTrip(request)
			must(t, err)
			said := ""
			if length >= 0 {
				said = strconv.FormatInt(length, 10)
			}
			// net/http knows the length of what is there when the handler returns.
			isKnown := response.ContentLength == length && response.Header.Get("Content-Length") == said
			if _, body := read(t, response); len(body) != 5 || !isKnown && !(ask.url == server.URL && response.ContentLength == 5) {
				t.Errorf("%s%s: %d bytes, a length of %d, and %v", ask.url, path, len(body), response.ContentLength, response.Header)
			}
		}
	}
	// An app that does not keep to its word is broken off.
	for _, path := range []string{"/fixed/3", "/fixed/100"} {
		response, err := (&http.Client{Transport: app}).Get("http://app.test" + path)
		if err == nil {
			_, err = io.ReadAll(response.Body)
			response.Body.Close()
		}
		if err == nil {
			t.Error(path, "looks whole")
		}
	}
}

func TestARequestIsWhatItsServerWouldSee(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: `export default { fetch(request) {
		new Request(request.url);
		return Response.json([request.url, ...['host', 'content-length', 'transfer-encoding', 'trailer', 'authorization', 'x-own'].map((name) => request.headers.get(name))]);
	} }`})
	for _, c := range []struct {
		method, body string
		length       int64
		want         string
	}{
		{"GET", "", 0, `["http://app.test/path?q",null,null,null,null,"Basic dXNlcjpwYXNz","own"]`},
		{"POST", "", 0, `["http://app.test/path?q",null,"0",null,null,"Basic dXNlcjpwYXNz","own"]`},
		{"POST", "text", 4, `["http://app.test/path?q",null,"4",null,null,"Basic dXNlcjpwYXNz","own"]`},
		{"POST", "text", -1, `["http://app.test/path?q",null,null,null,null,"Basic dXNlcjpwYXNz","own"]`},
	} {
		var body io.Reader
		if c.body != "" {
			body = io.MultiReader(strings.NewReader(c.body))
		}
		request, err := http.NewRequestWithContext(t.Context(), c.method, "http://user:pass@app.test/path?q", body)
		must(t, err)
		request.ContentLength = c.length
		request.Header = http.Header{"Host": {"evil.test"}, "Content-Length": {"99"}, "Transfer-Encoding": {"gzip"}, "Trailer": {"X"}, "X-Own": {"own"}}
		response, err := (&http.Client{Transport: app}).Do(request)
		must(t, err)
		if status, text := read(t, response); status != 200 || text != c.want {
			t.Error(c, status, text)
		}
	}
}
