package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"nano-isolates/nano"
)

func TestTheExampleServesItsApps(t *testing.T) {
	runtime, err := nano.New(nano.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close()
	handler, err := newServer(runtime)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/apps/greeter/?name=world", "", "Hello, world: visit 1\n"},
		{"GET", "/apps/greeter/?name=Ada", "", "Hello, Ada: visit 2\n"},
		{"POST", "/apps/shouter/", strings.Repeat("loud ", 50000), strings.Repeat("LOUD ", 50000)},
	} {
		request, _ := http.NewRequest(c.method, server.URL+c.path, strings.NewReader(c.body))
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 200 || string(body) != c.want {
			t.Errorf("%s: %d, %d bytes, %v", c.path, response.StatusCode, len(body), err)
		}
	}
}
