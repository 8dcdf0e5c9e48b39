package nano_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
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

const streams = `
const sleep = () => new Promise((resolve) => setTimeout(resolve, 0));
function begin(request) {
  request.signal.addEventListener('abort', () => console.log('aborted'));
  console.log('begun');
}
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === '/upper') return new Response(request.body.pipeThrough(new TextDecoderStream()).pipeThrough(
      new TransformStream({ transform: (text, out) => out.enqueue(text.toUpperCase()) })).pipeThrough(new TextEncoderStream()));
    if (pathname === '/hang') {
      begin(request);
      return new Promise((resolve) => setTimeout(resolve, 1e8));
    }
    if (pathname === '/endless') {
      begin(request);
      return new Response(new ReadableStream({ async pull(out) { await sleep(); out.enqueue(new Uint8Array(1000)); } }));
    }
    if (pathname === '/breaks') return new Response(new ReadableStream({ async start(out) { out.enqueue(new Uint8Array(10)); await sleep(); out.error(new Error('broken')); } }));
    if (pathname === '/throws') throw new Error('a secret');
    if (pathname === '/early') { await request.body.getReader().read(); return new Response('early'); }
    if (pathname === '/204') return new Response(null, { status: 204 });
    return Response.json({ method: request.method, url: request.url, headers: Object.fromEntries(request.headers), body: await request.text() },
      { status: 201, headers: { 'x-a': 'b', connection: 'close, x-a' } });
  },
};`

// served is an app behind a server of net/http, and what it says on its console.
func served(t *testing.T, http2 bool) (*httptest.Server, <-chan nano.Log, *bytes.Buffer) {
	t.Helper()
	logs := make(chan nano.Log, 100)
	report := new(bytes.Buffer)
	runtime := newRuntime(t, nano.Options{OnLog: func(log nano.Log) { logs <- log }, Logger: slog.New(slog.NewTextHandler(report, nil))})
	mux := http.NewServeMux()
	mux.Handle("/", load(t, runtime, nano.AppOptions{Name: "streams", Source: streams}))
	mux.Handle("/below/", http.StripPrefix("/below", load(t, runtime, nano.AppOptions{Source: streams})))
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, logs, report
}

func TestAnAppIsAHandler(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		server, _, _ := served(t, http2)
		request := post(t, server.URL+"/below/a%20b?c=d%20e", strings.NewReader("grüße"))
		request.Header.Set("X-Two", "2")
		response, err := server.Client().Do(request)
		must(t, err)
		if response.Header.Get("X-A") != "b" || response.Header.Get("Connection") != "" || response.ContentLength <= 0 {
			t.Error(response.Header, response.ContentLength)
		}
		status, body := read(t, response)
		var seen struct {
			Method, URL, Body string
			Headers           map[string]string
		}
		must(t, json.Unmarshal([]byte(body), &seen))
		host := request.URL.Host
		if status != 201 || seen.Method != "POST" || seen.URL != server.URL+"/a%20b?c=d%20e" || seen.Body != "grüße" {
			t.Error(status, body)
		}
		if seen.Headers["x-two"] != "2" || seen.Headers["host"] != host {
			t.Error(seen.Headers)
		}
		response, err = server.Client().Get(server.URL + "/204")
		must(t, err)
		if status, body := read(t, response); status != 204 || body != "" {
			t.Error(status, body)
		}
	}
}

func TestBodiesStreamBothWaysThroughAServer(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		server, _, _ := served(t, http2)
		in, out := io.Pipe()
		response, err := server.Client().Do(post(t, server.URL+"/upper", in))
		// The head of the response is here before the body of the request is.
		must(t, err)
		reader := bufio.NewReader(response.Body)
		for i := range 3 {
			_, err := fmt.Fprintf(out, "line %d\n", i)
			must(t, err)
			line, err := reader.ReadString('\n')
			if err != nil || line != fmt.Sprintf("LINE %d\n", i) {
				t.Error(line, err)
			}
		}
		must(t, out.Close())
		if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
			t.Error(rest, err)
		}
		must(t, response.Body.Close())
		long := strings.Repeat("0123456789abcdef", 1<<16)
		response, err = server.Client().Do(post(t, server.URL+"/upper", strings.NewReader(long)))
		must(t, err)
		if _, body := read(t, response); body != strings.ToUpper(long) {
			t.Error(len(body), "bytes came back", body[:min(len(body), 200)])
		}
	}
}

