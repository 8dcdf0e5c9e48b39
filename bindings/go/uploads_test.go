package nano_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nano-isolates/nano"
)

// Bodies of requests that their app does not read to the end, or that have none.

const hasty = `
const some = async (request) => { await request.body.getReader().read(); };
export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/read') await some(request);
  if (pathname === '/cancel') await request.body.cancel();
  if (pathname === '/throw') throw new Error('no');
  if (pathname === '/stream') return new Response(new ReadableStream({ async pull(out) { await some(request); out.enqueue(new TextEncoder().encode('piece')); out.close(); } }));
  if (pathname === '/whole') return new Response(await request.text().catch((error) => 'broken off'));
  return new Response('answer');
} };`

// A wire is a connection to a server, by its bytes.
type httpWire struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func dialHTTP(t *testing.T, server *httptest.Server) httpWire {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return httpWire{t, conn, bufio.NewReader(conn)}
}

func (w httpWire) say(text string) {
	w.t.Helper()
	_, err := io.WriteString(w, text)
	must(w.t, err)
}

// answer reads one response, and says whether it is the connection's last one.
func (w httpWire) answer() (status int, body string, isLast bool) {
	w.t.Helper()
	response, err := http.ReadResponse(w.in, nil)
	must(w.t, err)
	status, body = read(w.t, response)
	return status, body, response.Close
}

func TestWhatIsLeftOfABodyIsNoRequest(t *testing.T) {
	runtime := newRuntime(t, nano.Options{Logger: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	mux.Handle("/", load(t, runtime, nano.AppOptions{Source: hasty}))
	mux.HandleFunc("/smuggled", func(http.ResponseWriter, *http.Request) { t.Error("a request is answered that is a part of a body") })
	for name, handler := range map[string]http.Handler{
		"as it is": mux,
		"wrapped": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
			mux.ServeHTTP(w, r)
		}),
	} {
		server := httptest.NewServer(handler)
		defer server.Close()
		for body, status := range map[string]int{
			"Content-Length: 70000\r\n\r\nabc":                   200,
			"Content-Length: 1000000\r\n\r\nabc":                 200,
			"Content-Length: 99999999999\r\n\r\nabc":             413,
			"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n":     200,
			"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r": 200,
		} {
			for _, path := range []string{"/", "/read", "/cancel", "/throw", "/stream"} {
				want := status
				if path == "/throw" && status == 200 {
					want = 500
				}
				wire := dialHTTP(t, server)
				wire.say("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + body)
				if have, text, isLast := wire.answer(); have != want || !isLast {
					t.Errorf("%s, %s, %q: %d %s, the last one: %v", name, path, body, have, text, isLast)
				}
				// The connection may be closed by now, which is the best that it can be.
				_, _ = io.WriteString(wire, "\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
				if rest, _ := io.ReadAll(wire.in); len(rest) > 0 {
					t.Errorf("%s, %s, %q: there is another answer: %q", name, path, body, rest)
				}
			}
		}
	}
}

func TestAConnectionIsKeptWhenTheBodyHasBeenRead(t *testing.T) {
	server := httptest.NewServer(newApp(t, nano.AppOptions{Source: hasty}))
	defer server.Close()
	wire := dialHTTP(t, server)
	long := strings.Repeat("x", 100_000)
	for range 2 {
		for body, want := range map[string]string{
			"Content-Length: 3\r\n\r\nabc":                            "abc",
			"Content-Length: 100000\r\n\r\n" + long:                   long,
			"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n": "abc",
		} {
			wire.say("POST /whole HTTP/1.1\r\nHost: x\r\n" + body)
			if status, text, isLast := wire.answer(); status != 200 || text != want || isLast {
				t.Errorf("%.60q: %d %.20q, the last one: %v", body, status, text, isLast)
			}
		}
	}
}

// A handler before may put its own writer around the server's, which then can do nothing but write.
func TestAnAnswerDoesNotWaitBehindAWriterThatOnlyWrites(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: hasty})
	for name, handler := range map[string]http.Handler{
		"a wrapper": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app.ServeHTTP(struct{ http.ResponseWriter }{w}, r) }),
		"a timeout": http.TimeoutHandler(app, time.Minute, "too late"),
	} {
		server := httptest.NewServer(handler)
		for _, path := range []string{"/", "/read", "/stream"} {
			for _, body := range []string{"Content-Length: 100000\r\n\r\nabc", "Content-Length: 1000000\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"} {
				wire := dialHTTP(t, server)
				wire.say("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + body)
				if status, text, isLast := wire.answer(); status != 200 || !isLast {
					t.Errorf("%s, %s, %q: %d %s, the last one: %v", name, path, body, status, text, isLast)
				}
				wire.Close()
			}
		}
		server.Close()
	}
}

