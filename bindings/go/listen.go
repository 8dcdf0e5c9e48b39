package nano

/*
#include "shim.h"
*/
import "C"

import (
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Route says which requests are an app's.
type Route struct {
	// Host is a name without a port; empty for all that no route names.
	Host string
	// Path is what the path begins with, at the end of a segment: /api is for /api and /api/x, not for /apis. Empty for every path.
	Path string
	App  *App
}

// A Certificate of a listener is for the names in it.
type Certificate struct {
	// Chain is the certificate, in PEM, and behind it those that vouch for it.
	Chain []byte
	// Key is its private key, in PEM: PKCS #8, PKCS #1 or SEC 1.
	Key []byte
}

// ListenOptions say for whom a listener listens, and what it bears from its clients. Zero is each number's and each time's default;
// docs/embedding-c.md has them.
type ListenOptions struct {
	// Routes say whose the requests are; of those that fit the one with the longest path. Others are answered with 404.
	Routes []Route
	// Certificates have it speak TLS, and HTTP/2 beside HTTP/1.1. Clients that ask for no name, or for one that none is for, get the first.
	Certificates []Certificate
	// BehindProxy says that all requests come by a proxy, and that what it puts last into X-Forwarded-For and X-Forwarded-Proto is true.
	BehindProxy bool
	// Connections at once.
	Connections int
	// ConnectionsOfApp are those that may be at a request of one app; requests beyond are answered with 503.
	ConnectionsOfApp int
	// HeadBytes is what the head of a request may have: its first line and all headers.
	HeadBytes int
	// Headers of a request.
	Headers int
	// HeadTimeout is how long a client may take for the head of a request.
	HeadTimeout time.Duration
	// IdleTimeout is how long a connection may be open between two requests.
	IdleTimeout time.Duration
	// BodyTimeout is how long a body may stand still, in either direction.
	BodyTimeout time.Duration
	// HandshakeTimeout is how long a client may take for the handshake of TLS.
	HandshakeTimeout time.Duration
}

// A Listener is NANO's own HTTP server at an address. All its methods may be called by any goroutine at any time.
type Listener struct {
	// Clients know the apps: the runtime lives as long as anybody knows its listener, or that is open.
	runtime  *Runtime
	ptr      *C.nano_listener
	addr     net.Addr
	isClosed atomic.Bool
}

// Listen serves HTTP at an address, without a goroutine: a connection is accepted, read, answered and written by the threads that run
// JavaScript. The address is IP:PORT, of which port 0 is any that is free, unix:PATH, or fd:NUMBER for a socket that somebody else has bound;
// ErrIO if it cannot be had.
//
// Errors of apps are not told to the runtime's Logger; clients get what Problem writes.
func (r *Runtime) Listen(address string, options ListenOptions) (*Listener, error) {
	defer runtime.KeepAlive(r)
	h, err := r.open()
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(options.Routes)
	var a arena
	defer a.free()
	o, err := options.describe(&a, h)
	if err != nil {
		return nil, err
	}
	o.address = a.text(address)
	// Whoever ends the runtime meanwhile finds it.
	h.listeners.mu.Lock()
	defer h.listeners.mu.Unlock()
	var ptr *C.nano_listener
	var detail *C.nano_error
	if err := statusError(C.nano_listen(h.ptr, o, &ptr, &detail), detail); err != nil {
		return nil, err
	}
	l := &Listener{runtime: r, ptr: ptr, addr: addrOf(text(C.nano_listener_address(ptr)))}
	runtime.AddCleanup(l, func(ptr *C.nano_listener) { C.nano_listener_free(ptr) }, ptr)
	h.listeners.add(l)
	return l, nil
}

// Addr is what clients connect to, with the port that port 0 has become: a *net.TCPAddr or a *net.UnixAddr. Of what is no listener it is nil.
func (l *Listener) Addr() net.Addr {
	if l == nil {
		return nil
	}
	return l.addr
}

// Connections are those that are open, also when no more are accepted.
func (l *Listener) Connections() int {
	if l == nil {
		return 0
	}
	defer runtime.KeepAlive(l)
	return int(C.nano_listener_connections(l.ptr))
}

// SetCertificates gives a listener that speaks TLS other certificates. Connections there are keep theirs. If one of them cannot be used nothing
// changes, and the error says which.
func (l *Listener) SetCertificates(certificates []Certificate) error {
	defer runtime.KeepAlive(l)
	if l == nil || l.ptr == nil {
		return noListener()
	}
	if l.isClosed.Load() {
		return codeError(ErrShutdown, "the listener is closed")
	}
	var a arena
	defer a.free()
	array := describeCertificates(&a, certificates)
	var detail *C.nano_error
	return statusError(C.nano_listener_set_certificates(l.ptr, unsafe.SliceData(array), C.size_t(len(array)), &detail), detail)
}

// Close accepts no more connections. Those there are end with the request they are at, or one that comes within half a second. It does not
// wait for them; Drain does. A second Close does nothing.
func (l *Listener) Close() error {
	defer runtime.KeepAlive(l)
	if l == nil || l.ptr == nil {
		return noListener()
	}
	if l.isClosed.Swap(true) {
		return nil
	}
	l.runtime.hub.listeners.forget(l)
	return statusError(C.nano_listener_close(l.ptr), nil)
}

func noListener() *Error { return invalid("the listener is none that Listen has given") }

// describe lays the options out in C memory.
func (o *ListenOptions) describe(a *arena, h *hub) (*C.nano_listen_options, error) {
	c := &arrayIn[C.nano_listen_options](a, 1)[0]
	c.size = C.sizeof_nano_listen_options
	err := putCounts(
		count{&c.connections, o.Connections}, count{&c.connections_of_app, o.ConnectionsOfApp},
		count{&c.head_bytes, o.HeadBytes}, count{&c.headers, o.Headers},
	)
	if err != nil {
		return nil, err
	}
	for _, t := range []struct {
		to   *C.uint32_t
		from time.Duration
	}{
		{&c.head_ms, o.HeadTimeout}, {&c.idle_ms, o.IdleTimeout}, {&c.body_ms, o.BodyTimeout}, {&c.handshake_ms, o.HandshakeTimeout},
	} {
		if t.from < 0 {
			return nil, invalid("an option is %v: a time is 0, for its default, or more", t.from)
		}
		*t.to = milliseconds(t.from)
	}
	if o.BehindProxy {
		c.flags |= C.NANO_LISTEN_BEHIND_PROXY
	}
	routes := arrayIn[C.nano_route](a, len(o.Routes))
	c.routes, c.routes_count = unsafe.SliceData(routes), C.size_t(len(routes))
	for i, route := range o.Routes {
		if err := route.App.isOf(h, strconv.Quote(route.Host+route.Path)); err != nil {
			return nil, err
		}
		routes[i] = C.nano_route{host: a.text(route.Host), path: a.text(route.Path), app: route.App.ptr}
	}
	certificates := describeCertificates(a, o.Certificates)
	c.certificates, c.certificates_count = unsafe.SliceData(certificates), C.size_t(len(certificates))
	return c, nil
}

func describeCertificates(a *arena, certificates []Certificate) []C.nano_certificate {
	array := arrayIn[C.nano_certificate](a, len(certificates))
	for i, certificate := range certificates {
		array[i] = C.nano_certificate{chain: a.bytes(certificate.Chain), key: a.bytes(certificate.Key)}
	}
	return array
}

// addrOf is an address as package net has it.
func addrOf(address string) net.Addr {
	if at, err := netip.ParseAddrPort(address); err == nil {
		return net.TCPAddrFromAddrPort(at)
	}
	return &net.UnixAddr{Name: strings.TrimPrefix(address, "unix:"), Net: "unix"}
}

// listeners are those of a runtime that are open.
type listeners struct {
	mu  sync.Mutex
	all map[*Listener]struct{}
}

// add is for who has it locked.
func (ls *listeners) add(l *Listener) {
	if ls.all == nil {
		ls.all = map[*Listener]struct{}{}
	}
	ls.all[l] = struct{}{}
}

func (ls *listeners) forget(l *Listener) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.all, l)
}

func (ls *listeners) closeAll() {
	ls.mu.Lock()
	left := ls.all
	ls.all = nil
	ls.mu.Unlock()
	for l := range left {
		_ = l.Close()
	}
}
