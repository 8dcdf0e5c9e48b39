package nano

/*
#include "shim.h"
*/
import "C"

import (
	"encoding/binary"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"sync"
	"unsafe"
)

// packHead copies the head and the body of a response into one piece of memory: the lengths of names and values, these themselves, the
// reason phrase last among them, then the body. It gives where the body begins.
func packHead(r *C.nano_go_record) (raw []byte, head int) {
	headers := unsafe.Slice(r.headers, int(r.headers_count))
	head = 8 + 8*len(headers) + int(r.more.len)
	for i := range headers {
		head += int(headers[i].name.len + headers[i].value.len)
	}
	raw = make([]byte, head+int(r.text.len))
	binary.NativeEndian.PutUint32(raw, uint32(len(headers)))
	binary.NativeEndian.PutUint32(raw[4:], uint32(r.more.len))
	lens, to := raw[8:], raw[8+8*len(headers):]
	put := func(b C.nano_bytes) { to = to[copy(to, unsafe.Slice((*byte)(b.ptr), int(b.len))):] }
	for i := range headers {
		binary.NativeEndian.PutUint32(lens[8*i:], uint32(headers[i].name.len))
		binary.NativeEndian.PutUint32(lens[8*i+4:], uint32(headers[i].value.len))
		put(headers[i].name)
		put(headers[i].value)
	}
	put(r.more)
	put(r.text)
	return raw, head
}

// unpackHead adds the headers of a response but those of these names, and gives its reason phrase.
func unpackHead(raw []byte, into http.Header, without []string) (statusText string) {
	count := int(binary.NativeEndian.Uint32(raw))
	lens := raw[8:]
	all := string(raw[8+8*count:])
	for i := range count {
		n, v := binary.NativeEndian.Uint32(lens[8*i:]), binary.NativeEndian.Uint32(lens[8*i+4:])
		if name := textproto.CanonicalMIMEHeaderKey(all[:n]); !slices.Contains(without, name) {
			into[name] = append(into[name], all[n:n+v])
		}
		all = all[n+v:]
	}
	return all[:binary.NativeEndian.Uint32(raw[4:])]
}

// lengthOf is how long the body of an answer is; negative if nobody knows yet. NANO says it of what is streamed, and keeps the app to it.
func lengthOf(r *http.Request, e event, headers http.Header) int64 {
	if r.Method != http.MethodHead && (e.last || !bodyAllowed(e.status)) {
		return int64(len(e.raw) - e.head)
	}
	if length, err := strconv.ParseUint(headers.Get("Content-Length"), 10, 63); err == nil {
		return int64(length)
	}
	return -1
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// A packer lays out texts for one call into C. What it gives is valid until it is put back.
type packer struct {
	text []byte
	lens []C.uint32_t
}

var packers = sync.Pool{New: func() any { return new(packer) }}

func newPacker() *packer {
	p := packers.Get().(*packer)
	p.text, p.lens = p.text[:0], p.lens[:0]
	return p
}

func (p *packer) put() {
	// One request with much to say does not keep its memory for good.
	if cap(p.text) <= 64<<10 {
		packers.Put(p)
	}
}

func (p *packer) add(s string) {
	p.text = append(p.text, s...)
	p.lens = append(p.lens, C.uint32_t(len(s)))
}

func (p *packer) header(name, value string) (count int) {
	p.add(name)
	p.add(value)
	return 1
}

func (p *packer) headers(headers http.Header, without []string) (count int) {
	for name, values := range headers {
		if slices.Contains(without, name) {
			continue
		}
		for _, value := range values {
			count += p.header(name, value)
		}
	}
	return count
}
