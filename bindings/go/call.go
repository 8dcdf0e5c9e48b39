package nano

/*
#cgo noescape nano_go_return
#cgo nocallback nano_go_return
#cgo noescape nano_go_fail
#cgo nocallback nano_go_fail
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// A call is one of an app's, from its event to the end of the answer. It runs in a goroutine of its own.
type call struct {
	hub    *hub
	id     C.nano_call
	ctx    context.Context
	cancel context.CancelFunc
	// What it asks, out of NANO's memory.
	kind, bodyKind            uint32
	app, binding, method, url string
	headers                   http.Header
	body, args                []byte
	object                    uint64
	table                     *bindingTable
	// The numbers of the objects that it is answered with.
	given []uint64
	// What is set before on the object has been, when after is closed; set is closed when this has been set.
	after, set chan struct{}
	// wake and room have room for one: a piece of the body has come; there is room for more of the answer.
	wake, room chan struct{}
	mu         sync.Mutex
	chunks     [][]byte
	isWhole    bool
}

// calls are those that go on, by their ids.
type calls struct {
	mu  sync.Mutex
	all map[uint64]*call
}

func (c *calls) add(id uint64, begun *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[uint64]*call{}
	}
	c.all[id] = begun
}

func (c *calls) find(id uint64) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[id]
}

func (c *calls) forget(id uint64) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := c.all[id]
	delete(c.all, id)
	return call
}

func (c *calls) writable(id uint64) {
	if call := c.find(id); call != nil {
		signal(call.room)
	}
}

func (c *calls) chunk(id uint64, chunk []byte) {
	call := c.find(id)
	if call == nil {
		return
	}
	call.mu.Lock()
	if len(chunk) == 0 {
		call.isWhole = true
	} else {
		call.chunks = append(call.chunks, chunk)
	}
	call.mu.Unlock()
	signal(call.wake)
}

func (c *calls) cancel(id uint64) {
	if call := c.forget(id); call != nil {
		call.cancel()
	}
}

func (c *calls) cancelAll() {
	c.mu.Lock()
	left := c.all
	c.all = nil
	c.mu.Unlock()
	for _, call := range left {
		call.cancel()
	}
}

// begin takes a call over: out of NANO's memory, and off the goroutine of the queue.
func (h *hub) begin(id, version uint64, view *C.nano_call_view) {
	c := &call{
		hub: h, id: C.nano_call(id),
		kind: uint32(view.kind), bodyKind: uint32(view.body_kind), object: uint64(view.object),
		app: text(view.app), binding: text(view.binding), method: text(view.method), url: text(view.url),
		body: bytesOf(view.body), args: bytesOf(view.args),
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
	if found, ok := h.versions.Load(version); ok {
		c.table = found.(*bindingTable)
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if c.kind == C.NANO_CALL_FETCH {
		c.headers = make(http.Header)
		// Without headers the pointer may be any, and Go looks at every pointer that it has.
		if view.headers_count > 0 {
			for _, header := range unsafe.Slice(view.headers, int(view.headers_count)) {
				c.headers.Add(text(header.name), text(header.value))
			}
		}
	}
	switch c.kind {
	case C.NANO_CALL_OBJECT_SET:
		c.set = make(chan struct{})
		c.after = h.objects.following(c.object, c.set)
	case C.NANO_CALL_OBJECT_GET, C.NANO_CALL_OBJECT_METHOD:
		c.after = h.objects.following(c.object, nil)
	}
	h.calls.add(id, c)
	go c.run()
}

func (c *call) run() {
	defer c.hub.calls.forget(uint64(c.id))
	defer c.cancel()
	if c.set != nil {
		defer close(c.set)
	}
	if c.after != nil {
		<-c.after
	}
	isAnswered := false
	defer func() {
		reason := recover()
		switch {
		case reason == http.ErrAbortHandler:
			c.fail(errors.New("the response was broken off"))
		case reason != nil:
			c.fail(panicked(c.hub.log, "the binding "+c.binding+" of the app "+c.app, reason))
		case !isAnswered:
			// It has ended this goroutine, as a test does that fails.
			c.fail(panicked(c.hub.log, "the binding "+c.binding+" of the app "+c.app, "runtime.Goexit"))
		}
	}()
	c.serve()
	isAnswered = true
}

// serve has the call answered.
func (c *call) serve() {
	if c.table == nil {
		c.fail(codeError(ErrNotFound, "the app %s is not one of Go's", c.app))
		return
	}
	if c.kind == C.NANO_CALL_FETCH {
		c.fetch()
		return
	}
	e := encoder{give: c.give}
	err := c.answer(&e)
	if err == nil {
		err = c.handBack(e.out)
	}
	if err != nil {
		c.fail(err)
	}
}

// panicked writes to the log where it was, and gives what an app may know of it.
func panicked(log *slog.Logger, what string, reason any) error {
	log.Error("nano: "+what+" panicked", "reason", reason, "stack", string(debug.Stack()))
	return codeError(ErrPanic, "the host failed")
}

// answer does what a call other than fetch asks, and writes what came of it.
func (c *call) answer(e *encoder) error {
	d := decoder{in: c.args, held: c.hub.objects.held}
	decoded, err := d.decode()
	if err != nil {
		return err
	}
	args, _ := decoded.([]any)
	var value any
	switch c.kind {
	case C.NANO_CALL_OBJECT_GET, C.NANO_CALL_OBJECT_SET:
		return c.onField(e, args)
	case C.NANO_CALL_OBJECT_METHOD:
		object, err := c.hub.objects.held(c.binding, c.object)
		if err != nil {
			return err
		}
		value, err = callMethod(c.ctx, reflect.ValueOf(object), c.method, args)
		if err != nil {
			return err
		}
	default:
		value, err = c.onBinding(args)
		if err != nil {
			return err
		}
	}
	return e.value(value, 0)
}

func (c *call) onBinding(args []any) (any, error) {
	b := c.table.entries[c.binding]
	switch {
	case b == nil:
	case c.kind == C.NANO_CALL_METHOD && b.kind == C.NANO_BINDING_OBJECT:
		return callMethod(c.ctx, b.object, c.method, args)
	case c.kind == C.NANO_CALL_FUNCTION && b.kind == C.NANO_BINDING_FUNCTION, c.kind == C.NANO_CALL_CONSTRUCT && b.class.New != nil:
		made, err := b.function.call(c.ctx, args)
		if err == nil && c.kind == C.NANO_CALL_CONSTRUCT && reflect.ValueOf(made).IsNil() {
			err = fmt.Errorf("there is no object")
		}
		return made, err
	}
	return nil, fmt.Errorf("%s is not for that", c.binding)
}

func callMethod(ctx context.Context, object reflect.Value, name string, args []any) (any, error) {
	var method reflect.Value
	if !slices.Contains(never, name) && !isOfLock(object.Type(), goName(name)) {
		method = object.MethodByName(goName(name))
	}
	if !method.IsValid() {
		return nil, fmt.Errorf("%s is not a method of it", name)
	}
	f, err := functionOf(method)
	if err != nil {
		return nil, err
	}
	return f.call(ctx, args)
}

// onField reads or writes a field. What is read is written down while nobody writes to it.
func (c *call) onField(e *encoder, args []any) error {
	held, err := c.hub.objects.find(c.binding, c.object)
	if err != nil {
		return err
	}
	b := c.table.classes[reflect.TypeOf(held.value)]
	if b == nil || b.fields[c.method] == nil {
		return fmt.Errorf("%s is not a property of it", c.method)
	}
	index := b.fields[c.method]
	return held.withFields(func(object reflect.Value) error {
		if c.kind == C.NANO_CALL_OBJECT_SET {
			if len(args) != 1 {
				return errMalformed
			}
			if err := assign(fieldIn(object, index), args[0]); err != nil {
				return err
			}
			return e.value(Undefined, 0)
		}
		field, err := object.FieldByIndexErr(index)
		if err != nil {
			// In an embedded struct that is not there.
			return e.value(Undefined, 0)
		}
		return e.value(field.Interface(), 0)
	})
}

// give makes what the app knows the class of an object of the app's.
func (c *call) give(object any) (name string, number uint64, ok bool) {
	class := c.table.classes[reflect.TypeOf(object)]
	if class == nil {
		return "", 0, false
	}
	number = c.hub.objects.give(object, class)
	c.given = append(c.given, number)
	return class.name, number, true
}

// handBack answers with an encoded value, which is copied before it returns.
func (c *call) handBack(encoded []byte) error {
	begun := C.nano_go_return(c.hub.ptr, c.id, ptr(encoded), C.size_t(len(encoded)))
	runtime.KeepAlive(c.hub)
	return statusError(begun.status, begun.error)
}

// fail rejects the app's promise. The app reads the error's text, in which what is not UTF-8 is replaced; it is given no object.
func (c *call) fail(err error) {
	for _, number := range c.given {
		c.hub.objects.takeBack(number, c.hub.log)
	}
	c.given = nil
	message := strings.ToValidUTF8(err.Error(), "\uFFFD")
	status := c.reject(message)
	if status >= 0 || status == C.NANO_E_NOT_FOUND {
		// What has ended waits for no answer.
		return
	}
	c.hub.log.Error("nano: an error could not be given to an app", "app", c.app, "binding", c.binding, "error", err, "why", Code(status))
	c.reject("the host failed")
}

func (c *call) reject(message string) C.nano_status {
	status := C.nano_go_fail(c.hub.ptr, c.id, ptrOf(message), C.size_t(len(message)))
	runtime.KeepAlive(c.hub)
	return status
}
