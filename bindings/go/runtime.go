package nano

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"log/slog"
	"runtime"
	"time"
	"unsafe"
)

// How many log lines and changes wait for listeners that are slow; more are dropped.
const noticesMax = 4096

// Options say how a runtime is made. Zero is each number's default; docs/limits.md has them.
type Options struct {
	// Threads that run JavaScript; one per core by default.
	Threads int
	// Apps registered at once.
	Apps int
	// Instances alive at once.
	Instances int
	// Requests accepted and not yet ended.
	Requests int
	// LogEvents waiting in the queue; more are dropped and counted.
	LogEvents int
	// Pool is how many started blank isolates each thread keeps ready.
	Pool int
	// CacheBytes is what the caches of all apps keep together.
	CacheBytes int64
	// ManualClock gives it a clock that only Advance moves, which begins at Clock, or at 2026-01-01.
	ManualClock bool
	Clock       time.Time
	// Roots says whose certificates apps trust: "webpki" (the default), "system", or "file:PATH".
	Roots string
	// OnLog is told what apps say on their console, OnChange what becomes of them; one after the other, by a goroutine of their own.
	OnLog    func(Log)
	OnChange func(Change)
	// Logger is told what goes wrong where nobody waits for an error: panics of bindings, requests that http clients are told
	// nothing of. slog's default by default.
	Logger *slog.Logger
}

// A Log is a line that an app said on its console; of no app, with an empty name, what the runtime itself has to say.
type Log struct {
	App   string
	Level slog.Level
	Text  string
	// Dropped is how many lines were dropped before this one.
	Dropped uint64
}

// A Change is an app's new state: loaded, started, evicted, condemned, reloaded, unloaded, quarantined; there may be more.
type Change struct{ App, State, Reason string }

// An Account is what a request used. WithAccount asks for it.
type Account struct {
	CPU, Wall                time.Duration
	HeapBytes, ExternalBytes uint64
	Subrequests              uint64
	BytesIn, BytesOut        uint64
}

func accountOf(a *C.nano_account) Account {
	return Account{
		CPU: time.Duration(a.cpu_us) * time.Microsecond, Wall: time.Duration(a.wall_us) * time.Microsecond,
		HeapBytes: uint64(a.heap_bytes), ExternalBytes: uint64(a.external_bytes), Subrequests: uint64(a.subrequests),
		BytesIn: uint64(a.bytes_in), BytesOut: uint64(a.bytes_out),
	}
}

