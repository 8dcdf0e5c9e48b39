package nano_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"nano-isolates/nano"
)

const names = "export default { fetch: (request, env) => new Response(env.NAME + ' ' + request.url) }"

func named(t testing.TB, runtime *nano.Runtime, name string) *nano.App {
	t.Helper()
	return load(t, runtime, nano.AppOptions{Name: name, Source: names, Env: map[string]string{"NAME": name}})
}

func listen(t testing.TB, runtime *nano.Runtime, options nano.ListenOptions) *nano.Listener {
	t.Helper()
	listener, err := runtime.Listen("127.0.0.1:0", options)
	must(t, err)
	t.Cleanup(func() { must(t, listener.Close()) })
	return listener
}

// to is a client that takes every host for this address, each request with a connection of its own unless it keeps them.
func to(t testing.TB, address net.Addr, config *tls.Config, keeps bool) *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, address.Network(), address.String())
		},
		TLSClientConfig: config, ForceAttemptHTTP2: true, DisableKeepAlives: !keeps,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func ask(t testing.TB, client *http.Client, url string) (int, string) {
	t.Helper()
	response, err := client.Get(url)
	must(t, err)
	return read(t, response)
}

// certificate is one of those for tests.
func certificate(t testing.TB, chain, key string) nano.Certificate {
	t.Helper()
	file := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join("../../tests/tls", name))
		must(t, err)
		return content
	}
	return nano.Certificate{Chain: file(chain + ".pem"), Key: file(key + ".key")}
}

func trusting(t testing.TB) *tls.Config {
	t.Helper()
	authority, err := os.ReadFile("../../tests/tls/authority.pem")
	must(t, err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		t.Fatal("no authority")
	}
	return &tls.Config{RootCAs: roots}
}

func TestRequestsGoToTheAppOfTheirHostAndPath(t *testing.T) {
	runtime := newRuntime(t, nano.Options{Threads: 2})
	one, two, others := named(t, runtime, "one"), named(t, runtime, "two"), named(t, runtime, "others")
	listener := listen(t, runtime, nano.ListenOptions{Routes: []nano.Route{
		{Host: "one.test", App: one}, {Host: "one.test", Path: "/two", App: two}, {Path: "/others", App: others},
	}})
	client := to(t, listener.Addr(), nil, false)
	for url, want := range map[string]string{
		"http://one.test/":          "one http://one.test/",
		"http://one.test/twofold":   "one http://one.test/twofold",
		"http://one.test/two":       "two http://one.test/two",
		"http://one.test/two/x?a=b": "two http://one.test/two/x?a=b",
		"http://else.test/others/x": "others http://else.test/others/x",
	} {
		if status, body := ask(t, client, url); status != 200 || body != want {
			t.Error(url, status, body)
		}
	}
	response, err := client.Get("http://else.test/")
	must(t, err)
	if status, body := read(t, response); status != 404 || !strings.Contains(body, `"code":"NO_APP"`) ||
		response.Header.Get("Content-Type") != "application/problem+json" {
		t.Error(status, body, response.Header)
	}
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || at.Port == 0 || !at.IP.IsLoopback() {
		t.Error(listener.Addr())
	}
	// A new version is the same app.
	must(t, one.Reload(nano.AppOptions{Source: hello}))
	if status, body := ask(t, client, "http://one.test/"); status != 200 || body != "hello" {
		t.Error(status, body)
	}
}

