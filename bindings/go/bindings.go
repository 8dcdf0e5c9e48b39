package nano

/*
#include "shim.h"
*/
import "C"

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// A Service is another app of the runtime as a binding: env.NAME.fetch(request), env.NAME.method(...). It need not be loaded before it is
// called. An *App will do as well.
type Service struct {
	// App is its name.
	App string
	// Entrypoint is the export that answers, if it is not the default one.
	Entrypoint string
}

// A Queue is the name of a queue of the runtime's, as a binding: env.NAME.send(value), env.NAME.sendBatch(messages).
type Queue string

// A Class is a binding of which apps make objects: new env.NAME(...). These are Go's, and stay with it: apps call their exported methods
// and read and write their exported fields, all by names with the first letter in lower case, until the last reference is given back.
//
// Calls run at the same time, as those of a server do. A type with fields for apps has to be a sync.Locker (it embeds a sync.Mutex, say):
// they are read and written under its lock, which whatever else uses them takes as well. The lock is not for apps, nor is a field that is
// a lock or holds one.
type Class struct {
	// New is a function that makes an object: its first result is a pointer, its second may be an error.
	New any
	// Of is a nil pointer of the objects' type, for a class of which apps cannot make objects, but get those that calls return.
	Of any
	// Release, if it is there, is called with an object that no app holds any more.
	Release func(object any)
}

// Names that JavaScript does things with by itself.
var never = []string{"constructor", "then", "toJSON", "__proto__"}

// A bound is one entry of env.
type bound struct {
	kind    C.uint32_t
	name    string
	service Service
	// Of a function and of a class's New.
	function function
	// Of an object.
	object reflect.Value
	// Of a class.
	class   Class
	of      reflect.Type
	methods []string
	fields  map[string][]int
	// Of a variable.
	json string
}

// A bindingTable is what one version of an app finds in env besides text.
type bindingTable struct {
	entries map[string]*bound
	classes map[reflect.Type]*bound
}

func newTable(bindings map[string]any, h *hub) (*bindingTable, error) {
	t := &bindingTable{entries: map[string]*bound{}, classes: map[reflect.Type]*bound{}}
	for name, value := range bindings {
		if app, ok := value.(*App); ok {
			if err := app.isOf(h, "the binding "+name); err != nil {
				return nil, err
			}
		}
		b, err := bind(name, value)
		if err != nil {
			return nil, err
		}
		t.entries[name] = b
		if b.of != nil {
			t.classes[b.of] = b
		}
	}
	return t, nil
}

// keep has a version of an app answered by these bindings, from before it is loaded until NANO says that it has ended.
func (h *hub) keep(o *C.nano_app_options, table *bindingTable) {
	version := h.lastVersion.Add(1)
	h.versions.Store(version, table)
	// A number: Go must not take it for a pointer.
	*(*uint64)(unsafe.Pointer(&o.user_data)) = version
}

func bind(name string, value any) (*bound, error) {
	b := &bound{name: name}
	switch value := value.(type) {
	case nil:
		return nil, invalid("the binding %s is nil", name)
	case Service:
		b.kind, b.service = C.NANO_BINDING_APP, value
		return b, nil
	case *App:
		b.kind, b.service = C.NANO_BINDING_APP, Service{App: value.name}
		return b, nil
	case Queue:
		b.kind, b.service = C.NANO_BINDING_QUEUE, Service{App: string(value)}
		return b, nil
	case Class:
		return b, b.bindClass(value)
	case http.Handler, http.RoundTripper:
		b.kind, b.object = C.NANO_BINDING_OBJECT, reflect.ValueOf(value)
		return b, nil
	}
	b.object = reflect.ValueOf(value)
	switch kind := b.object.Kind(); {
	case kind == reflect.Func:
		b.kind = C.NANO_BINDING_FUNCTION
		var err error
		b.function, err = functionOf(b.object)
		if err != nil {
			return nil, invalid("the binding %s: %v", name, err)
		}
	case b.object.NumMethod() > 0:
		b.kind = C.NANO_BINDING_OBJECT
		for i := range b.object.NumMethod() {
			method := b.object.Type().Method(i).Name
			if _, err := functionOf(b.object.Method(i)); err != nil && !isOfLock(b.object.Type(), method) {
				return nil, invalid("the method %s of the binding %s: %v", method, name, err)
			}
		}
	case kind == reflect.String:
		return nil, invalid("the binding %s is a %T: text belongs in Env", name, value)
	default:
		text, err := json.Marshal(value)
		if err == nil {
			err = exact(text)
		}
		if err != nil {
			return nil, invalid("the binding %s is neither a function, something with methods, a Class, a Service or a Queue, nor what JSON has: %v", name, err)
		}
		b.kind, b.json = C.NANO_BINDING_JSON, string(text)
	}
	return b, nil
}

// exact refuses JSON with an integer that JavaScript's numbers would round.
func exact(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		number, ok := token.(json.Number)
		if !ok || strings.ContainsAny(number.String(), ".eE") {
			continue
		}
		if float, err := number.Float64(); err != nil || strconv.FormatFloat(float, 'f', -1, 64) != number.String() {
			return fmt.Errorf("%s has more digits than JavaScript's numbers hold", number)
		}
	}
}