func TestAClientThatStillSendsSeesTheAnswer(t *testing.T) {
	server := httptest.NewServer(newApp(t, nano.AppOptions{Source: hasty}))
	defer server.Close()
	for range 20 {
		response, err := server.Client().Do(post(t, server.URL, bytes.NewReader(make([]byte, 200_000))))
		must(t, err)
		if status, body := read(t, response); status != 200 || body != "answer" {
			t.Error(status, body)
		}
	}
}

// A meddler is a body that says in the answer's head that it has been read: as http.MaxBytesReader does of one that is too long.
type meddler struct {
	io.ReadCloser
	w http.ResponseWriter
}

func (m meddler) Read(into []byte) (int, error) {
	n, err := m.ReadCloser.Read(into)
	m.w.Header().Set("X-Read", fmt.Sprint(n))
	return n, err
}

func TestABodyMayMeddleWithTheHead(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		app := newApp(t, nano.AppOptions{Source: hasty})
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = meddler{r.Body, w}
			app.ServeHTTP(w, r)
		}))
		server.EnableHTTP2 = http2
		server.StartTLS()
		defer server.Close()
		for _, path := range []string{"/", "/read", "/stream", "/whole", "/throw"} {
			for _, size := range []int{10, 200_000} {
				response, err := server.Client().Do(post(t, server.URL+path, io.MultiReader(strings.NewReader(strings.Repeat("x", size)))))
				if err != nil && !http2 && size > 10 {
					// It may notice that nobody takes what it sends before it sees the answer.
					continue
				}
				must(t, err)
				if response.StatusCode != 200 && path != "/throw" {
					t.Error(path, response.Status)
				}
				read(t, response)
			}
		}
		// What waits for its answer before it sends on gets it.
		for _, path := range []string{"/read", "/stream"} {
			in, out := io.Pipe()
			go func() { _, _ = out.Write([]byte("abc")) }()
			response, err := server.Client().Do(post(t, server.URL+path, in))
			must(t, err)
			if response.StatusCode != 200 {
				t.Error(path, response.Status)
			}
			response.Body.Close()
			out.Close()
		}
	}
}

func TestABodyThatIsTooLargeForItsServer(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: hasty})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1000)
		app.ServeHTTP(w, r)
	}))
	defer server.Close()
	response, err := server.Client().Do(post(t, server.URL+"/whole", strings.NewReader(strings.Repeat("x", 5000))))
	must(t, err)
	if status, body := read(t, response); status != 413 || !strings.Contains(body, "TOO_LARGE") {
		t.Error(status, body)
	}
}

// A trap is a body that panics when it is read on.
type trap struct {
	reason any
	isNext bool
}

func (p *trap) Read(into []byte) (int, error) {
	if p.isNext {
		panic(p.reason)
	}
	p.isNext = true
	return copy(into, "abc"), nil
}

func (p *trap) Close() error { return nil }

func TestABodyThatPanicsIsItsHandlersPanic(t *testing.T) {
	report := new(strings.Builder)
	app := load(t, newRuntime(t, nano.Options{Logger: slog.New(slog.NewTextHandler(report, nil))}), nano.AppOptions{Source: hasty})
	for _, reason := range []any{"a trap", http.ErrAbortHandler} {
		func() {
			defer func() {
				if have := recover(); have != reason {
					t.Errorf("the handler has panicked with %v, and its body with %v", have, reason)
				}
			}()
			request := httptest.NewRequest("POST", "/whole", nil)
			request.Body, request.ContentLength = &trap{reason: reason}, -1
			app.ServeHTTP(httptest.NewRecorder(), request)
		}()
		_, err := app.RoundTrip(post(t, "http://app.test/whole", &trap{reason: reason}))
		if !errors.Is(err, nano.ErrPanic) {
			t.Error("a round trip gives", err)
		}
	}
	if !strings.Contains(report.String(), "uploads_test.go") || strings.Contains(report.String(), "abort Handler") {
		t.Error("the log does not say where:", report)
	}
}
