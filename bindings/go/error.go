package nano

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"fmt"
)

// A Code says what went wrong, by a number that never changes its meaning. Codes are errors themselves, for errors.Is:
//
//	if errors.Is(err, nano.ErrCPULimit) { ... }
type Code int32

// What can go wrong. docs/errors.md says what to do about each.
const (
	// ErrTimeout: the time given passed first.
	ErrTimeout Code = C.NANO_TIMEOUT
	// ErrInvalid: an argument is wrong; the message says which.
	ErrInvalid Code = C.NANO_E_INVALID
	// ErrTooNew: something asks for what this library does not know.
	ErrTooNew Code = C.NANO_E_TOO_NEW
	// ErrNotFound: no such app, request or call, or not any more.
	ErrNotFound Code = C.NANO_E_NOT_FOUND
	// ErrBusy: the name is taken.
	ErrBusy Code = C.NANO_E_BUSY
	// ErrCanceled: the host or the client gave the request up.
	ErrCanceled Code = C.NANO_E_CANCELED
	// ErrCPULimit: the app used more CPU time than one event may.
	ErrCPULimit Code = C.NANO_E_CPU_LIMIT
	// ErrMemoryLimit: the app used more memory than it may.
	ErrMemoryLimit Code = C.NANO_E_MEMORY_LIMIT
	// ErrWallLimit: the event took longer than it may.
	ErrWallLimit Code = C.NANO_E_WALL_LIMIT
	// ErrException: the app threw. Message and stack are for your log, never for clients.
	ErrException Code = C.NANO_E_EXCEPTION
	// ErrCompile: the app's code does not compile, or its imports do not resolve.
	ErrCompile Code = C.NANO_E_COMPILE
	// ErrOverloaded: too much is waiting for this app or runtime already.
	ErrOverloaded Code = C.NANO_E_OVERLOADED
	// ErrCapacity: a ceiling of the process is reached; the message names it.
	ErrCapacity Code = C.NANO_E_CAPACITY
	// ErrShutdown: the runtime is closed.
	ErrShutdown Code = C.NANO_E_SHUTDOWN
	// ErrDraining: the app or the runtime takes no new work.
	ErrDraining Code = C.NANO_E_DRAINING
	// ErrForked: this process is a fork of the one that made the runtime.
	ErrForked Code = C.NANO_E_FORKED
	// ErrAlready: already done with other options.
	ErrAlready Code = C.NANO_E_ALREADY
	// ErrAddressSpace: the process may not reserve the address space that V8 needs.
	ErrAddressSpace Code = C.NANO_E_ADDRESS_SPACE
	// ErrPolicy: a policy forbids it.
	ErrPolicy Code = C.NANO_E_POLICY
	// ErrIO: a file could not be read; the message names it.
	ErrIO Code = C.NANO_E_IO
	// ErrPanic: a defect inside NANO was contained; the runtime is still usable.
	ErrPanic Code = C.NANO_E_PANIC
	// ErrUnsupported: not available in this build or on this platform.
	ErrUnsupported Code = C.NANO_E_UNSUPPORTED
	// ErrShardLost: the thread that ran the request was given up because an app broke it; the request may have had effects.
	ErrShardLost Code = C.NANO_E_SHARD_LOST
	// ErrTooLarge: a value, a head or a body is larger than it may be; the message names the limit.
	ErrTooLarge Code = C.NANO_E_TOO_LARGE
)

// Error is the name of the code, such as NANO_E_CPU_LIMIT.
func (c Code) Error() string { return C.GoString(C.nano_status_name(C.nano_status(c))) }

// Timeout says whether the code is one of time that ran out.
func (c Code) Timeout() bool { return c == ErrTimeout || c == ErrWallLimit }

// An Error is what every function here fails with.
type Error struct {
	// Code is the stable number, which errors.Is finds.
	Code Code
	// Message is a sentence of cause and remedy, for your log: an app's exception is quoted in it.
	Message string
	// Stack is the app's JavaScript stack, if it has to do with it. For your log, never for clients.
	Stack string
	// HTTPStatus is what an HTTP server answers its client with.
	HTTPStatus int

	cause error
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.Error()
	}
	return e.Code.Error() + ": " + e.Message
}

// Unwrap gives the Code, and what a context was ended by.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.cause}
}

// Timeout says whether time ran out.
func (e *Error) Timeout() bool { return e.Code.Timeout() }

// codeError is the error of a status that came without one.
func codeError(code Code, format string, args ...any) *Error {
	status := 500
	switch code {
	case ErrShutdown, ErrDraining, ErrOverloaded, ErrCapacity:
		status = 503
	case ErrTimeout, ErrWallLimit:
		status = 504
	case ErrInvalid:
		status = 400
	}
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), HTTPStatus: status}
}

func invalid(format string, args ...any) *Error { return codeError(ErrInvalid, format, args...) }

func closedError() *Error { return codeError(ErrShutdown, "the runtime is closed") }

// canceled is the error of a request whose context has ended.
func canceled(ctx context.Context) *Error {
	err := codeError(ErrCanceled, "the request was given up: %v", context.Cause(ctx))
	err.cause = ctx.Err()
	if err.cause == context.DeadlineExceeded {
		err.HTTPStatus = 504
	}
	return err
}

// statusError is the error of a status, with the sentence that came with it; it frees that. What is not an error is nil.
func statusError(status C.nano_status, detail *C.nano_error) error {
	if status >= 0 && detail == nil {
		return nil
	}
	if detail == nil {
		return codeError(Code(status), "")
	}
	defer C.nano_error_free(detail)
	return &Error{
		Code:       Code(status),
		Message:    text(C.nano_error_message(detail)),
		Stack:      text(C.nano_error_stack(detail)),
		HTTPStatus: int(C.nano_error_http_status(detail)),
	}
}
