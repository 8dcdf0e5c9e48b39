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
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
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

// An upload passes a body on.
type upload struct {
	// Closed when the body is read no more, and is closed.
	done chan struct{}
	// All of it has been read: the app may know by now.
	whole atomic.Bool
}

// send hands a request over. The upload is nil if there is nothing left to pass on. A WebSocket is among the answers only if the caller
// carries one: then the status is 101.
func (a *App) send(r *http.Request, url string, host string, carries bool) (x *exchange, up *upload, err error) {
	h, err := a.open()
	if err != nil {
		closeBody(r)
		return nil, nil, err
	}
	ctx := r.Context()
	body, streams, err := wholeBody(r)
	if err != nil {
		return nil, nil, err
	}
	p := newPacker()
	defer p.put()
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	p.add(method)
	p.add(url)
	headers := p.headers(r.Header)
	if host != "" {
		p.add("host")
		p.add(host)
		headers++
	}
	kind := C.uint32_t(C.NANO_BODY_NONE)
	switch {
	case streams:
		kind = C.NANO_BODY_STREAM
	case len(body) > 0:
		kind = C.NANO_BODY_WHOLE
	case carries && asksForWebSocket(r):
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
		closeBody(r)
		return nil, nil, err
	}
	x.id = begun.id
	if !streams {
		return x, nil, nil
	}
	up = &upload{done: make(chan struct{})}
	go func() {
		defer close(up.done)
		defer r.Body.Close()
		x.upload(r.Body, up)
	}()
	return x, up, nil
}

// wholeBody reads a body that is short, and says whether one is left to be read.
func wholeBody(r *http.Request) (body []byte, streams bool, err error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, false, nil
	}
	if r.ContentLength < 0 || r.ContentLength > wholeBytes || r.ContentLength == 0 && r.GetBody == nil {
		return nil, true, nil
	}
	defer r.Body.Close()
	body = make([]byte, r.ContentLength)
	if n, err := io.ReadFull(r.Body, body); err != nil {
		if ctx := r.Context(); ctx.Err() != nil {
			return nil, false, canceled(ctx)
		}
		return nil, false, invalid("the request's body ended after %d of %d bytes: %v", n, len(body), err)
	}
	return body, false, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// upload passes a body on as the app takes it, until either ends.
func (x *exchange) upload(body io.Reader, up *upload) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if x.write(buffer[:n]) < n {
			return
		}
		if err == io.EOF {
			up.whole.Store(true)
			C.nano_request_end(x.hub.ptr, x.id)
			break
		}
		if err != nil {
			why := "the client's body broke off"
			C.nano_go_abort(x.hub.ptr, x.id, ptrOf(why), C.size_t(len(why)))
			break
		}
	}
	runtime.KeepAlive(x.hub)
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