func TestCertificatesMakeAListenerSpeakTLS(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	app := named(t, runtime, "app")
	one, two := certificate(t, "one", "one"), certificate(t, "two", "two")
	routes := []nano.Route{{App: app}}
	listener := listen(t, runtime, nano.ListenOptions{Routes: routes, Certificates: []nano.Certificate{one}})
	config := trusting(t)
	response, err := to(t, listener.Addr(), config, false).Get("https://one.test/x")
	must(t, err)
	if status, body := read(t, response); status != 200 || body != "app https://one.test/x" || response.ProtoMajor != 2 {
		t.Error(status, body, response.Proto)
	}
	if status, body := ask(t, to(t, listener.Addr(), nil, false), "http://one.test/"); status != 400 || !strings.Contains(body, "https://") {
		t.Error("in the clear:", status, body)
	}
	expectNames := func(listener *nano.Listener, asked, want string) {
		t.Helper()
		client := to(t, listener.Addr(), &tls.Config{RootCAs: config.RootCAs, ServerName: asked}, false)
		response, err := client.Get("https://" + want + "/")
		must(t, err)
		read(t, response)
		if got := response.TLS.PeerCertificates[0].Subject.CommonName; got != strings.TrimSuffix(want, ".test") {
			t.Error("asked for", asked, "and got", got)
		}
	}
	expectNames(listener, "one.test", "one.test")
	// One that is open keeps what it has.
	kept := to(t, listener.Addr(), config, true)
	ask(t, kept, "https://one.test/")
	must(t, listener.SetCertificates([]nano.Certificate{two}))
	expectNames(listener, "two.test", "two.test")
	if status, body := ask(t, kept, "https://one.test/again"); status != 200 || body != "app https://one.test/again" {
		t.Error(status, body)
	}
	if _, err := to(t, listener.Addr(), config, false).Get("https://one.test/"); !errors.As(err, new(x509.HostnameError)) {
		t.Error("a certificate for two:", err)
	}
	// What cannot be used changes nothing.
	for what, bad := range map[string][]nano.Certificate{"a key of another": {certificate(t, "one", "two")}, "none": nil, "an empty one": {{}}} {
		var failed *nano.Error
		if err := listener.SetCertificates(bad); !errors.Is(err, nano.ErrInvalid) || !errors.As(err, &failed) || failed.Message == "" {
			t.Error(what, err)
		}
		expectNames(listener, "two.test", "two.test")
	}
	both := listen(t, runtime, nano.ListenOptions{Routes: routes, Certificates: []nano.Certificate{one, two}})
	expectNames(both, "one.test", "one.test")
	expectNames(both, "two.test", "two.test")
	if _, err := runtime.Listen("127.0.0.1:0", nano.ListenOptions{Certificates: []nano.Certificate{certificate(t, "one", "two")}}); !errors.Is(err, nano.ErrInvalid) {
		t.Error(err)
	}
	if err := listen(t, runtime, nano.ListenOptions{Routes: routes}).SetCertificates([]nano.Certificate{one}); !errors.Is(err, nano.ErrInvalid) {
		t.Error("of a listener in the clear:", err)
	}
}

func TestALimitOfAListenerBites(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	routes := []nano.Route{{App: load(t, runtime, nano.AppOptions{Source: hello})}}
	status := func(options nano.ListenOptions, headers http.Header) int {
		t.Helper()
		options.Routes = routes
		request, err := http.NewRequestWithContext(t.Context(), "GET", "http://app.test/", nil)
		must(t, err)
		request.Header = headers
		response, err := to(t, listen(t, runtime, options).Addr(), nil, false).Do(request)
		must(t, err)
		status, _ := read(t, response)
		return status
	}
	long, many := http.Header{"X-Long": {strings.Repeat("x", 2000)}}, http.Header{"X-Many": make([]string, 20)}
	equal(t, status(nano.ListenOptions{HeadBytes: 1000}, long), 431)
	equal(t, status(nano.ListenOptions{HeadBytes: 4000}, long), 200)
	equal(t, status(nano.ListenOptions{Headers: 20}, many), 431)
	equal(t, status(nano.ListenOptions{Headers: 30}, many), 200)
	equal(t, status(nano.ListenOptions{}, many), 200)
}

func TestAnAppHasNoMoreConnectionsThanItMay(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	begun, goOn := make(chan struct{}), make(chan struct{})
	waits := load(t, runtime, nano.AppOptions{
		Source:   withEnv + "export default { async fetch() { await env.wait(); return new Response('waited'); } }",
		Bindings: map[string]any{"wait": func() { begun <- struct{}{}; <-goOn }},
	})
	listener := listen(t, runtime, nano.ListenOptions{ConnectionsOfApp: 1, Routes: []nano.Route{{App: waits}, {Host: "one.test", App: named(t, runtime, "one")}}})
	client := to(t, listener.Addr(), nil, false)
	ended := make(chan string)
	go func() {
		_, body := ask(t, client, "http://app.test/")
		ended <- body
	}()
	<-begun
	equal(t, listener.Connections(), 1)
	if status, body := ask(t, client, "http://app.test/"); status != 503 || !strings.Contains(body, `"code":"TOO_MANY_CONNECTIONS"`) {
		t.Error(status, body)
	}
	if status, _ := ask(t, client, "http://one.test/"); status != 200 {
		t.Error("another app:", status)
	}
	close(goOn)
	equal(t, <-ended, "waited")
	for listener.Connections() > 0 {
		goruntime.Gosched()
	}
}

