package nano

/*
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// What net/http says of a request by its fields, and not by its headers.
var ofRequest = []string{"Content-Length", "Host", "Trailer", "Transfer-Encoding"}

// RoundTrip asks the app, as http.RoundTripper has it: nothing is followed or interpreted. The response comes with its head, and its body
// while it is read. The end of the request's context ends the request, also while the body is read.
//
// The body of a response that is a WebSocket (101) is an io.ReadWriteCloser of its bytes, as with http.Transport. It is to be closed: the
// context has no say any more.
//
//	client := http.Client{Transport: app}
func (a *App) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL == nil {
		closeBody(r)
		return nil, invalid("the request has no URL")
	}
	url := *r.URL
	if r.Host != "" && url.Host != "" {
		url.Host = r.Host
	}
	// As with http.Transport, which leaves it to http.Client to make a header of it.
	url.User = nil
	url.Fragment, url.RawFragment = "", ""
	ctx := r.Context()
	x, err := a.sendClosing(r, sending{url: url.String(), length: lengthSaid(r), carries: true, without: ofRequest})
	if err != nil {
		return nil, err
	}
	e, err := x.next(ctx)
	if err != nil {
		return nil, err
	}
	if e.kind == C.NANO_EVENT_ERROR {
		x.recycle()
		return nil, e.err
	}
	response := &http.Response{
		StatusCode: e.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Request: r,
	}
	phrase := unpackHead(e.raw[:e.head], response.Header, nil)
	if phrase == "" {
		phrase = http.StatusText(e.status)
	}
	response.Status = strconv.Itoa(e.status) + " " + phrase
	response.ContentLength = lengthOf(r, e, response.Header)
	if _, said := response.Header["Content-Length"]; said && bodyAllowed(e.status) {
		delete(response.Header, "Content-Length")
		if response.ContentLength >= 0 {
			response.Header.Set("Content-Length", strconv.FormatInt(response.ContentLength, 10))
		}
	}
	switch {
	case e.last:
		body := e.raw[e.head:]
		x.recycle()
		response.Body = io.NopCloser(bytes.NewReader(body))
	case e.status == http.StatusSwitchingProtocols:
		response.Body = newTunnel(ctx, a, x)
	default:
		response.Body = newBody(ctx, a, x)
	}
	return response, nil
}

// lengthSaid is the Content-Length that net/http would send; empty for none.
func lengthSaid(r *http.Request) string {
	hasBody := r.Body != nil && r.Body != http.NoBody
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		if !hasBody {
			return "0"
		}
	}
	if hasBody && r.ContentLength > 0 {
		return strconv.FormatInt(r.ContentLength, 10)
	}
	return ""
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// sendClosing hands a request over, and closes its body as http.RoundTripper has it: when it is read, and when nobody wants it any more, also
// while somebody waits for what is written to it.
func (a *App) sendClosing(r *http.Request, how sending) (*exchange, error) {
	up := uploadOf(r)
	if up == nil {
		if r.Body == nil && r.ContentLength > 0 {
			return nil, invalid("the request announces a body of %d bytes, and has none", r.ContentLength)
		}
		return a.send(r, nil, how)
	}
	ctx := r.Context()
	closing := &closedOnce{ReadCloser: r.Body}
	up.body, up.close = closing, closing.close
	if r.ContentLength > 0 {
		up.length = r.ContentLength
	}
	if r.GetBody == nil {
		// A body that cannot be had again may be one to wait for, and a short one is read before the app is asked.
		defer context.AfterFunc(ctx, closing.close)()
	}
	x, err := a.send(r, up, how)
	switch {
	case err != nil || up.done == nil:
		closing.close()
	default:
		x.whenEnded(closing.close)
	}
	return x, err
}

// A closedOnce is a body that its reader closes, and whoever finds that it is read in vain.
type closedOnce struct {
	io.ReadCloser
	once sync.Once
	err  error
}

func (c *closedOnce) Close() error {
	c.once.Do(func() { c.err = c.ReadCloser.Close() })
	return c.err
}

func (c *closedOnce) close() { _ = c.Close() }

// A body of a response, as it comes.
type body struct {
	ctx context.Context
	// The app, and with it its runtime, lives as long as somebody reads from it.
	app *App
	x   *exchange

	mu     sync.Mutex
	left   []byte
	credit int
	err    error
	closed context.Context
	close  context.CancelFunc
}

func newBody(ctx context.Context, app *App, x *exchange) *body {
	b := &body{ctx: ctx, app: app, x: x}
	b.closed, b.close = context.WithCancel(ctx)
	// Nobody may be reading when the context ends.
	context.AfterFunc(b.closed, x.abandon)
	return b
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.left) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		if b.credit > 0 {
			b.app.hub.credit(b.x.id, b.credit)
			b.credit = 0
		}
		e, err := b.x.next(b.closed)
		switch {
		case err != nil && b.ctx.Err() == nil:
			b.err = http.ErrBodyReadAfterClose
		case err != nil:
			b.err = canceled(b.ctx)
		case e.kind == C.NANO_EVENT_CHUNK:
			b.left = e.raw
		case e.kind == C.NANO_EVENT_ERROR:
			b.err = e.err
		default:
			b.err = io.EOF
		}
		if b.err != nil {
			b.close()
		}
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	b.credit += n
	return n, nil
}

// Close reads no more: an app that still writes is told so.
func (b *body) Close() error {
	b.close()
	return nil
}
