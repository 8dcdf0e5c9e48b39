package nano_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"nano-isolates/nano"
)

// A sink is a response that nobody looks at.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}

// BenchmarkHandler is what a request costs a server, without the socket: 64 goroutines ask at once.
func BenchmarkHandler(b *testing.B) {
	app := newApp(b, nano.AppOptions{Source: hello})
	b.ReportAllocs()
	var wait sync.WaitGroup
	const goroutines = 64
	for i := range goroutines {
		wait.Add(1)
		go func() {
			defer wait.Done()
			r := httptest.NewRequest("GET", "/", nil)
			for n := i; n < b.N; n += goroutines {
				app.ServeHTTP(&sink{make(http.Header)}, r)
			}
		}()
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