func TestAConnectionTooManyHasThePlaceOfOneThatIsIdle(t *testing.T) {
	runtime := newRuntime(t, nano.Options{Threads: 1, ManualClock: true})
	listener := listen(t, runtime, nano.ListenOptions{Connections: 1, Routes: []nano.Route{{App: load(t, runtime, nano.AppOptions{Source: hello})}}})
	idle, err := net.Dial("tcp", listener.Addr().String())
	must(t, err)
	defer idle.Close()
	_, err = io.WriteString(idle, "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n")
	must(t, err)
	in := bufio.NewReader(idle)
	response, err := http.ReadResponse(in, nil)
	must(t, err)
	read(t, response)
	// Less than connections may idle by default.
	must(t, runtime.Advance(2*time.Second))
	if status, body := ask(t, to(t, listener.Addr(), nil, false), "http://app.test/"); status != 200 || body != "hello" {
		t.Error(status, body)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("%q %v", rest, err)
	}
}

func TestAClientIsGivenSoMuchTime(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: "
	for name, try := range map[string]struct {
		options nano.ListenOptions
		sent    string
		status  int
		rest    string
	}{
		// Without an answer the connection is closed.
		"head":      {nano.ListenOptions{HeadTimeout: 4 * time.Second}, "GET / HTTP/1.1\r\nHost:", 408, ""},
		"idle":      {nano.ListenOptions{IdleTimeout: 4 * time.Second}, head + "2\r\n\r\nab", 200, ""},
		"body":      {nano.ListenOptions{BodyTimeout: 4 * time.Second}, head + "3\r\n\r\nab", 0, ""},
		"handshake": {nano.ListenOptions{HandshakeTimeout: 4 * time.Second, Certificates: []nano.Certificate{certificate(t, "one", "one")}}, "\x16", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			runtime := newRuntime(t, nano.Options{Threads: 1, ManualClock: true})
			try.options.Routes = []nano.Route{{App: load(t, runtime, nano.AppOptions{
				Source: "export default { async fetch(request) { await request.text(); return new Response('ok'); } }",
			})}}
			listener := listen(t, runtime, try.options)
			connection, err := net.Dial("tcp", listener.Addr().String())
			must(t, err)
			defer connection.Close()
			in := bufio.NewReader(connection)
			_, err = io.WriteString(connection, try.sent)
			must(t, err)
			if try.status == 200 {
				response, err := http.ReadResponse(in, nil)
				must(t, err)
				status, _ := read(t, response)
				equal(t, status, 200)
			}
			// The thread takes them one after the other: when this is answered the other one's time has begun.
			scheme, config := "http", (*tls.Config)(nil)
			if len(try.options.Certificates) > 0 {
				scheme, config = "https", trusting(t)
			}
			if status, _ := ask(t, to(t, listener.Addr(), config, false), scheme+"://one.test/"); status != 200 {
				t.Error("somebody else:", status)
			}
			// Less than each default.
			must(t, runtime.Advance(5*time.Second))
			rest, err := io.ReadAll(in)
			must(t, err)
			if try.status == 408 && !bytes.HasPrefix(rest, []byte("HTTP/1.1 408 ")) || try.status == 200 && len(rest) > 0 {
				t.Errorf("%q", rest)
			}
		})
	}
}

