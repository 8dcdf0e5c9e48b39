package nano

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// What belongs to one connection is not passed on.
var ofConnection = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// ServeHTTP has the app answer a request of a server, with bodies streaming both ways. The app sees the URL that r has: below a mount
// that is what http.StripPrefix leaves of it. When the client goes away the app learns of it by request.signal.
//
// A request that the app did not answer is answered as Problem does, and the error goes to the runtime's Logger; a response that breaks off
// aborts the connection, so that clients do not take it for whole.
//
// An app may answer before it has had the whole body of a request. With HTTP/1 that is the last answer on its connection: what is left of the
// body is for nobody. A body that another handler has put its own around (http.MaxBytesReader) is not read while the head of an answer
// is written: if it does not come on for a second then, it breaks off.
//
// An app may answer with a WebSocket what came by HTTP/1.1. The connection is taken from its server then, and ServeHTTP returns when the
// WebSocket is over: when either side has closed it, or the context has ended. Below a handler that does not let it be taken
// (http.Hijacker, also behind Unwrap) the answer is 501.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "*" && r.Method == http.MethodOptions {
		// It is about the server as a whole, and no app's: nothing in particular is offered.
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s := inbound{app: a, w: w, r: r, control: http.NewResponseController(w), up: uploadOf(r)}
	if s.up != nil && !isServers(r.Body) {
		s.up.turn = make(chan struct{}, 1)
	}
	x, err := a.send(r, s.up, sending{url: urlOf(r), host: r.Host, carries: r.ProtoMajor == 1 && r.ProtoMinor > 0 && canHijack(w)})
	if err != nil {
		s.fail(err)
		return
	}
	defer s.end()
	e, err := x.next(r.Context())
	if err == nil && e.kind == C.NANO_EVENT_ERROR {
		err = e.err
		x.recycle()
	}
	if err != nil {
		s.fail(err)
		return
	}
	if e.status == http.StatusSwitchingProtocols {
		a.relay(w, s.control, r, x, switchHead(e.raw))
		return
	}
	if !e.last {
		s.head(e)
		s.stream(x)
		return
	}
	s.cut()
	s.head(e)
	x.recycle()
	if body := e.raw[e.head:]; len(body) > 0 {
		// What goes wrong with the client is not the app's, and net/http ends the connection.
		_, _ = w.Write(body)
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

// report writes an error to the host's log: what clients are not told of. That a client went away is no error.
func (a *App) report(r *http.Request, err error) {
	if r.Context().Err() == nil {
		a.log(err)
	}
}

func (a *App) log(err error) {
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
