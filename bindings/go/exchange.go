package nano

/*
#include "shim.h"
*/
import "C"

import (
	"context"
	"sync"
)

// An event of a request, taken out of NANO's memory.
type event struct {
	kind   uint32
	last   bool
	status int
	// head is how long the headers are in raw; what follows them is the body.
	head int
	raw  []byte
	err  *Error
}

// An exchange is a request or an invocation, from its beginning to its last event.
type exchange struct {
	hub   *hub
	id    C.nano_request
	token uint64
	// account, if somebody wants to know, is filled with the last event.
	account *Account

	mu        sync.Mutex
	queue     []event
	at        int
	abandoned bool
	// wake has room for one: there is something in the queue.
	wake chan struct{}
	// Of a request whose body streams, or that may become a WebSocket: room has room for one; ended is closed with the last event.
	room, ended chan struct{}
	// onEnd, if somebody set it, runs with the last event.
	onEnd func()
}

var exchanges = sync.Pool{New: func() any { return &exchange{wake: make(chan struct{}, 1)} }}

// newExchange gives an exchange that the hub knows by its token.
func (h *hub) newExchange(account *Account, streams bool) *exchange {
	x := exchanges.Get().(*exchange)
	x.hub, x.account = h, account
	if streams {
		x.room, x.ended = make(chan struct{}, 1), make(chan struct{})
	}
	x.token = h.slots.add(x)
	return x
}

// recycle takes back an exchange whose last event has been seen and that nobody else knows.
func (x *exchange) recycle() {
	if x.room != nil {
		return
	}
	select {
	case <-x.wake:
	default:
	}
	x.hub, x.account, x.id, x.token = nil, nil, 0, 0
	exchanges.Put(x)
}

// push is called by the hub's goroutine.
func (x *exchange) push(e event, account *C.nano_account) {
	x.mu.Lock()
	if !x.abandoned {
		if x.account != nil && account != nil && account.size != 0 {
			*x.account = accountOf(account)
		}
		x.queue = append(x.queue, e)
	}
	ended, onEnd := x.ended, x.onEnd
	if e.last && ended != nil {
		close(ended)
	}
	x.mu.Unlock()
	if e.last && onEnd != nil {
		go onEnd()
	}
	signal(x.wake)
}

// whenEnded has something done when the last event is here, also while nobody takes events. For exchanges that have ended.
func (x *exchange) whenEnded(do func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	select {
	case <-x.ended:
		go do()
	default:
		x.onEnd = do
	}
}

// isAbandoned says whether events of it are for nobody.
func (x *exchange) isAbandoned() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.abandoned
}

// poll gives the next event if it is there.
func (x *exchange) poll() (event, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.at == len(x.queue) {
		return event{}, false
	}
	e := x.queue[x.at]
	x.queue[x.at] = event{}
	if x.at++; x.at == len(x.queue) {
		x.queue, x.at = x.queue[:0], 0
	}
	return e, true
}

// next waits for an event; when the context ends first, the request does too.
func (x *exchange) next(ctx context.Context) (event, error) {
	for {
		if e, ok := x.poll(); ok {
			return e, nil
		}
		select {
		case <-x.wake:
		case <-ctx.Done():
			x.abandon()
			return event{}, canceled(ctx)
		}
	}
}

// abandon gives the request up: nobody hears of its events any more.
func (x *exchange) abandon() {
	x.mu.Lock()
	first := !x.abandoned
	x.abandoned, x.queue, x.at = true, nil, 0
	x.mu.Unlock()
	if first {
		x.hub.cancel(x.id)
	}
}

// breakOff gives a request up whose body streams, unless it has ended: an error is the last that is heard of it.
func (x *exchange) breakOff(err *Error) {
	x.mu.Lock()
	first := !x.abandoned
	select {
	case <-x.ended:
		first = false
	default:
	}
	if first {
		x.abandoned, x.queue, x.at = true, []event{{kind: C.NANO_EVENT_ERROR, last: true, err: err}}, 0
	}
	x.mu.Unlock()
	if first {
		x.hub.cancel(x.id)
		signal(x.wake)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// slots are the exchanges that go on, by their tokens: numbers, for C must not keep pointers of Go's.
type slots struct {
	mu   sync.Mutex
	all  []*exchange
	free []uint32
}

func (s *slots) add(x *exchange) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		index := s.free[n-1]
		s.free = s.free[:n-1]
		s.all[index] = x
		return uint64(index) + 1
	}
	s.all = append(s.all, x)
	return uint64(len(s.all))
}

// find gives the exchange of a token, and forgets it with its last event.
func (s *slots) find(token uint64, last bool) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token == 0 || token > uint64(len(s.all)) {
		return nil
	}
	x := s.all[token-1]
	if last && x != nil {
		s.all[token-1] = nil
		s.free = append(s.free, uint32(token-1))
	}
	return x
}

// remaining gives those that never got their last event, when none can come any more.
func (s *slots) remaining() []*exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []*exchange
	for _, x := range s.all {
		if x != nil {
			left = append(left, x)
		}
	}
	s.all, s.free = nil, nil
	return left
}
