package nano_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"nano-isolates/nano"
)

const echoes = `const notes = [];
export default { fetch(request) {
  if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') return new Response('no socket');
  const [client, socket] = Object.values(new WebSocketPair());
  socket.accept();
  socket.onmessage = ({ data }) => {
    if (data === 'flood') for (let i = 0; i < 40; i++) socket.send('x'.repeat(50_000));
    else if (data === 'stop') socket.close(4000, 'told to');
    else socket.send(data);
  };
  socket.onclose = ({ code, wasClean }) => notes.push('closed ' + code + ' ' + wasClean);
  return new Response(null, { status: 101, webSocket: client, headers: { 'X-Own': new URL(request.url).pathname } });
} };
export const all = () => notes.splice(0);`

func expectNote(t *testing.T, app *nano.App, note string) {
	t.Helper()
	equal(t, until(t, app, "all", some), []any{note})
}

// serve is an app behind a server, with what the test has to say about it.
func serve(t *testing.T, handler http.Handler, change func(*http.Server), start func(*httptest.Server)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	if change != nil {
		change(server.Config)
	}
	start(server)
	t.Cleanup(server.Close)
	return server
}

func TestAnAppAnswersWithAWebSocket(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echoes})
	marked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Of-The-Host", "yes")
		app.ServeHTTP(w, r)
	})
	proxied := httptest.NewServer(marked)
	defer proxied.Close()
	behind, err := url.Parse(proxied.URL)
	must(t, err)
	rewrite := func(r *httputil.ProxyRequest) { r.SetURL(behind) }
	for name, try := range map[string]func(t *testing.T) (http.RoundTripper, string){
		"through a server": func(t *testing.T) (http.RoundTripper, string) {
			server := serve(t, marked, nil, (*httptest.Server).Start)
			return server.Client().Transport, server.URL
		},
		"through a server with TLS": func(t *testing.T) (http.RoundTripper, string) {
			server := serve(t, marked, nil, (*httptest.Server).StartTLS)
			return server.Client().Transport, server.URL
		},
		"without a server": func(t *testing.T) (http.RoundTripper, string) { return app, "http://app.test" },
		"behind a proxy": func(t *testing.T) (http.RoundTripper, string) {
			server := serve(t, &httputil.ReverseProxy{Rewrite: rewrite}, nil, (*httptest.Server).Start)
			return server.Client().Transport, server.URL
		},
		"as a proxy's transport": func(t *testing.T) (http.RoundTripper, string) {
			server := serve(t, &httputil.ReverseProxy{Rewrite: rewrite, Transport: app}, nil, (*httptest.Server).Start)
			return server.Client().Transport, server.URL
		},
	} {
		t.Run(name, func(t *testing.T) {
			asked, address := try(t)
			wire, head := dial(t, asked, handshake(t, address+"/a"))
			if head.Get("X-Own") != "/a" || head.Get("X-Of-The-Host") != "" || head.Get("Upgrade") != "websocket" {
				t.Error(head)
			}
			wire.send(textFrame, "grüß dich")
			wire.expect(textFrame, "grüß dich")
			// More than fits on the way at a time, in both directions, and in all more than may wait.
			long := strings.Repeat("0123456789abcdef", 56_000)
			for range 6 {
				wire.send(binaryFrame, long)
				wire.expect(binaryFrame, long)
			}
			wire.sendClose(3001, "enough")
			wire.expectClose(3001, "")
			wire.expectEnd()
			expectNote(t, app, "closed 3001 true")
			// The app's turn to end it.
			wire, _ = dial(t, asked, handshake(t, address))
			wire.send(textFrame, "stop")
			wire.expectClose(4000, "told to")
			wire.sendClose(4000, "")
			wire.expectEnd()
			expectNote(t, app, "closed 4000 true")
			// A client that goes without a word.
			wire, _ = dial(t, asked, handshake(t, address))
			must(t, wire.stream.Close())
			expectNote(t, app, "closed 1006 false")
			// And another that is told by the app's end.
			wire, _ = dial(t, asked, handshake(t, address))
			must(t, app.Reload(nano.AppOptions{Source: echoes}))
			wire.expectClose(1012, "RELOAD")
			wire.expectEnd()
		})
	}
}

