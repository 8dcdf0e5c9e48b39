package nano

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

const (
	// So long the head of an answer waits for who reads a body that it must not be written beside.
	turnWait = time.Second
	// So long a connection that has had its last answer is read on: what has come and is not read would take the answer back from clients
	// that have not seen it yet. net/http reads no more than 256 KiB then.
	lingering = 500 * time.Millisecond
)

// An inbound is a request of a server that an app answers.
type inbound struct {
	app     *App
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	// up is nil if the request has no body.
	up    *upload
	isCut bool
}

// fail answers with an error.
func (s *inbound) fail(err error) {
	// Cutting the reading short ends the request's context, too.
	isGone := s.r.Context().Err() != nil
	s.cut()
	if !isGone {
		s.app.log(err)
	}
	s.aside(func() {
		s.sayLast()
		Problem(s.w, err)
	})
}

// head writes the head of an answer.
func (s *inbound) head(e event) {
	s.aside(func() {
		headers := s.w.Header()
		unpackHead(e.raw[:e.head], headers, ofConnection)
		if length := lengthOf(s.r, e, headers); length >= 0 && bodyAllowed(e.status) {
			headers["Content-Length"] = []string{strconv.FormatInt(length, 10)}
		} else {
			delete(headers, "Content-Length")
		}
		if _, known := headers["Content-Type"]; !known {
			// net/http would guess one, and have a browser run what the app meant to be bytes.
			headers["Content-Type"] = nil
		}
		s.sayLast()
		s.w.WriteHeader(e.status)
	})
}

// sayLast has this be the last answer on a connection of HTTP/1 on which something of the request's body may be still to come: that could be
// taken for the next request.
func (s *inbound) sayLast() {
	if s.up != nil && s.r.ProtoMajor == 1 && (s.isCut || !s.up.whole.Load()) {
		s.w.Header().Set("Connection", "close")
	}
}

// aside writes a head while nobody reads a body that may write to it, too.
func (s *inbound) aside(write func()) {
	if s.up == nil || s.up.turn == nil || s.up.done == nil {
		write()
		return
	}
	patience := time.NewTimer(turnWait)
	defer patience.Stop()
	select {
	case <-s.up.done:
	case s.up.turn <- struct{}{}:
		defer func() { <-s.up.turn }()
		// What net/http makes of a head it makes when it goes out: later what is read may say again that it is too much.
		defer s.control.Flush()
	case <-patience.C:
		if !s.cut() {
			s.r.Body.Close()
			s.wait()
		}
	}
	write()
}

// cut ends the reading of the body, wherever it is. False if that is not for us to do.
func (s *inbound) cut() bool {
	if s.up == nil || s.up.done == nil {
		return true
	}
	select {
	case <-s.up.done:
	default:
		// When the whole body has been read, the deadline would be the connection's: its next request would be given up before it began.
		if !s.up.whole.Load() {
			if s.control.SetReadDeadline(time.Unix(1, 0)) != nil {
				return false
			}
			s.isCut = true
		}
	}
	s.wait()
	return true
}

// wait returns when the body is read no more. What reading it has panicked with is the handler's panic.
func (s *inbound) wait() {
	<-s.up.done
	if s.up.reason != nil {
		panic(s.up.reason)
	}
}

// end leaves the request's body to its server: nobody reads it any more.
func (s *inbound) end() {
	if s.up == nil || s.up.done == nil {
		return
	}
	if !s.cut() {
		if s.up.turn == nil {
			// Its server ends the reading when it is done with the answer.
			return
		}
		// It may be for the client to end it, which has its answer before that.
		_ = s.control.Flush()
		s.r.Body.Close()
		s.wait()
	}
	if s.r.ProtoMajor == 1 && (s.isCut || !s.up.whole.Load()) {
		_ = s.control.SetReadDeadline(time.Now().Add(lingering))
	}
}

// stream passes a body on: whatever is there, then a flush.
func (s *inbound) stream(x *exchange) {
	ctx, credit := s.r.Context(), 0
	for {
		e, ready := x.poll()
		if !ready {
			_ = s.control.Flush()
			if credit > 0 {
				s.app.hub.credit(x.id, credit)
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
			if _, err := s.w.Write(e.raw); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
				x.abandon()
				panic(http.ErrAbortHandler)
			}
		case C.NANO_EVENT_ERROR:
			s.app.report(s.r, e.err)
			x.recycle()
			panic(http.ErrAbortHandler)
		default:
			x.recycle()
			return
		}
	}
}