func TestWhereNobodyCanListenIsSaid(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	app := load(t, runtime, nano.AppOptions{Source: hello})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	ours := listen(t, runtime, nano.ListenOptions{})
	routes := []nano.Route{{App: app}}
	for _, try := range []struct {
		address string
		options nano.ListenOptions
		code    nano.Code
		says    string
	}{
		{taken.Addr().String(), nano.ListenOptions{}, nano.ErrIO, taken.Addr().String()},
		{ours.Addr().String(), nano.ListenOptions{}, nano.ErrIO, ours.Addr().String()},
		{"localhost", nano.ListenOptions{}, nano.ErrInvalid, "localhost"},
		{"", nano.ListenOptions{}, nano.ErrInvalid, ""},
		{"fd:1000000", nano.ListenOptions{}, nano.ErrIO, "fd:1000000"},
		{"127.0.0.1:0", nano.ListenOptions{Routes: []nano.Route{{Path: "api", App: app}}}, nano.ErrInvalid, "api"},
		{"127.0.0.1:0", nano.ListenOptions{Routes: append(routes, routes...)}, nano.ErrAlready, ""},
		{"127.0.0.1:0", nano.ListenOptions{Routes: routes, Connections: -1}, nano.ErrInvalid, "-1"},
		{"127.0.0.1:0", nano.ListenOptions{Routes: routes, HeadBytes: 1 << 32}, nano.ErrInvalid, "4294967296"},
		{"127.0.0.1:0", nano.ListenOptions{Routes: routes, IdleTimeout: -time.Second}, nano.ErrInvalid, "-1s"},
	} {
		var failed *nano.Error
		if _, err := runtime.Listen(try.address, try.options); !errors.As(err, &failed) || failed.Code != try.code || !strings.Contains(failed.Message, try.says) {
			t.Errorf("%q %+v: %v", try.address, try.options, err)
		}
	}
}

func TestAListenerIsForItsRuntimesApps(t *testing.T) {
	runtime, other := newRuntime(t, nano.Options{}), newRuntime(t, nano.Options{})
	// The name is one of this runtime's, too.
	load(t, runtime, nano.AppOptions{Name: "app", Source: hello})
	foreign := load(t, other, nano.AppOptions{Name: "app", Source: hello})
	for app, says := range map[*nano.App]string{foreign: "another runtime's", nil: "none that Load has given", {}: "none that Load has given"} {
		_, err := runtime.Listen("127.0.0.1:0", nano.ListenOptions{Routes: []nano.Route{{Host: "a.test", Path: "/b", App: app}}})
		if !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), `"a.test/b"`) {
			t.Error(err)
		}
		_, err = runtime.Load(nano.AppOptions{Source: hello, Bindings: map[string]any{"OTHER": app}})
		if !errors.Is(err, nano.ErrInvalid) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "OTHER") {
			t.Error("as a binding:", err)
		}
	}
}

func TestAppsAskGoAlsoForWhoComesByAListener(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	stock := load(t, runtime, nano.AppOptions{Name: "stock", Source: "export default { fetch: () => new Response('plenty') }"})
	app := load(t, runtime, nano.AppOptions{
		Source: withEnv + `export default { async fetch(request) {
			const stock = await (await env.STOCK.fetch('http://stock/')).text();
			const echo = await (await env.ECHO.fetch('http://echo/', { method: 'POST', body: request.body })).text();
			return Response.json([await env.add(2, 3), stock, echo, await env.no().catch((error) => error.message)]);
		} };`,
		Bindings: map[string]any{
			"add":   func(a, b int) int { return a + b },
			"no":    func() error { return errors.New("never") },
			"STOCK": stock,
			"ECHO":  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }),
		},
	})
	listener := listen(t, runtime, nano.ListenOptions{Routes: []nano.Route{{App: app}}})
	client := to(t, listener.Addr(), nil, true)
	for n := range 20 {
		response, err := client.Post("http://app.test/", "text/plain", strings.NewReader(fmt.Sprint("body ", n)))
		must(t, err)
		if status, body := read(t, response); status != 200 || body != fmt.Sprintf(`[5,"plenty","body %d","never"]`, n) {
			t.Error(status, body)
		}
	}
}

func TestAListenerCarriesWebSockets(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	app := load(t, runtime, nano.AppOptions{Source: echoes})
	listener := listen(t, runtime, nano.ListenOptions{Routes: []nano.Route{{App: app}}})
	wire, head := dial(t, to(t, listener.Addr(), nil, true).Transport, handshake(t, "http://app.test/a"))
	equal(t, head.Get("X-Own"), "/a")
	wire.send(textFrame, "grüß dich")
	wire.expect(textFrame, "grüß dich")
	wire.sendClose(3001, "enough")
	wire.expectClose(3001, "")
	wire.expectEnd()
	expectNote(t, app, "closed 3001 true")
}