func TestAClientThatGoesAwayEndsItsRequest(t *testing.T) {
	server, logs, report := served(t, false)
	for _, path := range []string{"/hang", "/endless"} {
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, "GET", server.URL+path, nil)
		must(t, err)
		ended := make(chan error, 1)
		go func() {
			response, err := server.Client().Do(request)
			if err == nil {
				_, err = io.Copy(io.Discard, response.Body)
			}
			ended <- err
		}()
		if log := <-logs; log.Text != "begun" || log.App != "streams" || log.Level != slog.LevelInfo {
			t.Error(log)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if log := <-logs; log.Text != "aborted" {
			t.Error(log)
		}
	}
	if report.Len() > 0 {
		t.Error(report)
	}
}

func TestErrorsBecomeProblemsThatTellNothing(t *testing.T) {
	server, _, report := served(t, false)
	response, err := server.Client().Get(server.URL + "/throws")
	must(t, err)
	kind := response.Header.Get("Content-Type")
	status, body := read(t, response)
	if status != 500 || kind != "application/problem+json" || !strings.Contains(body, `"code":"EXCEPTION"`) || strings.Contains(body, "secret") {
		t.Error(status, kind, body)
	}
	if log := report.String(); !strings.Contains(log, "a secret") || !strings.Contains(log, "stack=") || !strings.Contains(log, "app=streams") {
		t.Error(log)
	}
	// The connection may end before the head is out.
	if response, err = server.Client().Get(server.URL + "/breaks"); err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	if err == nil {
		t.Error("a body that breaks off looks whole")
	}
	response, err = server.Client().Get(server.URL + "/" + strings.Repeat("a", 20000))
	must(t, err)
	if status, body := read(t, response); status != 414 || !strings.Contains(body, "url_bytes") {
		t.Error(status, body)
	}
}

func TestAnAnswerDoesNotWaitForABodyThatNobodyReads(t *testing.T) {
	server, _, _ := served(t, false)
	connection, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	must(t, err)
	defer connection.Close()
	// The client never sends what it announced.
	_, err = io.WriteString(connection, "POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc")
	must(t, err)
	must(t, connection.SetReadDeadline(time.Now().Add(time.Minute)))
	answer, err := io.ReadAll(connection)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") || !strings.HasSuffix(string(answer), "early") {
		t.Errorf("%q %v", answer, err)
	}
}

func TestARecorderWillDo(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: streams})
	for _, size := range []int{5, 100_000} {
		recorder := httptest.NewRecorder()
		app.ServeHTTP(recorder, httptest.NewRequest("POST", "/upper", strings.NewReader(strings.Repeat("a", size))))
		if recorder.Code != 200 || recorder.Body.String() != strings.Repeat("A", size) {
			t.Error(recorder.Code, recorder.Body.Len())
		}
	}
}

func TestNobodyGuessesWhatAnAppHasNotSaid(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		server := httptest.NewUnstartedServer(newApp(t, nano.AppOptions{Source: `export default { fetch(request) {
			const page = new TextEncoder().encode('<html><script>alert(1)</script>');
			return new Response(request.url.endsWith('/pieces') ? new ReadableStream({ start(out) { out.enqueue(page); out.close(); } }) : page);
		} }`}))
		server.EnableHTTP2 = http2
		server.StartTLS()
		defer server.Close()
		for _, path := range []string{"/", "/pieces"} {
			response, err := server.Client().Get(server.URL + path)
			must(t, err)
			if _, body := read(t, response); !strings.Contains(body, "alert") || response.Header.Values("Content-Type") != nil {
				t.Error(body, response.Header)
			}
		}
	}
}

func TestWhatIsAboutTheServerAsAWholeIsNoApps(t *testing.T) {
	app := newApp(t, nano.AppOptions{Source: hello})
	answer := httptest.NewRecorder()
	app.ServeHTTP(answer, httptest.NewRequest(http.MethodOptions, "*", nil))
	if stats, err := app.Stats(); answer.Code != http.StatusNoContent || answer.Body.Len() > 0 || stats.Requests != 0 || err != nil {
		t.Error(answer.Code, answer.Body, stats.Requests, err)
	}
}

func TestAHostThatIsNoneIsTheClientsMistake(t *testing.T) {
	server, _, _ := served(t, false)
	for host, want := range map[string]int{"a:99999": 400, "a:80": 201} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		must(t, err)
		request.Host = host
		response, err := server.Client().Do(request)
		must(t, err)
		if status, body := read(t, response); status != want || want == 400 && !strings.Contains(body, "INVALID") {
			t.Error(host, status, body)
		}
	}
}
