package nano_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Kinds of frames.
const (
	textFrame   = 1
	binaryFrame = 2
	closeFrame  = 8
)

// A wire is a client's side of a WebSocket.
type wire struct {
	t      *testing.T
	stream io.ReadWriteCloser
	in     *bufio.Reader
}

// handshake is a request for a WebSocket.
func handshake(t *testing.T, url string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	must(t, err)
	request.Header = http.Header{
		"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"WebSocket"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	return request
}

// dial opens a WebSocket, and gives the head of the response too.
func dial(t *testing.T, asked http.RoundTripper, request *http.Request) (*wire, http.Header) {
	t.Helper()
	response, err := asked.RoundTrip(request)
	must(t, err)
	if response.StatusCode != 101 {
		status, body := read(t, response)
		t.Fatal(status, body)
	}
	stream, ok := response.Body.(io.ReadWriteCloser)
	if !ok {
		t.Fatalf("nobody can write to a %T", response.Body)
	}
	t.Cleanup(func() { stream.Close() })
	if accept := response.Header.Get("Sec-Websocket-Accept"); accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error("accepted with", accept)
	}
	return &wire{t, stream, bufio.NewReader(stream)}, response.Header
}

// frame is one of a client's, masked.
func frame(kind byte, payload []byte) []byte {
	mask := [4]byte{1, 2, 3, 4}
	bytes := []byte{0x80 | kind, 0x80 | 127}
	switch {
	case len(payload) < 126:
		bytes[1] = 0x80 | byte(len(payload))
	case len(payload) < 1<<16:
		bytes[1] = 0x80 | 126
		bytes = binary.BigEndian.AppendUint16(bytes, uint16(len(payload)))
	default:
		bytes = binary.BigEndian.AppendUint64(bytes, uint64(len(payload)))
	}
	bytes = append(bytes, mask[:]...)
	for at, value := range payload {
		bytes = append(bytes, value^mask[at%4])
	}
	return bytes
}

func (w *wire) send(kind byte, payload string) {
	w.t.Helper()
	_, err := w.stream.Write(frame(kind, []byte(payload)))
	must(w.t, err)
}

func (w *wire) sendClose(code uint16, reason string) {
	w.t.Helper()
	w.send(closeFrame, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// next gives a message or a close frame.
func (w *wire) next() (kind byte, payload string) {
	w.t.Helper()
	var message strings.Builder
	for {
		var head [2]byte
		_, err := io.ReadFull(w.in, head[:])
		must(w.t, err)
		length := uint64(head[1])
		switch length {
		case 126:
			var more [2]byte
			_, err = io.ReadFull(w.in, more[:])
			length = uint64(binary.BigEndian.Uint16(more[:]))
		case 127:
			var more [8]byte
			_, err = io.ReadFull(w.in, more[:])
			length = binary.BigEndian.Uint64(more[:])
		}
		must(w.t, err)
		_, err = io.CopyN(&message, w.in, int64(length))
		must(w.t, err)
		if head[0]&0x0f != 0 {
			kind = head[0] & 0x0f
		}
		if head[0]&0x80 != 0 {
			return kind, message.String()
		}
	}
}

// expect takes a message that is known.
func (w *wire) expect(kind byte, payload string) {
	w.t.Helper()
	if gotKind, got := w.next(); gotKind != kind || got != payload {
		w.t.Errorf("got a frame of kind %d and %d bytes (%.80q), want one of kind %d and %d bytes", gotKind, len(got), got, kind, len(payload))
	}
}

// expectClose takes the last word.
func (w *wire) expectClose(code uint16, reason string) {
	w.t.Helper()
	w.expect(closeFrame, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// expectEnd takes the end of the connection.
func (w *wire) expectEnd() {
	w.t.Helper()
	if rest, err := io.ReadAll(w.in); err != nil || len(rest) > 0 {
		w.t.Errorf("it ends with %q, %v", rest, err)
	}
}