func TestWhatAClientSendsBeforeTheAnswerIsNotLost(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echoes})
	server := serve(t, app, nil, (*httptest.Server).Start)
	connection, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	must(t, err)
	defer connection.Close()
	var bytes bytes.Buffer
	must(t, handshake(t, server.URL).Write(&bytes))
	bytes.Write(frame(textFrame, []byte("early")))
	bytes.Write(frame(textFrame, []byte("bird")))
	_, err = connection.Write(bytes.Bytes())
	must(t, err)
	in := bufio.NewReader(connection)
	response, err := http.ReadResponse(in, nil)
	must(t, err)
	equal(t, response.StatusCode, 101)
	// What was sent reaches the app also when nothing more can come.
	must(t, connection.(*net.TCPConn).CloseWrite())
	wire := &wire{t, connection, in}
	wire.expect(textFrame, "early")
	wire.expect(textFrame, "bird")
	wire.expectEnd()
	expectNote(t, app, "closed 1006 false")
}

func TestAContextEndsItsWebSockets(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echoes})
	ctx, cancel := context.WithCancel(t.Context())
	base := func(server *http.Server) { server.BaseContext = func(net.Listener) context.Context { return ctx } }
	server := serve(t, app, base, (*httptest.Server).Start)
	wire, _ := dial(t, server.Client().Transport, handshake(t, server.URL))
	cancel()
	wire.expectEnd()
	expectNote(t, app, "closed 1006 false")
}

func TestTheContextOfAHandshakeDoesNotEndTheWebSocket(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: echoes})
	ctx, cancel := context.WithCancel(t.Context())
	wire, _ := dial(t, app, handshake(t, "http://app.test/").WithContext(ctx))
	cancel()
	wire.send(textFrame, "still here")
	wire.expect(textFrame, "still here")
	must(t, wire.stream.(interface{ CloseWrite() error }).CloseWrite())
	wire.expectEnd()
	expectNote(t, app, "closed 1006 false")
	if _, err := wire.stream.Write([]byte{0}); !errors.Is(err, io.ErrClosedPipe) {
		t.Error("written after the end:", err)
	}
	// What has ended before it began is no WebSocket.
	if _, err := app.RoundTrip(handshake(t, "http://app.test/").WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWebSocketsEndWithTheirRuntime(t *testing.T) {
	before := goruntime.NumGoroutine()
	runtime, err := nano.New(nano.Options{Threads: 1, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	app := load(t, runtime, nano.AppOptions{Source: echoes})
	server := httptest.NewServer(app)
	var wires []*wire
	for range 5 {
		wire, _ := dial(t, server.Client().Transport, handshake(t, server.URL))
		wires = append(wires, wire)
	}
	tunnel, _ := dial(t, app, handshake(t, "http://app.test/"))
	must(t, runtime.Close())
	for _, wire := range wires {
		wire.expectClose(1001, "SHUTDOWN")
		wire.expectEnd()
		must(t, wire.stream.Close())
	}
	tunnel.expectClose(1001, "SHUTDOWN")
	if _, err := io.Copy(io.Discard, tunnel.in); !errors.Is(err, nano.ErrShutdown) {
		t.Error(err)
	}
	server.Close()
	for goruntime.NumGoroutine() > before {
		goruntime.Gosched()
	}
}

// Without Hijack.
type plain struct{ http.ResponseWriter }

// With one that has to be looked for.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// With one that fails.
type refusing struct{ http.ResponseWriter }

func (refusing) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("not this one")
}

func TestOnlyAConnectionThatCanBeTakenCarriesAWebSocket(t *testing.T) {
	runtime := newRuntime(t, nano.Options{Logger: slog.New(slog.DiscardHandler)})
	app := load(t, runtime, nano.AppOptions{Source: echoes})
	wrap := func(wrap func(http.ResponseWriter) http.ResponseWriter) *httptest.Server {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app.ServeHTTP(wrap(w), r) })
		return serve(t, handler, nil, (*httptest.Server).Start)
	}
	server := wrap(func(w http.ResponseWriter) http.ResponseWriter { return wrapped{wrapped{w}} })
	wire, _ := dial(t, server.Client().Transport, handshake(t, server.URL))
	wire.sendClose(1000, "")
	wire.expectClose(1000, "")
	expectNote(t, app, "closed 1000 true")
	for _, server := range []*httptest.Server{
		wrap(func(w http.ResponseWriter) http.ResponseWriter { return plain{w} }),
		wrap(func(w http.ResponseWriter) http.ResponseWriter { return wrapped{refusing{w}} }),
	} {
		response, err := server.Client().Transport.RoundTrip(handshake(t, server.URL))
		must(t, err)
		status, body := read(t, response)
		if status != 501 || !strings.Contains(body, `"code":"UNSUPPORTED"`) {
			t.Error(status, body)
		}
	}
	// The last one had begun.
	expectNote(t, app, "closed 1006 false")
	// What asks for none gets an answer as ever, and so does what could.
	app = load(t, runtime, nano.AppOptions{Source: hello})
	server = serve(t, app, nil, (*httptest.Server).Start)
	for _, asked := range []http.RoundTripper{server.Client().Transport, app} {
		response, err := asked.RoundTrip(handshake(t, server.URL))
		must(t, err)
		if status, body := read(t, response); status != 200 || body != "hello" {
			t.Error(status, body)
		}
	}
}

