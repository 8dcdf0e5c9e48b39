// What NANO costs Go: app.ServeHTTP and app.Invoke from 64 goroutines, and what an app costs there: bench calls|density|start COUNT
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"nano-isolates/nano"
)

const (
	idle       = 3 * time.Second
	goroutines = 64
	answer     = "Hello World"
	source     = "export default { fetch() { return new Response('Hello World'); } }; export const hello = (text) => 'Hello World';"
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
	measure("go.handler", count, fmt.Sprintf("ServeHTTP in process, %d goroutines, a GET with three headers; one thread of NANO's", goroutines), func(count int) {
		r := request()
		for range count {
			fetch(app, r)
		}
	})
	measure("go.round_trip", count, fmt.Sprintf("RoundTrip and the body read, %d goroutines; one thread of NANO's", goroutines), func(count int) {
		r := request()
		r.RequestURI = ""
		for range count {
			response := must(app.RoundTrip(r))
			body := make([]byte, len(answer))
			must(io.ReadFull(response.Body, body))
			response.Body.Close()
		}
	})
	measure("go.invoke", count, fmt.Sprintf("a function with a text in and out, %d goroutines", goroutines), func(count int) {
		for range count {
			if must(app.Invoke(context.Background(), "hello", "http://app.test/")) != answer {
				panic("a wrong answer")
			}
		}
	})
}

func measure(name string, count int, note string, client func(count int)) {
	run := func(count int) {
		var wait sync.WaitGroup
		for range goroutines {
			wait.Go(func() { client(count / goroutines) })
		}
		wait.Wait()
	}
	// What is done only once is done before.
	run(max(goroutines, count/10))
	began := time.Now()
	run(count)
	report(name, float64(count)/time.Since(began).Seconds(), "requests/s", note)
}

func density(load func(int, bool) *nano.App, count int) {
	fetch(load(0, false), request())
	before := residentKb()
	kept := make([]*nano.App, 0, count)
	for n := range count {
		kept = append(kept, load(n+1, false))
	}
	time.Sleep(idle)
	report("go.idle_rss_kb", (residentKb()-before)/float64(count), "KB", fmt.Sprintf("%d apps, one process, smaps Rss", count))
	runtime.KeepAlive(kept)
}

func start(load func(int, bool) *nano.App, count int) {
	fetch(load(0, false), request())
	spent := make([]float64, count)
	for n := range spent {
		began := cpuMs()
		fetch(load(n+1, true), request())
		spent[n] = cpuMs() - began
	}
	slices.Sort(spent)
	report("go.start_cpu_ms", spent[count/2], "ms", "load of a small app to its first response, CPU of all threads")
}

func main() {
	host := must(nano.New(nano.Options{Threads: 1}))
	load := func(number int, lazy bool) *nano.App {
		name := "app" + strconv.Itoa(number)
		// Idle apps are what is measured: they must not be evicted under the measurement.
		return must(host.Load(nano.AppOptions{Name: name, Source: source, Lazy: lazy, Limits: nano.Limits{IdleMs: 3_600_000}}))
	}
	work := map[string]func(func(int, bool) *nano.App, int){"calls": calls, "density": density, "start": start}[os.Args[1]]
	work(load, must(strconv.Atoi(os.Args[2])))
	host.Close()
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Resident kilobytes of this process, by smaps.
func residentKb() float64 {
	_, rest, _ := strings.Cut(string(must(os.ReadFile("/proc/self/smaps_rollup"))), "\nRss:")
	return must(strconv.ParseFloat(strings.Fields(rest)[0], 64))
}

// CPU milliseconds of this process, all threads.
func cpuMs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

// Prints one figure for the runner to collect.
func report(name string, value float64, unit, note string) {
	value = math.Round(value*1000) / 1000
	fmt.Println(string(must(json.Marshal(map[string]any{"name": name, "value": value, "unit": unit, "runs": 1, "note": note}))))
}
