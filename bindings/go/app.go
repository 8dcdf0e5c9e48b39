package nano

/*
#cgo noescape nano_go_schedule
#cgo nocallback nano_go_schedule
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
)

// An App is a loaded app: an http.Handler, an http.RoundTripper, and functions to Invoke. It serves until it is unloaded, or its
// runtime is closed.
type App struct {
	runtime *Runtime
	hub     *hub
	ptr     *C.nano_app
	name    string
	claim   *claim
	// What of a request's body may be sent in one piece.
	options atomic.Pointer[AppOptions]
}

var appsMade atomic.Uint64

// Load reads, compiles and starts an app, or says what is wrong with it, with file, line and column. It waits for that.
func (r *Runtime) Load(options AppOptions) (*App, error) {
	defer runtime.KeepAlive(r)
	h, err := r.open()
	if err != nil {
		return nil, err
	}
	if options.Name == "" {
		options.Name = fmt.Sprintf("app-%d", appsMade.Add(1))
	}
	table, err := newTable(options.Bindings, h)
	if err != nil {
		return nil, err
	}
	var a arena
	defer a.free()
	o := options.describe(&a, table)
	c := &claim{name: options.Name}
	if _, taken := h.apps.LoadOrStore(options.Name, c); taken {
		return nil, codeError(ErrBusy, "there is an app named %q already, or one that is being loaded or unloaded: reload it, or unload it first", options.Name)
	}
	// The app's modules may call Go while they load.
	h.keep(o, table)
	var ptr *C.nano_app
	var detail *C.nano_error
	if err := statusError(C.nano_app_load(h.ptr, o, &ptr, &detail), detail); err != nil {
		h.apps.CompareAndDelete(options.Name, c)
		return nil, err
	}
	app := &App{runtime: r, hub: h, ptr: ptr, name: options.Name, claim: c}
	app.options.Store(&options)
	runtime.AddCleanup(app, func(ptr *C.nano_app) { C.nano_app_free(ptr) }, ptr)
	return app, nil
}

// A claim is an app's on its name, from before it is loaded until it is no more.
type claim struct{ name string }

// open gives the hub that calls go to, if it is there and not closed.
func (a *App) open() (*hub, error) {
	if a == nil || a.hub == nil {
		err := invalid("the app is none that Load has given")
		// No client has done that.
		err.HTTPStatus = http.StatusInternalServerError
		return nil, err
	}
	return a.hub, a.hub.ended()
}

// isOf is the error of an app that something names which is none of this runtime's.
func (a *App) isOf(h *hub, what string) error {
	switch {
	case a == nil || a.hub == nil:
		return invalid("the app of %s is none that Load has given", what)
	case a.hub != h:
		return invalid("the app of %s, %s, is another runtime's", what, a.name)
	}
	return nil
}

// Name is its name, unique in its runtime.
func (a *App) Name() string {
	if a == nil {
		return ""
	}
	return a.name
}

// Runtime is the runtime it is on.
func (a *App) Runtime() *Runtime {
	if a == nil {
		return nil
	}
	return a.runtime
}

// Options are those of its version; what Reload is given is a change of them.
func (a *App) Options() AppOptions {
	if _, err := a.open(); errors.Is(err, ErrInvalid) {
		return AppOptions{}
	}
	return *a.options.Load()
}

// Reload loads a new version; the name stays. The old version serves until the new one has started, finishes what it began, and goes
// on serving if the new one does not start. Each version's calls are answered by its own bindings. It waits for that.
func (a *App) Reload(options AppOptions) error {
	defer runtime.KeepAlive(a)
	h, err := a.open()
	if err != nil {
		return err
	}
	options.Name = a.name
	table, err := newTable(options.Bindings, h)
	if err != nil {
		return err
	}
	var arena arena
	defer arena.free()
	o := options.describe(&arena, table)
	h.keep(o, table)
	var detail *C.nano_error
	if err := statusError(C.nano_app_reload(a.ptr, o, &detail), detail); err != nil {
		return err
	}
	a.options.Store(&options)
	return nil
}

// Unload takes no new requests, lets those in flight end within the time of grace, ends the rest with ErrDraining, and forgets the app:
// its name is free again. ErrTimeout if an instance could not be stopped yet.
func (a *App) Unload(grace time.Duration) error {
	defer runtime.KeepAlive(a)
	h, err := a.open()
	if err != nil {
		return err
	}
	var detail *C.nano_error
	status := C.nano_app_unload(a.ptr, milliseconds(grace), &detail)
	err = statusError(status, detail)
	if err == nil && status == C.NANO_TIMEOUT {
		err = codeError(ErrTimeout, "an instance of the app has not been stopped yet")
	}
	// Whoever was first has it unloaded, and is not done.
	if !errors.Is(err, ErrNotFound) {
		h.apps.CompareAndDelete(a.name, a.claim)
	}
	return err
}

// Kill ends the app's instances now, in the middle of what they do: requests that it has end with ErrCanceled, and the next one starts a
// fresh instance. It waits until none of them runs, and says how many there were; ErrTimeout if one could not be stopped yet.
func (a *App) Kill() (int, error) {
	defer runtime.KeepAlive(a)
	if _, err := a.open(); err != nil {
		return 0, err
	}
	var instances C.uint32_t
	var detail *C.nano_error
	err := statusError(C.nano_app_kill(a.ptr, &instances, &detail), detail)
	return int(instances), err
}

// AppStats is what an app has used since it was loaded.
type AppStats struct {
	Requests, InFlight, Errors           uint64
	CPU                                  time.Duration
	Starts, Condemned, Strikes, Versions uint64
	WaitingBytes, Skipped, Untold        uint64
}

// Stats gives what it has used.
func (a *App) Stats() (AppStats, error) {
	defer runtime.KeepAlive(a)
	if _, err := a.open(); err != nil {
		return AppStats{}, err
	}
	c := C.nano_app_counters{size: C.sizeof_nano_app_counters}
	if err := statusError(C.nano_app_stats(a.ptr, &c), nil); err != nil {
		return AppStats{}, err
	}
	return AppStats{
		uint64(c.requests), uint64(c.in_flight), uint64(c.errors), time.Duration(c.cpu_us) * time.Microsecond, uint64(c.starts),
		uint64(c.condemned), uint64(c.strikes), uint64(c.versions), uint64(c.waiting_bytes), uint64(c.skipped), uint64(c.untold),
	}, nil
}

// A Scheduled is how a scheduled event ended.
type Scheduled struct {
	Outcome string
	NoRetry bool
}

// Schedule calls the app's scheduled() for this time, with these words as controller.cron: for hosts with a scheduler of their own.
func (a *App) Schedule(ctx context.Context, cron string, at time.Time) (Scheduled, error) {
	var result Scheduled
	ms, err := unixMs(at)
	if err != nil {
		return result, err
	}
	err = a.invoke(ctx, &result, func(token uint64) C.nano_go_begun {
		return C.nano_go_schedule(a.ptr, ptrOf(cron), C.size_t(len(cron)), ms, C.uint64_t(token))
	})
	return result, err
}
