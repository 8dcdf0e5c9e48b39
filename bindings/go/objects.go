package nano

import (
	"log/slog"
	"reflect"
	"sync"
)

// objects are Go's that apps hold, by the numbers that apps know them by.
type objects struct {
	mu      sync.Mutex
	next    uint64
	numbers map[any]uint64
	all     map[uint64]*heldObject
}

type heldObject struct {
	value any
	class string
	// Closed when the last property that an app has set is set.
	set chan struct{}
	// How often it has been given and not been given back.
	count   int
	release func(object any)
	// For who reads or writes its fields, until it is released.
	fields     sync.Mutex
	isReleased bool
}

// withFields has the object's fields to itself: what else takes the object's lock waits, and so do other calls of apps, whatever that lock
// does. What is released is left alone, also by calls that were canceled.
func (o *heldObject) withFields(do func(object reflect.Value) error) error {
	o.fields.Lock()
	defer o.fields.Unlock()
	if o.isReleased {
		return codeError(ErrNotFound, "the object of the class %s has been released", o.class)
	}
	locker := o.value.(sync.Locker)
	locker.Lock()
	defer locker.Unlock()
	return do(reflect.ValueOf(o.value).Elem())
}

// give gives an object to an app, once more.
func (o *objects) give(value any, class *bound) uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.numbers, o.all = map[any]uint64{}, map[uint64]*heldObject{}
	}
	// What has no size has no place of its own: pointers to it do not tell which of them it is.
	isSized := reflect.TypeOf(value).Elem().Size() > 0
	number, known := o.numbers[value]
	if !known {
		o.next++
		number = o.next
		if isSized {
			o.numbers[value] = number
		}
		o.all[number] = &heldObject{value: value, class: class.name, release: class.class.Release}
	}
	o.all[number].count++
	return number
}

// find gives the object that an app names.
func (o *objects) find(class string, number uint64) (*heldObject, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if object := o.all[number]; object != nil {
		return object, nil
	}
	return nil, codeError(ErrNotFound, "no app holds an object %d of the class %s", number, class)
}

// held is the same as the host knows it.
func (o *objects) held(class string, number uint64) (any, error) {
	object, err := o.find(class, number)
	if err != nil {
		return nil, err
	}
	return object.value, nil
}

// following gives what a call on an object has to wait for: apps set properties without waiting, and find them set by what they call
// next. set is what later calls wait for, if this one sets.
func (o *objects) following(number uint64, set chan struct{}) (after chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	object := o.all[number]
	if object == nil {
		return nil
	}
	after = object.set
	if set != nil {
		object.set = set
	}
	return after
}

// takeBack ends one giving. A release that panics is told to the log: nobody waits for it.
func (o *objects) takeBack(number uint64, log *slog.Logger) {
	o.mu.Lock()
	object := o.all[number]
	if object == nil {
		o.mu.Unlock()
		return
	}
	object.count--
	last := object.count == 0
	if last {
		delete(o.all, number)
		delete(o.numbers, object.value)
	}
	o.mu.Unlock()
	if last && object.release != nil {
		go func() {
			defer func() {
				if reason := recover(); reason != nil {
					_ = panicked(log, "the release of an object of the class "+object.class, reason)
				}
			}()
			object.fields.Lock()
			object.isReleased = true
			object.fields.Unlock()
			object.release(object.value)
		}()
	}
}
