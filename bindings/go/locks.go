package nano

import (
	"reflect"
	"slices"
	"sync"
)

// Locks are for Go alone: whoever holds one holds up the host, and an unlock too many ends the process.

var lockerType = reflect.TypeFor[sync.Locker]()

// What the methods of locks look like.
var lockMethods = map[string]reflect.Type{
	"Lock": reflect.TypeFor[func()](), "Unlock": reflect.TypeFor[func()](), "TryLock": reflect.TypeFor[func() bool](),
	"RLock": reflect.TypeFor[func()](), "RUnlock": reflect.TypeFor[func()](), "TryRLock": reflect.TypeFor[func() bool](),
	"RLocker": reflect.TypeFor[func() sync.Locker](),
}

// The names of methods that locksOf has found, by type.
var lockCache sync.Map

// isOfLock says whether a method of this type is not for apps, because of locksOf.
func isOfLock(t reflect.Type, name string) bool {
	known, ok := lockCache.Load(t)
	if !ok {
		known, _ = lockCache.LoadOrStore(t, locksOf(t))
	}
	return slices.Contains(known.([]string), name)
}

// locksOf gives the methods of a sync.Locker that are those of a lock, and what a type has of such a one that it embeds, or of anything of
// package sync: Wait of a sync.Cond unlocks, and Done of a sync.WaitGroup lets somebody go.
func locksOf(t reflect.Type) []string {
	embedded := withEmbedded(nil, t)
	var names []string
	for i := range t.NumMethod() {
		name := t.Method(i).Name
		signature := signatureOf(t, name)
		if slices.ContainsFunc(embedded, func(t reflect.Type) bool {
			return t.Implements(lockerType) && lockMethods[name] == signature || isOf(t, "sync") && signatureOf(t, name) == signature
		}) {
			names = append(names, name)
		}
	}
	return names
}

// withEmbedded adds a type and what it embeds, at any depth: interfaces, and pointers to everything else.
func withEmbedded(to []reflect.Type, t reflect.Type) []reflect.Type {
	if kind := t.Kind(); kind != reflect.Interface && kind != reflect.Pointer {
		t = reflect.PointerTo(t)
	}
	if slices.Contains(to, t) {
		return to
	}
	to = append(to, t)
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		for i := range t.Elem().NumField() {
			if field := t.Elem().Field(i); field.Anonymous {
				to = withEmbedded(to, field.Type)
			}
		}
	}
	return to
}

// signatureOf is the type of a method without its receiver; nil if there is none of this name.
func signatureOf(t reflect.Type, name string) reflect.Type {
	method, ok := t.MethodByName(name)
	if !ok || t.Kind() == reflect.Interface {
		return method.Type
	}
	return reflect.Zero(t).Method(method.Index).Type()
}

// isOf says whether a type, or what it points to, is of one of these packages.
func isOf(t reflect.Type, packages ...string) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return slices.Contains(packages, t.PkgPath())
}

// holdsLock says whether who sets a variable of this type sets a lock, or anything else that is there for goroutines to agree by: the
// variable itself, or what it consists of. What pointers lead to is not part of it, but where that is of package sync.
func holdsLock(t reflect.Type, outer ...reflect.Type) bool {
	if slices.Contains(outer, t) {
		return false
	}
	outer = append(slices.Clip(outer), t)
	switch t.Kind() {
	case reflect.Interface:
		return t.Implements(lockerType)
	case reflect.Pointer:
		return isOf(t, "sync", "sync/atomic")
	case reflect.Array, reflect.Slice, reflect.Map:
		if holdsLock(t.Elem(), outer...) {
			return true
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsLock(t.Field(i).Type, outer...) {
				return true
			}
		}
	}
	return isOf(t, "sync", "sync/atomic") || reflect.PointerTo(t).Implements(lockerType)
}
