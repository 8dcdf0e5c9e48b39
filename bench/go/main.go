// What NANO costs Go: app.ServeHTTP and app.Invoke from 64 goroutines, and what an app costs there: bench calls|density|start COUNT
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"nano-figures"

	"nano-isolates/nano"
)

const (
	answer = "Hello World"
	source = "export default { fetch() { return new Response('Hello World'); } }; export const hello = (text) => 'Hello World';"
)

// A sink is a response that is only looked at.
type sink struct {
	header http.Header
	status int
	length int
}

func (s *sink) Header() http.Header    { return s.header }
func (s *sink) WriteHeader(status int) { s.status = status }
func (s *sink) Write(p []byte) (int, error) {
	s.length += len(p)
	return len(p), nil
}

func request() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://app.test/path?query=1", nil)
	r.Header = http.Header{"Accept": {"text/html,application/xhtml+xml"}, "Accept-Language": {"en-US,en;q=0.5"}, "Cookie": {"session=0123456789abcdef"}}
	return r
}

func fetch(app *nano.App, r *http.Request) {
	s := sink{header: make(http.Header)}
	app.ServeHTTP(&s, r)
	if s.status != http.StatusOK || s.length != len(answer) {
		panic("a wrong answer")
	}
}

func calls(load func(int, bool) *nano.App, count int) {
	app := load(0, false)
	figures.Rate("go.handler", count, fmt.Sprintf("ServeHTTP in process, %d goroutines, a GET with three headers; one thread of NANO's", figures.Goroutines), func(count int) {
		r := request()
		for range count {
			fetch(app, r)
		}
	})
	figures.Rate("go.round_trip", count, fmt.Sprintf("RoundTrip and the body read, %d goroutines; one thread of NANO's", figures.Goroutines), func(count int) {
		r := request()
		r.RequestURI = ""
		for range count {
			response := figures.Must(app.RoundTrip(r))
			body := make([]byte, len(answer))
			figures.Must(io.ReadFull(response.Body, body))
			response.Body.Close()
		}
	})
	figures.Rate("go.invoke", count, fmt.Sprintf("a function with a text in and out, %d goroutines", figures.Goroutines), func(count int) {
		for range count {
			if figures.Must(app.Invoke(context.Background(), "hello", "http://app.test/")) != answer {
				panic("a wrong answer")
			}
		}
	})
}

func density(load func(int, bool) *nano.App, count int) {
	fetch(load(0, false), request())
	before := figures.ResidentKb()
	kept := make([]*nano.App, 0, count)
	for n := range count {
		kept = append(kept, load(n+1, false))
	}
	time.Sleep(figures.Idle)
	figures.Report("go.idle_rss_kb", (figures.ResidentKb()-before)/float64(count), "KB", fmt.Sprintf("%d apps, one process, smaps Rss", count))
	runtime.KeepAlive(kept)
}

func start(load func(int, bool) *nano.App, count int) {
	fetch(load(0, false), request())
	spent := make([]float64, count)
	for n := range spent {
		began := figures.CPUMs()
		fetch(load(n+1, true), request())
		spent[n] = figures.CPUMs() - began
	}
	slices.Sort(spent)
	figures.Report("go.start_cpu_ms", spent[count/2], "ms", "load of a small app to its first response, CPU of all threads")
}

func main() {
	host := figures.Must(nano.New(nano.Options{Threads: 1}))
	load := func(number int, lazy bool) *nano.App {
		name := "app" + strconv.Itoa(number)
		// Idle apps are what is measured: they must not be evicted under the measurement.
		return figures.Must(host.Load(nano.AppOptions{Name: name, Source: source, Lazy: lazy, Limits: nano.Limits{IdleMs: 3_600_000}}))
	}
	work := map[string]func(func(int, bool) *nano.App, int){"calls": calls, "density": density, "start": start}[os.Args[1]]
	work(load, figures.Must(strconv.Atoi(os.Args[2])))
	host.Close()
}