func (b *bound) bindClass(class Class) error {
	b.kind, b.class = C.NANO_BINDING_CLASS, class
	switch {
	case (class.New == nil) == (class.Of == nil):
		return invalid("the class %s has either New or Of", b.name)
	case class.Of != nil:
		b.of = reflect.TypeOf(class.Of)
	default:
		make := reflect.ValueOf(class.New)
		if make.Kind() != reflect.Func || make.Type().NumOut() == 0 {
			return invalid("the New of the class %s is no function that returns an object", b.name)
		}
		var err error
		if b.function, err = functionOf(make); err != nil {
			return invalid("the New of the class %s: %v", b.name, err)
		}
		b.of = make.Type().Out(0)
	}
	if b.of.Kind() != reflect.Pointer {
		return invalid("the objects of the class %s are of the type %v, which is no pointer", b.name, b.of)
	}
	for i := range b.of.NumMethod() {
		method := b.of.Method(i).Name
		if name := jsName(method); !isOfLock(b.of, method) && !slices.Contains(never, name) {
			b.methods = append(b.methods, name)
		}
	}
	return b.bindFields()
}

// bindFields finds the fields of a class. They are shared by apps and the host, which both need the lock that only the host's type can have.
func (b *bound) bindFields() error {
	b.fields = map[string][]int{}
	of := b.of.Elem()
	if of.Kind() != reflect.Struct {
		return nil
	}
	for _, field := range fieldsOf(of) {
		isHidden := slices.Contains(never, field.name) || slices.Contains(b.methods, field.name)
		if isHidden || holdsLock(of.FieldByIndex(field.index).Type) {
			continue
		}
		if !b.of.Implements(lockerType) {
			return invalid("the class %s has the property %s, which apps read and write at any time: make %v a sync.Locker (embed a sync.Mutex, which "+
				"its methods lock as well), or hide the field by the tag nano:\"-\"", b.name, field.name, b.of)
		}
		b.fields[field.name] = field.index
	}
	return nil
}

func (t *bindingTable) describe(a *arena) (*C.nano_binding, C.size_t) {
	array := arrayIn[C.nano_binding](a, len(t.entries))
	i := 0
	for name, b := range t.entries {
		c := &array[i]
		i++
		c.name, c.kind = a.text(name), b.kind
		c.app, c.entrypoint = a.text(b.service.App+b.json), a.text(b.service.Entrypoint)
		if b.class.Of != nil {
			c.flags = C.NANO_CLASS_NOT_CONSTRUCTIBLE
		}
		c.methods, c.methods_count = a.texts(b.methods)
		properties := make([]string, 0, len(b.fields))
		for name := range b.fields {
			properties = append(properties, name)
		}
		c.properties, c.properties_count = a.texts(properties)
	}
	return unsafe.SliceData(array), C.size_t(len(array))
}

var contextType = reflect.TypeFor[context.Context]()

// A function is one of Go's that apps call, looked at once.
type function struct {
	value       reflect.Value
	takesCtx    bool
	returnsErr  bool
	returnsSome bool
}

func functionOf(value reflect.Value) (function, error) {
	f, t := function{value: value}, value.Type()
	if value.IsNil() {
		return f, invalid("the function is nil")
	}
	f.takesCtx = t.NumIn() > 0 && t.In(0) == contextType
	switch n := t.NumOut(); {
	case n == 0:
	case n == 1:
		f.returnsErr = t.Out(0) == errorType
		f.returnsSome = !f.returnsErr
	case n == 2 && t.Out(1) == errorType:
		f.returnsErr, f.returnsSome = true, true
	default:
		return f, invalid("it may return a value, an error, or both in this order")
	}
	return f, nil
}

// call calls it with arguments of JavaScript's: those that are missing are zero values, as undefined is.
func (f function) call(ctx context.Context, args []any) (any, error) {
	t := f.value.Type()
	in := make([]reflect.Value, 0, t.NumIn())
	if f.takesCtx {
		in = append(in, reflect.ValueOf(ctx))
	}
	fixed := t.NumIn() - len(in)
	if t.IsVariadic() {
		fixed--
	} else if len(args) > fixed {
		return nil, invalid("it takes %d arguments, and got %d", fixed, len(args))
	}
	for i := range max(fixed, len(args)) {
		var to reflect.Value
		if i < fixed {
			to = reflect.New(t.In(len(in))).Elem()
		} else {
			to = reflect.New(t.In(t.NumIn() - 1).Elem()).Elem()
		}
		if i < len(args) {
			if err := assign(to, args[i]); err != nil {
				return nil, err
			}
		}
		in = append(in, to)
	}
	out := f.value.Call(in)
	if f.returnsErr {
		if err, _ := out[len(out)-1].Interface().(error); err != nil {
			return nil, err
		}
	}
	if !f.returnsSome {
		return Undefined, nil
	}
	return out[0].Interface(), nil
}
