package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"nano-isolates/nano"
)

// serve starts the example's server.
func serve(t *testing.T) *httptest.Server {
	t.Helper()
	runtime, err := nano.New(nano.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runtime.Close() })
	handler, err := newServer(runtime)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func TestTheExampleServesItsApps(t *testing.T) {
	server := serve(t)
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

func TestTheExamplePassesWebSockets(t *testing.T) {
	request, _ := http.NewRequest("GET", serve(t).URL+"/apps/talker/", nil)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusUpgradeRequired {
		t.Fatal(response, err)
	}
	response.Body.Close()
	request.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	response, err = http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	socket, ok := response.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatal(response.Status)
	}
	defer socket.Close()
	// A frame of text with a mask of zeros, and the answer's, which needs none.
	fmt.Fprint(socket, "\x81\x85\x00\x00\x00\x00hello")
	answer := make([]byte, 2+6)
	if _, err := io.ReadFull(socket, answer); err != nil || string(answer) != "\x81\x06HELLO!" {
		t.Errorf("%q %v", answer, err)
	}
}
