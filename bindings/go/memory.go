package nano

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import "unsafe"

// text copies text of NANO's.
func text(b C.nano_bytes) string {
	return string(unsafe.Slice((*byte)(b.ptr), int(b.len)))
}

// bytesOf copies bytes of NANO's; nil if there are none.
func bytesOf(b C.nano_bytes) []byte {
	if b.len == 0 {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(b.ptr), int(b.len))...)
}

// ptr is where bytes begin, for a call that keeps nothing.
func ptr(b []byte) *C.uint8_t { return (*C.uint8_t)(unsafe.SliceData(b)) }

func ptrOf(s string) *C.uint8_t { return (*C.uint8_t)(unsafe.StringData(s)) }

// An arena is C memory for the options of one call, which point at one another.
type arena struct{ blocks []unsafe.Pointer }

func (a *arena) free() {
	for _, block := range a.blocks {
		C.free(block)
	}
}

func (a *arena) text(s string) C.nano_bytes {
	return a.bytes(unsafe.Slice(unsafe.StringData(s), len(s)))
}

func (a *arena) bytes(b []byte) C.nano_bytes {
	if len(b) == 0 {
		return C.nano_bytes{}
	}
	block := C.CBytes(b)
	a.blocks = append(a.blocks, block)
	return C.nano_bytes{ptr: (*C.uint8_t)(block), len: C.size_t(len(b))}
}

// arrayIn is zeroed C memory for n elements; nil for none.
func arrayIn[T any](a *arena, n int) []T {
	if n == 0 {
		return nil
	}
	var zero T
	block := C.calloc(C.size_t(n), C.size_t(unsafe.Sizeof(zero)))
	a.blocks = append(a.blocks, block)
	return unsafe.Slice((*T)(block), n)
}

func (a *arena) texts(list []string) (*C.nano_bytes, C.size_t) {
	array := arrayIn[C.nano_bytes](a, len(list))
	for i, s := range list {
		array[i] = a.text(s)
	}
	return unsafe.SliceData(array), C.size_t(len(list))
}
