// Package nano runs JavaScript apps inside a Go process: thousands of Workers-style apps, each in a V8 isolate of its own, none able
// to hurt another or the host.
//
//	runtime, err := nano.New(nano.Options{})
//	if err != nil { ... }
//	defer runtime.Close()
//	app, err := runtime.Load(nano.AppOptions{Source: "export default { fetch: () => new Response('hello') }"})
//	if err != nil { ... }
//	http.ListenAndServe(":8080", app)
//
// An App is an http.Handler and an http.RoundTripper. JavaScript runs on threads of NANO's own; goroutines wait for it without holding a
// thread. NANO calls no Go code: what it has to say comes through a queue that one goroutine empties in batches when the runtime's
// descriptor is readable.
//
// The package links libnano, which pkg-config finds by the name nano. docs/embedding-go.md is the manual.
package nano