func TestWhoIsAskingIsBelievedOfAProxyAlone(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	app := load(t, runtime, nano.AppOptions{
		Source: "export default { fetch: (request) => new Response(request.headers.get('cf-connecting-ip') + ' ' + request.url) }",
	})
	for behind, want := range map[bool]string{false: "127.0.0.1 http://app.test/", true: "192.0.2.7 https://app.test/"} {
		listener := listen(t, runtime, nano.ListenOptions{Routes: []nano.Route{{App: app}}, BehindProxy: behind})
		request, err := http.NewRequestWithContext(t.Context(), "GET", "http://app.test/", nil)
		must(t, err)
		request.Header = http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"https"}}
		response, err := to(t, listener.Addr(), nil, false).Do(request)
		must(t, err)
		if _, body := read(t, response); body != want {
			t.Error(behind, body)
		}
	}
}

func TestListenersAtPathsAndDescriptors(t *testing.T) {
	runtime := newRuntime(t, nano.Options{})
	options := nano.ListenOptions{Routes: []nano.Route{{App: named(t, runtime, "app")}}}
	path := filepath.Join(t.TempDir(), "socket")
	at, err := runtime.Listen("unix:"+path, options)
	must(t, err)
	defer at.Close()
	equal(t, at.Addr(), net.Addr(&net.UnixAddr{Name: path, Net: "unix"}))
	bound, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer bound.Close()
	file, err := bound.(*net.TCPListener).File()
	must(t, err)
	inherited, err := runtime.Listen(fmt.Sprint("fd:", file.Fd()), options)
	must(t, err)
	defer inherited.Close()
	// It has one of its own.
	must(t, file.Close())
	equal(t, inherited.Addr().String(), bound.Addr().String())
	for _, listener := range []*nano.Listener{at, inherited} {
		if status, body := ask(t, to(t, listener.Addr(), nil, false), "http://a.test/"); status != 200 || body != "app http://a.test/" {
			t.Error(listener.Addr(), status, body)
		}
	}
}

// inTheMiddle has a request begun by way of a listener. What it gives lets the app answer, and what the client sees comes after that.
func inTheMiddle(t *testing.T) (runtime *nano.Runtime, listener *nano.Listener, answer func(), seen chan string) {
	t.Helper()
	runtime = newRuntime(t, nano.Options{})
	begun, goOn := make(chan struct{}), make(chan struct{})
	app := load(t, runtime, nano.AppOptions{
		Source:   withEnv + "export default { async fetch() { await env.wait(); return new Response('waited'); } }",
		Bindings: map[string]any{"wait": func() { begun <- struct{}{}; <-goOn }},
	})
	listener = listen(t, runtime, nano.ListenOptions{Routes: []nano.Route{{App: app}}})
	client := to(t, listener.Addr(), nil, true)
	seen = make(chan string, 1)
	go func() {
		response, err := client.Get("http://app.test/")
		if err != nil {
			seen <- "broken off"
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		seen <- fmt.Sprint(response.StatusCode, " ", string(body), " ", err)
	}()
	<-begun
	answer = sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(answer)
	return runtime, listener, answer, seen
}

// expectClosed finds nobody at a listener's address, and everything else an error.
func expectClosed(t *testing.T, listener *nano.Listener) {
	t.Helper()
	if connection, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		connection.Close()
		t.Error("somebody listens at", listener.Addr())
	}
	if err := listener.SetCertificates([]nano.Certificate{certificate(t, "one", "one")}); !errors.Is(err, nano.ErrShutdown) {
		t.Error(err)
	}
	must(t, listener.Close())
}

func TestARequestInFlightIsAnsweredAfterClose(t *testing.T) {
	runtime, listener, answer, seen := inTheMiddle(t)
	equal(t, listener.Connections(), 1)
	must(t, listener.Close())
	expectClosed(t, listener)
	equal(t, listener.Connections(), 1)
	answer()
	equal(t, <-seen, "200 waited <nil>")
	for listener.Connections() > 0 {
		goruntime.Gosched()
	}
	// The address is free.
	again, err := runtime.Listen(listener.Addr().String(), nano.ListenOptions{})
	must(t, err)
	must(t, again.Close())
}

func TestDrainClosesListenersAndWaitsForTheirClients(t *testing.T) {
	runtime, listener, answer, seen := inTheMiddle(t)
	drained := make(chan error)
	go func() { drained <- runtime.Drain(time.Hour) }()
	for {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		connection.Close()
	}
	answer()
	equal(t, <-seen, "200 waited <nil>")
	must(t, <-drained)
	expectClosed(t, listener)
	if _, err := runtime.Listen("127.0.0.1:0", nano.ListenOptions{}); !errors.Is(err, nano.ErrDraining) {
		t.Error(err)
	}
}

