package nano

/*
#include "shim.h"
*/
import "C"

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// When a WebSocket has ended, its client has so long to take the last words, and to close its side.
const lastWords = 10 * time.Second

// asksForWebSocket says whether a WebSocket may be the answer.
func asksForWebSocket(r *http.Request) bool {
	isGet := r.Method == http.MethodGet || r.Method == ""
	return isGet && lists(r.Header, "Connection", "upgrade") && lists(r.Header, "Upgrade", "websocket")
}

func lists(headers http.Header, name, token string) bool {
	for _, value := range headers[name] {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// canHijack says what http.ResponseController's Hijack would find, and leaves the connection where it is.
func canHijack(w http.ResponseWriter) bool {
	for {
		switch writer := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = writer.Unwrap()
		default:
			return false
		}
	}
}

// A relay carries a WebSocket between its client's connection and the app.
type relay struct {
	*exchange
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	// Runs once the client is found to be gone: the request ends then, also if the app takes no notice.
	isGone    sync.Once
	giveUp    *time.Timer
	isGivenUp atomic.Bool
}

// relay takes the connection, and returns when the WebSocket is over.
func (a *App) relay(w http.ResponseWriter, control *http.ResponseController, r *http.Request, x *exchange, head []byte) {
	// The app, and with it its runtime, lives as long as its WebSockets.
	defer runtime.KeepAlive(a)
	conn, buffers, err := control.Hijack()
	if err != nil {
		x.abandon()
		failed := codeError(ErrUnsupported, "the app answered with a WebSocket, and the connection cannot be taken from its server: %v", err)
		failed.HTTPStatus = http.StatusNotImplemented
		a.report(r, failed)
		Problem(w, failed)
		return
	}
	defer conn.Close()
	// Those of the server are for requests.
	_ = conn.SetDeadline(time.Time{})
	ctx := r.Context()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	// Who does not read holds up nobody for good.
	x.whenEnded(func() { _ = conn.SetDeadline(time.Now().Add(x.hub.lastWords)) })
	c := relay{exchange: x, conn: conn, in: buffers.Reader, out: buffers.Writer}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.listen()
	}()
	if err := c.speak(ctx, head); err != nil {
		a.report(r, err)
	}
	// What the client has sent by now is read: a connection that is closed before that is reset, and takes the last words along.
	if half, ok := conn.(interface{ CloseWrite() error }); !ok || ctx.Err() != nil || half.CloseWrite() != nil {
		conn.Close()
	}
	<-read
	if c.giveUp != nil {
		c.giveUp.Stop()
	}
}

// gone gives the app a while to end the request, as it does when it reads that the client is gone.
func (c *relay) gone() {
	c.isGone.Do(func() {
		c.giveUp = time.AfterFunc(c.hub.lastWords, func() {
			c.isGivenUp.Store(true)
			c.hub.cancel(c.id)
		})
	})
}

// listen hands over what the client sends, as the app takes it. It keeps no memory but the reader's: most WebSockets wait most of the time.
func (c *relay) listen() {
	isTaken := c.hand()
	// What comes by net/http's own reader ends the request's context when it ends: before the app has had it.
	c.in.Reset(c.conn)
	for isTaken {
		if _, err := c.in.Peek(1); err != nil {
			// Whether it has said goodbye is in what the app has got.
			C.nano_request_end(c.hub.ptr, c.id)
			runtime.KeepAlive(c.hub)
			c.gone()
			return
		}
		isTaken = c.hand()
	}
	_, _ = io.Copy(io.Discard, c.in)
}

// hand gives the app what has been read; false if it takes no more.
func (c *relay) hand() bool {
	piece, _ := c.in.Peek(c.in.Buffered())
	taken := c.write(piece)
	_, _ = c.in.Discard(len(piece))
	return taken == len(piece)
}

// speak writes the head, and what the app sends, until its end. The app may send on as much as has been written.
func (c *relay) speak(ctx context.Context, head []byte) error {
	// What fails to be written fails for good, and Flush says so.
	_, _ = c.out.Write(head)
	broken, credit := false, 0
	for {
		e, ready := c.poll()
		if !ready {
			if err := c.out.Flush(); err != nil && !broken {
				broken = true
				// The client is gone, perhaps after a last word that is still to be read.
				_ = c.conn.SetReadDeadline(time.Now().Add(c.hub.lastWords))
				c.gone()
			}
			if credit > 0 {
				c.hub.credit(c.id, credit)
				credit = 0
			}
			var err error
			if e, err = c.next(ctx); err != nil {
				return err
			}
		}
		switch e.kind {
		case C.NANO_EVENT_CHUNK:
			credit += len(e.raw)
			_, _ = c.out.Write(e.raw)
		case C.NANO_EVENT_ERROR:
			_ = c.out.Flush()
			if e.err.Code == ErrCanceled && c.isGivenUp.Load() {
				// That a client went away is no error.
				return nil
			}
			return e.err
		default:
			_ = c.out.Flush()
			return nil
		}
	}
}

// switchHead is the head of a response that switches protocols, as it is sent: with the headers that NANO gives, and no others.
func switchHead(raw []byte) []byte {
	count := int(binary.NativeEndian.Uint32(raw))
	lens, all := raw[8:], raw[8+8*count:]
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	for i := range count {
		n, v := binary.NativeEndian.Uint32(lens[8*i:]), binary.NativeEndian.Uint32(lens[8*i+4:])
		b.Write(all[:n])
		b.WriteString(": ")
		b.Write(all[n : n+v])
		b.WriteString("\r\n")
		all = all[n+v:]
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// A tunnel is the body of a response that is a WebSocket: what is written goes to the app.
type tunnel struct {
	*body
	writing sync.Mutex
}

func newTunnel(ctx context.Context, app *App, x *exchange) *tunnel {
	// As net/http has it the connection is its owner's now, and the context was that of the handshake.
	return &tunnel{body: newBody(context.WithoutCancel(ctx), app, x)}
}

// Write waits until the app has room for all of it.
func (t *tunnel) Write(p []byte) (int, error) {
	t.writing.Lock()
	defer t.writing.Unlock()
	n := t.x.write(p)
	runtime.KeepAlive(t)
	if n < len(p) {
		return n, io.ErrClosedPipe
	}
	return n, nil
}

// CloseWrite ends what goes to the app, and no more.
func (t *tunnel) CloseWrite() error {
	C.nano_request_end(t.x.hub.ptr, t.x.id)
	runtime.KeepAlive(t)
	return nil
}
