package nano

/*
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
)

// An upload is the body of a request on its way to the app. A short one is read before the app is asked; others are read by a goroutine of
// their own, as the app takes them.
type upload struct {
	body io.Reader
	// length is how long the body has to be; negative if that is for nobody to say.
	length int64
	// turn, if it is there, has room for one: who has put something in may read the body, or write the head of the answer.
	turn chan struct{}
	// close, if it is there, runs when the body is read no more.
	close func()
	// whole says that all of it has been read: the app may know by now.
	whole atomic.Bool
	// done is there if a goroutine reads, and closed when it reads no more.
	done chan struct{}
	// reason is what reading it has panicked with: to be looked at when done is closed.
	reason any
}

// uploadOf is nil if there is nothing to read.
func uploadOf(r *http.Request) *upload {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	return &upload{body: r.Body, length: -1}
}

// short reads a body of which the length is known and not large. What is longer than it was said to be is left to be read on.
func (u *upload) short(r *http.Request) (body []byte, streams bool, err error) {
	if u == nil {
		return nil, false, nil
	}
	if r.ContentLength < 0 || r.ContentLength > wholeBytes || r.ContentLength == 0 && r.GetBody == nil {
		return nil, true, nil
	}
	buffer := make([]byte, r.ContentLength+1)
	n := 0
	for n < len(buffer) && err == nil {
		var more int
		more, err = u.body.Read(buffer[n:])
		n += more
	}
	var tooLarge *http.MaxBytesError
	switch ctx := r.Context(); {
	case err != nil && err != io.EOF && ctx.Err() != nil:
		return nil, false, canceled(ctx)
	case errors.As(err, &tooLarge):
		failed := codeError(ErrTooLarge, "the request's body has more than %d bytes", tooLarge.Limit)
		failed.HTTPStatus = http.StatusRequestEntityTooLarge
		return nil, false, failed
	case err != nil && err != io.EOF:
		return nil, false, invalid("the request's body ended after %d of %d bytes: %v", n, r.ContentLength, err)
	case !u.bears(int64(n), err == io.EOF):
		return nil, false, u.mismatch(int64(n))
	case n == len(buffer):
		u.body = io.MultiReader(bytes.NewReader(buffer), u.body)
		return nil, true, nil
	}
	u.whole.Store(true)
	return buffer[:n], false, nil
}

// bears says whether the body may be this long, or longer if it has not ended.
func (u *upload) bears(read int64, isEnd bool) bool {
	return u.length < 0 || read == u.length || read < u.length && !isEnd
}

func (u *upload) mismatch(read int64) *Error {
	if read > u.length {
		return invalid("the request's body has more than the %d bytes that the request announces", u.length)
	}
	return invalid("the request's body has %d bytes, and the request announces %d", read, u.length)
}

// start has a goroutine pass the body on. What panics there ends the request, and not the process: who has asked hears of it.
func (u *upload) start(x *exchange) {
	u.done = make(chan struct{})
	go func() {
		isOver := false
		defer func() {
			if u.close != nil {
				defer u.close()
			}
			if isOver {
				close(u.done)
				return
			}
			if u.reason = recover(); u.reason == nil {
				// It has ended this goroutine, as a test does that fails.
				u.reason = "runtime.Goexit"
			}
			if u.reason != http.ErrAbortHandler {
				_ = panicked(x.hub.log, "the reading of a request's body", u.reason)
			}
			close(u.done)
			x.breakOff(codeError(ErrPanic, "reading the request's body panicked: %v", u.reason))
		}()
		u.pass(x)
		isOver = true
	}()
}

// pass reads as the app takes, until either ends.
func (u *upload) pass(x *exchange) {
	buffer := make([]byte, 32<<10)
	for read := int64(0); ; {
		n, err := u.read(buffer)
		read += int64(n)
		if !u.bears(read, err == io.EOF) {
			x.breakOff(u.mismatch(read))
			return
		}
		if x.write(buffer[:n]) < n {
			return
		}
		if err == io.EOF {
			u.whole.Store(true)
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

func (u *upload) read(into []byte) (int, error) {
	if u.turn != nil {
		u.turn <- struct{}{}
		defer func() { <-u.turn }()
	}
	return u.body.Read(into)
}

// isServers says whether a body is as its server has made it. Reading that changes nothing of the response; what a handler has put around it
// may, as http.MaxBytesReader does, which sets a header.
func isServers(body io.Reader) bool {
	switch fmt.Sprintf("%T", body) {
	case "*http.body", "*http.expectContinueReader", "*http.http2requestBody", "*http2.requestBody":
		return true
	}
	return false
}
