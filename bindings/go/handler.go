package nano

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What belongs to one connection is not passed on.
var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// ServeHTTP has the app answer a request of a server, with bodies streaming both ways. The app sees the URL that r has: below a mount
// that is what http.StripPrefix leaves of it. When the client goes away the app learns of it by request.signal.
//
// A request that the app did not answer is answered as Problem does, and the error goes to the runtime's Logger; a response that breaks off
// aborts the connection, so that clients do not take it for whole.
//
// An app may answer with a WebSocket what came by HTTP/1.1. The connection is taken from its server then, and ServeHTTP returns when the
// WebSocket is over: when either side has closed it, or the context has ended. Below a handler that does not let it be taken
// (http.Hijacker, also behind Unwrap) the answer is 501.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if r.ContentLength < 0 || r.ContentLength > wholeBytes {
		// HTTP/1 servers would read the rest of the body before they write.
		_ = control.EnableFullDuplex()
	}
	x, up, err := a.send(r, urlOf(r), r.Host, r.ProtoMajor == 1 && r.ProtoMinor > 0 && canHijack(w))
	if err != nil {
		a.report(r, err)
		Problem(w, err)
		return
	}
	if up != nil {
		defer func() {
			// The app has answered without reading on: nobody shall wait for what the client may never send. When the whole body has been read,
			// the deadline would be the connection's: its next request would be given up before it began.
			if !up.whole.Load() && control.SetReadDeadline(time.Unix(1, 0)) != nil {
				r.Body.Close()
			}
			<-up.done
		}()
	}
	ctx := r.Context()
	e, err := x.next(ctx)
	if err == nil && e.kind == C.NANO_EVENT_ERROR {
		err = e.err
		x.recycle()
	}
	if err != nil {
		a.report(r, err)
		Problem(w, err)
		return
	}
	if e.status == http.StatusSwitchingProtocols {
		a.relay(w, control, r, x, switchHead(e.raw))
		return
	}
	headers := w.Header()
	unpackHead(e.raw[:e.head], headers)
	for _, name := range hopByHop {
		delete(headers, name)
	}
	if !e.last {
		w.WriteHeader(e.status)
		a.stream(ctx, w, control, r, x)
		return
	}
	body := e.raw[e.head:]
	if _, known := headers["Content-Length"]; !known && bodyAllowed(e.status) && r.Method != http.MethodHead {
		headers["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.recycle()
	w.WriteHeader(e.status)
	if len(body) > 0 {
		// What goes wrong with the client is not the app's, and net/http ends the connection.
		_, _ = w.Write(body)
	}
}

// stream passes a body on: whatever is there, then a flush.
func (a *App) stream(ctx context.Context, w http.ResponseWriter, control *http.ResponseController, r *http.Request, x *exchange) {
	credit := 0
	for {
		e, ready := x.poll()
		if !ready {
			_ = control.Flush()
			if credit > 0 {
				a.hub.credit(x.id, credit)
				credit = 0
			}
			var err error
			if e, err = x.next(ctx); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
		switch e.kind {
		case C.NANO_EVENT_CHUNK:
			credit += len(e.raw)
			if _, err := w.Write(e.raw); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
				x.abandon()
				panic(http.ErrAbortHandler)
			}
		case C.NANO_EVENT_ERROR:
			a.report(r, e.err)
			x.recycle()
			panic(http.ErrAbortHandler)
		default:
			x.recycle()
			return
		}
	}
}

// urlOf is the whole URL of a request that a server has received.
func urlOf(r *http.Request) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if host == "" {
		host = "localhost"
	}
	path := r.URL.EscapedPath()
	var b strings.Builder
	b.Grow(len(scheme) + 3 + len(host) + 1 + len(path) + 1 + len(r.URL.RawQuery))
	b.WriteString(scheme)
	b.WriteString("://")
	b.WriteString(host)
	if !strings.HasPrefix(path, "/") {
		b.WriteByte('/')
	}
	b.WriteString(path)
	if r.URL.ForceQuery || r.URL.RawQuery != "" {
		b.WriteByte('?')
		b.WriteString(r.URL.RawQuery)
	}
	return b.String()
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// report writes an error to the host's log: what clients are not told of. That a client went away is no error.
func (a *App) report(r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	log := slog.Default()
	if a != nil && a.hub != nil {
		log = a.hub.log
	}
	attributes := []any{"app", a.Name(), "error", err}
	var failed *Error
	if errors.As(err, &failed) && failed.Stack != "" {
		attributes = append(attributes, "stack", failed.Stack)
	}
	log.Error("nano: a request failed", attributes...)
}

// Problem tells a client of HTTP of an error: a status and a code by RFC 9457, and nothing that is the app's own.
func Problem(w http.ResponseWriter, err error) {
	var failed *Error
	if !errors.As(err, &failed) || failed == nil {
		failed = codeError(ErrPanic, "")
	}
	status := failed.HTTPStatus
	if status < 400 || status > 599 {
		status = http.StatusInternalServerError
	}
	what := struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail,omitempty"`
	}{Title: http.StatusText(status), Status: status}
	what.Code = strings.TrimPrefix(strings.TrimPrefix(failed.Code.Error(), "NANO_E_"), "NANO_")
	switch failed.Code {
	case ErrInvalid, ErrTooLarge, ErrOverloaded, ErrDraining:
		// What a client can do something about.
		what.Detail = failed.Message
	}
	body, _ := json.Marshal(what)
	body = append(body, '\n')
	headers := w.Header()
	headers.Set("Content-Type", "application/problem+json")
	headers.Set("Content-Length", strconv.Itoa(len(body)))
	if status == http.StatusServiceUnavailable {
		headers.Set("Retry-After", "1")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