// A stuck client's connection: writes do not end by themselves. Deadlines are told, and strike at once.
type stuck struct {
	net.Conn
	writes    chan int
	deadlines chan time.Time
}

func (s *stuck) Write(p []byte) (int, error) {
	s.writes <- len(p)
	return s.Conn.Write(p)
}

func (s *stuck) SetDeadline(at time.Time) error {
	s.deadlines <- at
	if !at.IsZero() {
		at = time.Unix(1, 0)
	}
	return s.Conn.SetDeadline(at)
}

func (s *stuck) Header() http.Header { return nil }
func (s *stuck) WriteHeader(int)     {}

func (s *stuck) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return s, bufio.NewReadWriter(bufio.NewReader(s), bufio.NewWriter(s)), nil
}

func TestAClientThatDoesNotReadHoldsUpNobody(t *testing.T) {
	for name, end := range map[string]func(app *nano.App, cancel func()) error{
		"the app ends":     func(app *nano.App, _ func()) error { return app.Reload(nano.AppOptions{Source: echoes}) },
		"the context ends": func(_ *nano.App, cancel func()) error { cancel(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			app := newApp(t, nano.AppOptions{Source: echoes})
			client, connection := net.Pipe()
			defer client.Close()
			writer := &stuck{connection, make(chan int, 100), make(chan time.Time, 100)}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			served := make(chan struct{})
			go func() {
				defer close(served)
				request := handshake(t, "http://app.test/").WithContext(ctx)
				app.ServeHTTP(writer, request)
			}()
			if deadline := <-writer.deadlines; !deadline.IsZero() {
				t.Error("a deadline stands:", deadline)
			}
			<-writer.writes
			response, err := http.ReadResponse(bufio.NewReader(client), nil)
			must(t, err)
			equal(t, response.StatusCode, 101)
			_, err = client.Write(frame(textFrame, []byte("flood")))
			must(t, err)
			<-writer.writes
			must(t, end(app, cancel))
			<-served
		})
	}
}

// A deaf client's connection: what is written fails.
type deaf struct{ *stuck }

func (d deaf) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func (d deaf) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return d, bufio.NewReadWriter(bufio.NewReader(d), bufio.NewWriter(d)), nil
}

func TestAClientThatIsGoneIsNotKeptByAnAppThatDoesNotRead(t *testing.T) {
	var log bytes.Buffer
	runtime := newRuntime(t, nano.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	runtime.SetLastWords(time.Millisecond)
	app := load(t, runtime, nano.AppOptions{Source: `export default { fetch() {
		const { 0: client } = new WebSocketPair();
		return new Response(null, { status: 101, webSocket: client });
	} };`})
	for name, try := range map[string]func(client net.Conn, writer *stuck) http.ResponseWriter{
		"it cannot be written to": func(_ net.Conn, writer *stuck) http.ResponseWriter { return deaf{writer} },
		"it has closed its side": func(client net.Conn, writer *stuck) http.ResponseWriter {
			go func() {
				response, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil || response.StatusCode != 101 {
					t.Error(response, err)
				}
				client.Close()
			}()
			return writer
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, connection := net.Pipe()
			defer client.Close()
			writer := &stuck{connection, make(chan int, 100), make(chan time.Time, 100)}
			app.ServeHTTP(try(client, writer), handshake(t, "http://app.test/"))
			equal(t, stats(t, app).InFlight, uint64(0))
		})
	}
	// That is no error.
	equal(t, log.String(), "")
}

func TestABindingIsNotAnsweredWithAWebSocket(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	behind := load(t, runtime, nano.AppOptions{Source: echoes})
	app := load(t, runtime, nano.AppOptions{
		Source: withEnv + `export const ask = () => env.ECHO.fetch('http://x/', { headers: { connection: 'upgrade', upgrade: 'websocket',
			'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } }).then((r) => r.status, (error) => error.message);`,
		// Not the app itself, which NANO would ask.
		Bindings: map[string]any{"ECHO": struct{ http.RoundTripper }{behind}},
	})
	answer, err := app.Invoke(t.Context(), "ask")
	must(t, err)
	if !strings.Contains(fmt.Sprint(answer), "calls carry none") {
		t.Error(answer)
	}
	expectNote(t, behind, "closed 1006 false")
}
