"""A client of HTTP/2 without TLS that knows of each of its requests what became of it, which a load generator does not tell."""

import struct
import threading

from harness import check, connect

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM = ACK = 1
END_HEADERS = 4
WINDOW_MAX = 2**31 - 1
# ":status: 200" of the static table; before it the size of the dynamic table may be changed.
STATUS_200 = 0x88


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Http2Client(threading.Thread):
    """Has so many requests under way until it is told that the connection ends, and then those answered that count."""

    def __init__(self, port: int, path: bytes, streams: int) -> None:
        super().__init__()
        self.port, self.path, self.streams = port, path, streams
        self.answers, self.failed = 0, None
        self.open: set[int] = set()
        self.next, self.last = 1, None

    def run(self) -> None:
        try:
            with connect(self.port) as stream, stream.makefile("rb") as file:
                window = struct.pack(">HI", 4, WINDOW_MAX)
                stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, window)
                               + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", WINDOW_MAX - 65535)))
                for _ in range(self.streams):
                    self.ask(stream)
                while self.open or self.last is None:
                    self.hear(stream, *self.read(file))
        except Exception as failure:  # noqa: BLE001: it is told where the test can fail
            self.failed = f"HTTP/2 {self.path!r} after {self.answers}, {sorted(self.open)} open, {self.last} the last: {failure!r}"

    def ask(self, stream) -> None:
        # GET, http, and the path and the authority as they are.
        block = b"\x82\x86\x04" + bytes([len(self.path)]) + self.path + b"\x41\x01a"
        stream.sendall(frame(HEADERS, END_HEADERS | END_STREAM, self.next, block))
        self.open.add(self.next)
        self.next += 2

    def read(self, file) -> tuple[int, int, int, bytes]:
        head = file.read(9)
        check(len(head) == 9, "the connection ended")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        length = int.from_bytes(head[:3], "big")
        payload = file.read(length)
        check(len(payload) == length, "the connection ended within a frame")
        return kind, flags, stream, payload

    def hear(self, stream, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind == HEADERS:
            status = next(byte for byte in payload if byte & 0xE0 != 0x20)
            check(status == STATUS_200, f"a response that begins with {payload[:8]!r}")
        check(kind != RST_STREAM, f"the request {number} is reset: {payload!r}")
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.open.remove(number)
            self.answers += 1
            if self.last is None:
                self.ask(stream)
        elif kind == GOAWAY:
            # What came after the last one nobody has looked at, and it may be sent again elsewhere.
            self.last = struct.unpack(">I", payload[:4])[0]
            self.open = {asked for asked in self.open if asked <= self.last}
        elif kind in (SETTINGS, PING) and not flags & ACK:
            stream.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
