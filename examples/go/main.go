// A server that mounts apps beside handlers of its own:
//
//	go run . -listen 127.0.0.1:8080
//	curl 'http://127.0.0.1:8080/apps/greeter/?name=world'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"nano-isolates/nano"
)

var sources = map[string]string{
	"greeter": `
		export default {
		  async fetch(request, env) {
		    const name = new URL(request.url).searchParams.get('name');
		    return new Response(env.GREETING + ', ' + name + ': visit ' + await env.countVisit() + '\n');
		  },
		};`,
	"shouter": `
		export default {
		  fetch(request) {
		    const upper = new TransformStream({ transform: (text, out) => out.enqueue(text.toUpperCase()) });
		    return new Response(request.body.pipeThrough(new TextDecoderStream()).pipeThrough(upper).pipeThrough(new TextEncoderStream()));
		  },
		};`,
	"talker": `
		export default {
		  fetch(request) {
		    if (request.headers.get('upgrade') !== 'websocket') return new Response('This is a WebSocket.\n', { status: 426 });
		    const { 0: client, 1: socket } = new WebSocketPair();
		    socket.accept();
		    socket.addEventListener('message', ({ data }) => socket.send(data.toUpperCase() + '!'));
		    return new Response(null, { status: 101, webSocket: client });
		  },
		};`,
}

// newServer loads the apps, and puts each below /apps/.
func newServer(runtime *nano.Runtime) (http.Handler, error) {
	var visits atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		for name := range sources {
			fmt.Fprintf(w, "/apps/%s/\n", name)
		}
	})
	for name, source := range sources {
		app, err := runtime.Load(nano.AppOptions{
			Name:   name,
			Source: source,
			Env:    map[string]string{"GREETING": "Hello"},
			// What the greeter finds as env.countVisit.
			Bindings: map[string]any{"countVisit": func() int64 { return visits.Add(1) }},
			Egress:   nano.EgressDeny,
			Limits:   nano.Limits{CPUMs: 50, HeapBytes: 32 << 20},
		})
		if err != nil {
			return nil, fmt.Errorf("the app %s: %w", name, err)
		}
		mux.Handle("/apps/"+name+"/", http.StripPrefix("/apps/"+name, app))
	}
	return mux, nil
}

func run(address string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	runtime, err := nano.New(nano.Options{})
	if err != nil {
		return err
	}
	defer runtime.Close()
	handler, err := newServer(runtime)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	log.Print("listening on http://", listener.Addr())
	return serve(ctx, listener, handler)
}

// serve answers requests until ctx ends. Those that have begun have ten seconds to end, then the runtime ends what is left.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(grace)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	// Serve returns when Shutdown begins, Shutdown when the requests have ended.
	<-ended
	return nil
}

func main() {
	address := flag.String("listen", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	if err := run(*address); err != nil {
		log.Fatal(err)
	}
}
