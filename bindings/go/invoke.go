package nano

/*
#cgo noescape nano_go_invoke
#cgo nocallback nano_go_invoke
#include "shim.h"
*/
import "C"

import (
	"context"
	"reflect"
	"runtime"
)

// Invoke calls a function that the app exports. Values cross by content, as docs/embedding-go.md has it; what returns nothing, or null,
// is nil.
func (a *App) Invoke(ctx context.Context, export string, args ...any) (any, error) {
	var result any
	err := a.InvokeInto(ctx, &result, export, args...)
	if result == any(Undefined) {
		result = nil
	}
	return result, err
}

// InvokeInto is the same with a result of a type: result points to a variable that can hold it. In an Object, or a slice of them, and in the
// objects in it, the properties are in their order.
func (a *App) InvokeInto(ctx context.Context, result any, export string, args ...any) error {
	var e encoder
	if err := e.array(0, len(args), func(i int) any { return args[i] }); err != nil {
		return err
	}
	return a.invoke(ctx, result, func(token uint64) C.nano_go_begun { return a.begin(export, e.out, token) })
}

// begin hands an invocation over: name and arguments are copied before it returns.
func (a *App) begin(export string, args []byte, token uint64) C.nano_go_begun {
	return C.nano_go_invoke(a.ptr, ptrOf(export), C.size_t(len(export)), ptr(args), C.size_t(len(args)), C.uint64_t(token))
}

func (a *App) invoke(ctx context.Context, result any, begin func(token uint64) C.nano_go_begun) error {
	defer runtime.KeepAlive(a)
	h, err := a.open()
	if err != nil {
		return err
	}
	to := reflect.ValueOf(result)
	if to.Kind() != reflect.Pointer || to.IsNil() {
		return invalid("the result goes into a variable: a pointer to it is wanted, not %T", result)
	}
	account, _ := ctx.Value(accountKey).(*Account)
	x := h.newExchange(account, false)
	begun := begin(x.token)
	if err := statusError(begun.status, begun.error); err != nil {
		h.slots.find(x.token, true)
		return err
	}
	x.id = begun.id
	event, err := x.next(ctx)
	if err != nil {
		return err
	}
	x.recycle()
	if event.err != nil {
		return event.err
	}
	d := decoder{in: event.raw, held: h.objects.held, inOrder: hasOrder(to.Type().Elem())}
	value, err := d.decode()
	if err != nil {
		return err
	}
	return assign(to.Elem(), value)
}

// hasOrder says whether objects are to keep the order of their properties.
func hasOrder(t reflect.Type) bool {
	for t != reflect.TypeFor[Object]() {
		if kind := t.Kind(); kind != reflect.Slice && kind != reflect.Array && kind != reflect.Pointer {
			return false
		}
		t = t.Elem()
	}
	return true
}
