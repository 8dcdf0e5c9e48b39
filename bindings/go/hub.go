package nano

/*
#cgo pkg-config: nano
#cgo noescape nano_go_poll
#cgo nocallback nano_go_poll
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// A hub is a runtime without its owner: what the goroutine knows that empties the queue. Its C handle is freed when nothing in Go
// knows it any more, so that no call can come too late.
type hub struct {
	ptr      *C.nano_runtime
	file     *os.File
	batch    *C.nano_go_batch
	slots    slots
	calls    calls
	objects  objects
	log      *slog.Logger
	notices  chan func()
	dropped  uint64
	closing  sync.Once
	isClosed atomic.Bool
	done     chan struct{}
	apps     sync.Map // name to *claim
	// What answers each version of each app: number to *bindingTable.
	versions    sync.Map
	lastVersion atomic.Uint64
	onLog       func(Log)
	onChange    func(Change)
	// How long clients of WebSockets have at the end: no constant, because of tests.
	lastWords time.Duration
	// Those that are open, and with them their runtime.
	listeners listeners
}

func newHub(ptr *C.nano_runtime, options *Options) (*hub, error) {
	fd, err := dup(int(C.nano_runtime_fd(ptr)))
	if err != nil {
		C.nano_runtime_free(ptr)
		return nil, codeError(ErrIO, "the runtime's descriptor cannot be watched: %v", err)
	}
	h := &hub{
		ptr:       ptr,
		file:      os.NewFile(uintptr(fd), "nano"),
		batch:     (*C.nano_go_batch)(C.calloc(1, C.sizeof_nano_go_batch)),
		log:       options.Logger,
		done:      make(chan struct{}),
		onLog:     options.OnLog,
		onChange:  options.OnChange,
		lastWords: lastWords,
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	runtime.AddCleanup(h, func(ptr *C.nano_runtime) { C.nano_runtime_free(ptr) }, ptr)
	if options.OnLog != nil || options.OnChange != nil {
		h.notices = make(chan func(), noticesMax)
		go func() {
			for notice := range h.notices {
				h.protect("a listener of the runtime", notice)
			}
		}()
	}
	go h.run()
	return h, nil
}

// dup makes a descriptor of ours, which os.File may close, and which no child inherits.
func dup(fd int) (int, error) {
	ours, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(ours), nil
}

// run empties the queue whenever there is something in it; meanwhile it is parked with Go's poller and holds no thread.
func (h *hub) run() {
	defer close(h.done)
	raw, err := h.file.SyscallConn()
	for err == nil {
		ended := false
		err = raw.Read(func(uintptr) bool {
			ended = h.drain()
			return ended
		})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			// How close() wakes it: what is left in the queue is all there will be.
			err = nil
			ended = h.drain()
		}
		if ended {
			break
		}
	}
	if err != nil {
		h.log.Error("nano: the runtime's queue cannot be watched", "error", err)
	}
	h.file.Close()
	for _, x := range h.slots.remaining() {
		x.push(event{kind: C.NANO_EVENT_ERROR, last: true, err: closedError()}, nil)
	}
	h.calls.cancelAll()
	C.free(unsafe.Pointer(h.batch))
	if h.notices != nil {
		close(h.notices)
	}
}

// drain takes batch after batch; true when the runtime is closed and nothing is left.
func (h *hub) drain() bool {
	for {
		status := C.nano_go_poll(h.ptr, h.batch)
		if status == C.NANO_E_SHUTDOWN || status == C.NANO_E_FORKED {
			return true
		}
		if h.batch.count == 0 {
			return false
		}
		for i := range int(h.batch.count) {
			h.dispatch(&h.batch.records[i])
		}
	}
}

func (h *hub) dispatch(r *C.nano_go_record) {
	last := r.flags&C.NANO_FLAG_END != 0
	switch r._type {
	case C.NANO_EVENT_RESPONSE, C.NANO_EVENT_CHUNK, C.NANO_EVENT_END, C.NANO_EVENT_ERROR, C.NANO_EVENT_RESULT:
		x := h.slots.find(uint64(r.token), last)
		if x == nil {
			return
		}
		if x.isAbandoned() {
			if last {
				x.push(event{last: true}, nil)
			}
			return
		}
		x.push(eventOf(r, last), &r.account)
	case C.NANO_EVENT_WRITABLE:
		// With the token of a request, or the id of a call.
		if r.token == 0 {
			h.calls.writable(uint64(r.id))
		} else if x := h.slots.find(uint64(r.token), false); x != nil && x.room != nil {
			signal(x.room)
		}
	case C.NANO_EVENT_CALL:
		if r.view != nil {
			h.begin(uint64(r.id), uint64(r.version), r.view)
		}
	case C.NANO_EVENT_CALL_CHUNK:
		h.calls.chunk(uint64(r.id), bytesOf(r.text))
	case C.NANO_EVENT_CALL_CANCELED:
		h.calls.cancel(uint64(r.id))
	case C.NANO_EVENT_RELEASE:
		h.objects.takeBack(uint64(r.id), h.log)
	case C.NANO_EVENT_VERSION_END:
		h.versions.Delete(uint64(r.token))
	case C.NANO_EVENT_LOG:
		if h.onLog != nil {
			line := logOf(r.log)
			line.Dropped += h.dropped
			if h.notify(func() { h.onLog(line) }) {
				h.dropped = 0
			} else {
				h.dropped = line.Dropped + 1
			}
		}
	case C.NANO_EVENT_APP:
		if h.onChange != nil {
			change := Change{text(r.app.app), text(r.app.state), text(r.app.reason)}
			h.notify(func() { h.onChange(change) })
		}
	}
}

func (h *hub) notify(notice func()) bool {
	select {
	case h.notices <- notice:
		return true
	default:
		return false
	}
}

// eventOf copies what an event carries: into one piece of memory, headers and body.
func eventOf(r *C.nano_go_record, last bool) event {
	e := event{kind: uint32(r._type), last: last, status: int(r.http_status)}
	switch e.kind {
	case C.NANO_EVENT_ERROR:
		e.err = &Error{Code: Code(r.code), Message: text(r.text), Stack: text(r.more), HTTPStatus: int(r.http_status)}
	case C.NANO_EVENT_RESPONSE:
		e.raw, e.head = packHead(r)
	default:
		e.raw = bytesOf(r.text)
	}
	return e
}

// cancel gives a request up; one that has ended needs no more.
func (h *hub) cancel(id C.nano_request) {
	C.nano_request_cancel(h.ptr, id)
	runtime.KeepAlive(h)
}

// credit makes room for more of a response's body.
func (h *hub) credit(id C.nano_request, bytes int) {
	C.nano_response_credit(h.ptr, id, C.uint32_t(bytes))
	runtime.KeepAlive(h)
}

// close ends everything, and returns when the last event has been given out.
func (h *hub) close() {
	h.closing.Do(func() {
		h.isClosed.Store(true)
		C.nano_runtime_close(h.ptr)
		h.listeners.closeAll()
		// Fails when run has ended by itself, and closed the file.
		_ = h.file.SetReadDeadline(time.Unix(1, 0))
	})
	<-h.done
	runtime.KeepAlive(h)
}

// ended is the error of what is asked of a closed runtime that C would still answer.
func (h *hub) ended() error {
	if h.isClosed.Load() {
		return closedError()
	}
	return nil
}

// protect runs what is not ours, which may panic: the host goes on, and its log says where it was.
func (h *hub) protect(what string, run func()) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = panicked(h.log, what, reason)
		}
	}()
	run()
	return nil
}
