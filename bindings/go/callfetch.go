package nano

/*
#cgo noescape nano_go_respond
#cgo nocallback nano_go_respond
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
)

// fetch answers env.NAME.fetch(request): by what the binding has of http.Handler and http.RoundTripper.
func (c *call) fetch() {
	b := c.table.entries[c.binding]
	if b == nil || b.kind != C.NANO_BINDING_OBJECT {
		c.fail(fmt.Errorf("%s is not for that", c.binding))
		return
	}
	request, err := c.request()
	if err != nil {
		c.fail(err)
		return
	}
	switch target := b.object.Interface().(type) {
	case http.Handler:
		w := &responder{call: c, header: make(http.Header)}
		request.RequestURI = request.URL.RequestURI()
		target.ServeHTTP(w, request)
		w.finish()
	case http.RoundTripper:
		response, err := target.RoundTrip(request)
		if err == nil && response == nil {
			err = fmt.Errorf("%s gave neither a response nor an error", c.binding)
		}
		if err != nil {
			c.fail(err)
			return
		}
		if response.Body == nil {
			response.Body = http.NoBody
		}
		defer response.Body.Close()
		if response.StatusCode == http.StatusSwitchingProtocols {
			c.fail(fmt.Errorf("%s answered with another protocol, and calls carry none", c.binding))
			return
		}
		w := &responder{call: c, header: response.Header}
		if w.header == nil {
			w.header = make(http.Header)
		}
		w.WriteHeader(response.StatusCode)
		if _, err := io.Copy(w, response.Body); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
			c.fail(err)
			return
		}
		w.finish()
	default:
		c.fail(fmt.Errorf("%s has no fetch", c.binding))
	}
}

// request is the app's as net/http has it.
func (c *call) request() (*http.Request, error) {
	parsed, err := url.Parse(c.url)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: c.method, URL: parsed, Host: parsed.Host, Header: c.headers,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(c.body)), Body: http.NoBody,
	}
	switch c.bodyKind {
	case C.NANO_BODY_WHOLE:
		r.Body = io.NopCloser(bytes.NewReader(c.body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.body)), nil }
	case C.NANO_BODY_STREAM:
		r.Body, r.ContentLength = callBody{c}, -1
		if length, err := strconv.ParseInt(c.headers.Get("Content-Length"), 10, 64); err == nil && length > 0 {
			r.ContentLength = length
		}
	}
	return r.WithContext(c.ctx), nil
}

// A callBody is the body of an app's request, as it comes.
type callBody struct{ *call }

func (b callBody) Read(p []byte) (int, error) {
	for {
		if b.ctx.Err() != nil {
			// The handler has returned, or the app has given the call up.
			return 0, canceled(b.ctx)
		}
		b.mu.Lock()
		if len(b.chunks) > 0 {
			n := copy(p, b.chunks[0])
			if b.chunks[0] = b.chunks[0][n:]; len(b.chunks[0]) == 0 {
				b.chunks = b.chunks[1:]
			}
			b.mu.Unlock()
			C.nano_call_credit(b.hub.ptr, b.id, C.uint32_t(n))
			runtime.KeepAlive(b.hub)
			return n, nil
		}
		isWhole := b.isWhole
		b.mu.Unlock()
		if isWhole {
			return 0, io.EOF
		}
		select {
		case <-b.wake:
		case <-b.ctx.Done():
			return 0, canceled(b.ctx)
		}
	}
}

func (b callBody) Close() error { return nil }

// A responder is the http.ResponseWriter of a binding's handler. What fits into its buffer is sent in one piece.
type responder struct {
	call     *call
	header   http.Header
	status   int
	buffer   []byte
	isStream bool
	err      error
	// The head has been refused: the call is still to be answered.
	isRefused bool
}

var (
	errGone     = errors.New("the app has given the call up")
	errReturned = errors.New("the handler has returned, and its answer has ended")
)

func (w *responder) Header() http.Header { return w.header }

func (w *responder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		w.header = w.header.Clone()
	}
}

func (w *responder) Write(p []byte) (int, error) {
	if w.status == 0 {
		if w.header.Get("Content-Type") == "" && len(p) > 0 {
			w.header.Set("Content-Type", http.DetectContentType(p))
		}
		w.WriteHeader(http.StatusOK)
	}
	if !bodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if w.err != nil {
		return 0, w.err
	}
	if !w.isStream && len(w.buffer)+len(p) <= wholeBytes {
		w.buffer = append(w.buffer, p...)
		return len(p), nil
	}
	if err := w.FlushError(); err != nil {
		return 0, err
	}
	if err := w.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush sends what there is.
func (w *responder) Flush() { _ = w.FlushError() }

// FlushError sends what there is, for http.ResponseController.
func (w *responder) FlushError() error {
	w.WriteHeader(http.StatusOK)
	if !w.isStream && w.err == nil {
		w.isStream = true
		w.respond(nil, C.NANO_BODY_STREAM)
	}
	rest := w.buffer
	w.buffer = nil
	return w.send(rest)
}

func (w *responder) respond(body []byte, kind C.uint32_t) {
	p := newPacker()
	defer p.put()
	p.add("")
	count := p.headers(w.header, nil)
	begun := C.nano_go_respond(w.call.hub.ptr, w.call.id, C.uint32_t(w.status), ptr(p.text), &p.lens[0], C.size_t(count),
		ptr(body), C.size_t(len(body)), kind)
	runtime.KeepAlive(w.call.hub)
	w.err = statusError(begun.status, begun.error)
	w.isRefused = w.err != nil
}

// send waits until the app has room for all of it.
func (w *responder) send(rest []byte) error {
	for w.err == nil && len(rest) > 0 {
		written := C.nano_go_write(w.call.hub.ptr, w.call.id, 1, ptr(rest), C.size_t(len(rest)))
		runtime.KeepAlive(w.call.hub)
		if written.status < 0 {
			w.err = errGone
			break
		}
		if rest = rest[written.accepted:]; len(rest) == 0 {
			break
		}
		select {
		case <-w.call.room:
		case <-w.call.ctx.Done():
			w.err = errGone
		}
	}
	return w.err
}

// finish ends the answer. A handler that has kept its writer is told so.
func (w *responder) finish() {
	defer func() { w.err = errReturned }()
	w.WriteHeader(http.StatusOK)
	switch {
	case w.isStream && w.err == nil:
		C.nano_call_end(w.call.hub.ptr, w.call.id)
		runtime.KeepAlive(w.call.hub)
	case !w.isStream:
		kind := C.uint32_t(C.NANO_BODY_WHOLE)
		if len(w.buffer) == 0 {
			kind = C.NANO_BODY_NONE
		}
		w.respond(w.buffer, kind)
	}
	if w.isRefused {
		w.call.fail(w.err)
	}
}