func logOf(l *C.nano_log) Log {
	levels := [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	return Log{App: text(l.app), Level: levels[min(int(l.level), len(levels)-1)], Text: text(l.text), Dropped: uint64(l.dropped)}
}

// A Runtime is a set of threads that run JavaScript, and the apps on them. All its methods, and those of its apps, may be called by
// any goroutine at any time.
type Runtime struct{ hub *hub }

// Version is the library's version, such as "nano/0.1.0 v8/15.2.27 abi/1".
func Version() string { return C.GoString(C.nano_version()) }

// New makes a runtime, and starts V8 if it is the process's first. Close it; one that nobody knows any more closes itself.
func New(options Options) (*Runtime, error) {
	if abi := C.nano_abi_version(); abi != C.NANO_ABI_VERSION {
		return nil, codeError(ErrTooNew, "libnano speaks version %d of the binary interface, this package version %d", abi, C.NANO_ABI_VERSION)
	}
	var a arena
	defer a.free()
	o := C.nano_runtime_options{
		size:        C.sizeof_nano_runtime_options,
		cache_bytes: C.uint64_t(options.CacheBytes),
		roots:       a.text(options.Roots),
	}
	err := putCounts(
		count{&o.threads, options.Threads}, count{&o.apps, options.Apps}, count{&o.instances, options.Instances},
		count{&o.requests, options.Requests}, count{&o.log_events, options.LogEvents}, count{&o.pool, options.Pool},
	)
	if err != nil {
		return nil, err
	}
	if options.CacheBytes < 0 {
		return nil, invalid("CacheBytes is below 0")
	}
	if options.OnLog != nil {
		o.events |= C.NANO_EVENTS_LOG
	}
	if options.OnChange != nil {
		o.events |= C.NANO_EVENTS_APP
	}
	if options.ManualClock {
		o.flags |= C.NANO_RUNTIME_MANUAL_CLOCK
		if !options.Clock.IsZero() {
			if o.clock_unix_ms, err = unixMs(options.Clock); err != nil {
				return nil, err
			}
		}
	}
	made := arrayIn[C.nano_runtime_options](&a, 1)
	made[0] = o
	var ptr *C.nano_runtime
	var detail *C.nano_error
	if err := statusError(C.nano_runtime_new(&made[0], &ptr, &detail), detail); err != nil {
		return nil, err
	}
	h, err := newHub(ptr, &options)
	if err != nil {
		return nil, err
	}
	r := &Runtime{hub: h}
	runtime.AddCleanup(r, func(h *hub) { go h.close() }, h)
	return r, nil
}

// open gives the hub that calls go to, if it is there and not closed.
func (r *Runtime) open() (*hub, error) {
	if r == nil || r.hub == nil {
		return nil, noRuntime()
	}
	return r.hub, r.hub.ended()
}

// Close ends every request and stops the threads. It waits until they have stopped; a second Close does nothing.
func (r *Runtime) Close() error {
	if r == nil || r.hub == nil {
		return noRuntime()
	}
	r.hub.close()
	return nil
}

func noRuntime() *Error { return invalid("the runtime is none that New has made") }

// Drain closes the listeners, takes no new requests, waits so long for those in flight, and ends the rest with ErrDraining; ErrTimeout if there
// was a rest.
func (r *Runtime) Drain(grace time.Duration) error {
	defer runtime.KeepAlive(r)
	h, err := r.open()
	if err != nil {
		return err
	}
	defer h.listeners.closeAll()
	switch status := C.nano_runtime_drain(h.ptr, milliseconds(grace)); {
	case status == C.NANO_TIMEOUT:
		return codeError(ErrTimeout, "requests were left when the time of grace was over; they have been ended")
	default:
		return statusError(status, nil)
	}
}

// Advance moves a manual clock on: timers that are due run, wall limits that are due strike.
func (r *Runtime) Advance(by time.Duration) error {
	defer runtime.KeepAlive(r)
	h, err := r.open()
	if err != nil {
		return err
	}
	if by < 0 {
		return invalid("clocks do not go backwards")
	}
	status := C.nano_runtime_advance(h.ptr, C.uint64_t(by.Milliseconds()))
	if status == C.NANO_E_INVALID {
		return invalid("the runtime has no manual clock, or it cannot go so far")
	}
	return statusError(status, nil)
}

// Stats is what a runtime holds and has done.
type Stats struct {
	Apps, Instances, Requests, InFlight, Refused, Starts, Evictions, Condemned uint64
	Rescued, Parked, Abandoned, LostBytes, LogsDropped, Skipped, Untold        uint64
}

// Stats gives what it holds and has done.
func (r *Runtime) Stats() (Stats, error) {
	defer runtime.KeepAlive(r)
	h, err := r.open()
	if err != nil {
		return Stats{}, err
	}
	c := C.nano_runtime_counters{size: C.sizeof_nano_runtime_counters}
	if err := statusError(C.nano_runtime_stats(h.ptr, &c), nil); err != nil {
		return Stats{}, err
	}
	return Stats{
		uint64(c.apps), uint64(c.instances), uint64(c.requests), uint64(c.in_flight), uint64(c.refused), uint64(c.starts),
		uint64(c.evictions), uint64(c.condemned), uint64(c.rescued), uint64(c.parked), uint64(c.abandoned), uint64(c.lost_bytes),
		uint64(c.logs_dropped), uint64(c.skipped), uint64(c.untold),
	}, nil
}

// QueueStats is what a queue of messages holds and has done: Messages that wait or are being delivered, of so many Bytes; how many were Sent
// to it, are done with, were tried again, went to the queue for those that failed, or are lost.
type QueueStats struct{ Messages, Bytes, Sent, Acked, Retried, Dead, Dropped uint64 }

// Queues gives what each queue holds and has done, by its name. A queue is there while it has messages, or an app that takes them.
func (r *Runtime) Queues() (map[string]QueueStats, error) {
	defer runtime.KeepAlive(r)
	h, err := r.open()
	if err != nil {
		return nil, err
	}
	var list *C.nano_queues
	if err := statusError(C.nano_runtime_queues(h.ptr, &list), nil); err != nil {
		return nil, err
	}
	defer C.nano_queues_free(list)
	var count C.size_t
	names := C.nano_queues_names(list, &count)
	all := make(map[string]QueueStats, count)
	for _, name := range unsafe.Slice(names, count) {
		c := C.nano_queue_counters{size: C.sizeof_nano_queue_counters}
		switch status := C.nano_queue_stats(h.ptr, name, &c); {
		case status == C.NANO_E_NOT_FOUND:
			// It has become empty meanwhile.
		case status != C.NANO_OK:
			return nil, statusError(status, nil)
		default:
			all[text(name)] = QueueStats{
				uint64(c.messages), uint64(c.bytes), uint64(c.sent), uint64(c.acked), uint64(c.retried), uint64(c.dead), uint64(c.dropped),
			}
		}
	}
	return all, nil
}

// Metrics gives what Stats does and more as Prometheus text.
func (r *Runtime) Metrics() (string, error) {
	defer runtime.KeepAlive(r)
	h, err := r.open()
	if err != nil {
		return "", err
	}
	var t *C.nano_text
	if err := statusError(C.nano_runtime_metrics(h.ptr, &t), nil); err != nil {
		return "", err
	}
	defer C.nano_text_free(t)
	return text(C.nano_text_bytes(t)), nil
}

// A count is an option, and where it goes.
type count struct {
	to   *C.uint32_t
	from int
}

func putCounts(counts ...count) error {
	for _, n := range counts {
		if n.from < 0 || int64(n.from) > 1<<32-1 {
			return invalid("an option is %d: a count is 0, for its default, or more", n.from)
		}
		*n.to = C.uint32_t(n.from)
	}
	return nil
}

// milliseconds rounds up, so that what is short is not nothing.
func milliseconds(d time.Duration) C.uint32_t {
	ms := (max(d, 0) + time.Millisecond - 1) / time.Millisecond
	return C.uint32_t(min(int64(ms), 1<<32-1))
}

// unixMs is a time as C has it.
func unixMs(at time.Time) (C.uint64_t, error) {
	ms := at.UnixMilli()
	if ms < 0 {
		return 0, invalid("%v is before 1970", at)
	}
	return C.uint64_t(ms), nil
}