func TestCloseOfTheRuntimeClosesItsListeners(t *testing.T) {
	runtime, listener, answer, seen := inTheMiddle(t)
	must(t, runtime.Close())
	if got := <-seen; strings.HasPrefix(got, "200") {
		t.Error(got)
	}
	answer()
	expectClosed(t, listener)
	equal(t, listener.Connections(), 0)
	if _, err := runtime.Listen("127.0.0.1:0", nano.ListenOptions{}); !errors.Is(err, nano.ErrShutdown) {
		t.Error(err)
	}
}

func TestListenersAreUsedAndClosedAtTheSameTime(t *testing.T) {
	one, two := certificate(t, "one", "one"), certificate(t, "two", "two")
	for range 5 {
		runtime, err := nano.New(nano.Options{Threads: 2})
		must(t, err)
		routes := []nano.Route{{App: load(t, runtime, nano.AppOptions{Source: hello})}}
		shared, err := runtime.Listen("127.0.0.1:0", nano.ListenOptions{Routes: routes, Certificates: []nano.Certificate{one}})
		must(t, err)
		if status, _ := ask(t, to(t, shared.Addr(), trusting(t), false), "https://one.test/"); status != 200 {
			t.Error(status)
		}
		var wait sync.WaitGroup
		started := make(chan struct{})
		for n := range 8 {
			wait.Add(1)
			go func() {
				defer wait.Done()
				for round := 0; ; round++ {
					if round == 3 && n > 0 {
						started <- struct{}{}
					}
					// The last one sees everybody else begin, and ends it all.
					if n == 0 {
						for range 7 {
							<-started
						}
						if err := errors.Join(shared.Close(), runtime.Close()); err != nil {
							t.Error(err)
						}
					}
					_ = shared.Connections()
					equal(t, shared.Addr().Network(), "tcp")
					if err := shared.SetCertificates([]nano.Certificate{two}); err != nil && !errors.Is(err, nano.ErrShutdown) {
						t.Error(err)
					}
					own, err := runtime.Listen("127.0.0.1:0", nano.ListenOptions{Routes: routes})
					if err != nil {
						if !errors.Is(err, nano.ErrShutdown) {
							t.Error(err)
						}
						return
					}
					if err := own.Close(); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		wait.Wait()
		expectClosed(t, shared)
	}
}

func TestWhoIsListenedForKeepsTheRuntime(t *testing.T) {
	begin := func() (weak.Pointer[nano.Listener], weak.Pointer[nano.Runtime], net.Addr) {
		runtime, err := nano.New(nano.Options{Threads: 1})
		must(t, err)
		listener, err := runtime.Listen("127.0.0.1:0", nano.ListenOptions{Routes: []nano.Route{{App: load(t, runtime, nano.AppOptions{Source: hello})}}})
		must(t, err)
		return weak.Make(listener), weak.Make(runtime), listener.Addr()
	}
	for how, end := range map[string]func(*nano.Listener, *nano.Runtime) error{
		"the listener is closed": func(listener *nano.Listener, _ *nano.Runtime) error { return listener.Close() },
		"the runtime is closed":  func(_ *nano.Listener, runtime *nano.Runtime) error { return runtime.Close() },
		"the runtime is drained": func(_ *nano.Listener, runtime *nano.Runtime) error { return runtime.Drain(time.Hour) },
	} {
		t.Run(how, func(t *testing.T) {
			before, open := goruntime.NumGoroutine(), descriptors(t)
			listener, runtime, address := begin()
			for range 3 {
				goruntime.GC()
				if listener.Value() == nil || runtime.Value() == nil {
					t.Fatal("collected, while clients know it")
				}
				if status, body := ask(t, to(t, address, nil, false), "http://app.test/"); status != 200 || body != "hello" {
					t.Error(status, body)
				}
			}
			must(t, end(listener.Value(), runtime.Value()))
			// The handle is freed, too, or the runtime's descriptors would be there.
			for listener.Value() != nil || runtime.Value() != nil || goruntime.NumGoroutine() > before || descriptors(t) > open {
				goruntime.GC()
			}
		})
	}
}
