package nano

/*
#cgo noescape nano_go_dispatch
#cgo nocallback nano_go_dispatch
#cgo noescape nano_go_write
#cgo nocallback nano_go_write
#cgo noescape nano_go_abort
#cgo nocallback nano_go_abort
#cgo noescape nano_request_end
#cgo nocallback nano_request_end
#cgo noescape nano_response_credit
#cgo nocallback nano_response_credit
#include "shim.h"
*/
import "C"

import (
	"context"
	"net/http"
	"runtime"
	"time"
)

// A body of which the length is known, and no more than this, is read before the app is asked; longer ones are read as the app reads.
const wholeBytes = 64 << 10

type contextKey int

const (
	accountKey contextKey = iota
	wallKey
)

// WithAccount has a request with this context say what it used: account is filled when the request has ended and its body is read.
func WithAccount(ctx context.Context, account *Account) context.Context {
	return context.WithValue(ctx, accountKey, account)
}

// WithWallLimit gives a request with this context less time than its app has, by the runtime's clock: ErrWallLimit after that. A
// context's own deadline ends a request too, by the host's clock, and with the context's error.
func WithWallLimit(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, wallKey, limit)
}

// A sending is how a request is handed over.
type sending struct {
	url string
	// host and length, if they are not empty, are the headers Host and Content-Length.
	host, length string
	// carries says whether a WebSocket may be the answer: then the status is 101.
	carries bool
	// without are the names of headers that are not the request's own.
	without []string
}

// send hands a request over. When it has returned without an error, and not all of the body has been read, the upload has begun.
func (a *App) send(r *http.Request, up *upload, how sending) (x *exchange, err error) {
	h, err := a.open()
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	body, streams, err := up.short(r)
	if err != nil {
		return nil, err
	}
	p := newPacker()
	defer p.put()
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	p.add(method)
	p.add(how.url)
	headers := p.headers(r.Header, how.without)
	if how.host != "" {
		headers += p.header("host", how.host)
	}
	if how.length != "" {
		headers += p.header("content-length", how.length)
	}
	kind := C.uint32_t(C.NANO_BODY_NONE)
	switch {
	case streams:
		kind = C.NANO_BODY_STREAM
	case len(body) > 0:
		kind = C.NANO_BODY_WHOLE
	case how.carries && asksForWebSocket(r):
		kind = C.NANO_BODY_UPGRADE
	}
	account, _ := ctx.Value(accountKey).(*Account)
	wall, _ := ctx.Value(wallKey).(time.Duration)
	x = h.newExchange(account, streams || kind == C.NANO_BODY_UPGRADE)
	begun := C.nano_go_dispatch(a.ptr, ptr(p.text), &p.lens[0], C.size_t(headers), ptr(body), C.size_t(len(body)), kind,
		milliseconds(wall), C.uint64_t(x.token))
	runtime.KeepAlive(a)
	if err := statusError(begun.status, begun.error); err != nil {
		h.slots.find(x.token, true)
		return nil, err
	}
	x.id = begun.id
	if streams {
		up.start(x)
	}
	return x, nil
}

// write waits until all of it has been taken; it is less if nobody takes any more.
func (x *exchange) write(p []byte) (taken int) {
	for taken < len(p) {
		rest := p[taken:]
		written := C.nano_go_write(x.hub.ptr, x.id, 0, ptr(rest), C.size_t(len(rest)))
		runtime.KeepAlive(x.hub)
		taken += int(written.accepted)
		if written.status < 0 || taken == len(p) {
			break
		}
		select {
		case <-x.room:
		case <-x.ended:
			return taken
		}
	}
	return taken
}
