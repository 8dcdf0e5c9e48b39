package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"nano-isolates/nano"
)

// served is the example's server.
func served(t *testing.T) *httptest.Server {
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
	server := served(t)
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
	request, _ := http.NewRequest("GET", served(t).URL+"/apps/talker/", nil)
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

func TestTheExampleEndsWhenItsRequestsHave(t *testing.T) {
	begun, mayEnd, got, ended := make(chan struct{}), make(chan struct{}), make(chan error), make(chan bool)
	var answered atomic.Bool
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-mayEnd
		answered.Store(true)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		if err := serve(ctx, listener, handler); err != nil {
			t.Error(err)
		}
		ended <- answered.Load()
	}()
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err == nil {
			response.Body.Close()
		}
		got <- err
	}()
	<-begun
	stop()
	for err == nil { // until nobody is let in
		var conn net.Conn
		if conn, err = net.Dial("tcp", listener.Addr().String()); err == nil {
			conn.Close()
		}
	}
	close(mayEnd)
	if err := <-got; err != nil {
		t.Error(err)
	}
	if !<-ended {
		t.Error("a request had not ended")
	}
}
