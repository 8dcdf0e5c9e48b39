#!/usr/bin/env python3
"""Clients that send anything, well-formed or not quite, in pieces of any size, and go at any moment. No thread fails at that, and nothing stays."""

import random
import struct

import http2
from harness import Host, check, connect, is_long, reset, run, until_closed

CLIENTS = 20_000 if is_long() else 1_500
UPLOAD_BYTES = 100_000
PATHS = [b"/", b"/big?n=100000", b"/stream?n=100000", b"/pass", b"/begin", b"/cancel", b"/throw", b"/socket"]
METHODS = [b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS"]
HOST = b"Host: a\r\n"
UPGRADE = (b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


def times(dice: random.Random, most: int, make) -> bytes:
    return b"".join(make(dice) for _ in range(dice.randint(0, most)))


def chunk(dice: random.Random) -> bytes:
    size = dice.choice([1, 10, 1_000, 4_096, 10_000, 16_384, 65_536])
    return b"%x\r\n%s\r\n" % (size, b"x" * size)


def message(dice: random.Random) -> bytes:
    """A frame of a WebSocket, whatever its opcode."""
    size = dice.choice([0, 1, 125, 126, 1_000, 65_535, 65_536, 70_000])
    head = bytes([dice.choice([0x80, 0x80, 0]) | dice.choice([0, 1, 1, 2, 2, 3, 8, 9, 10, 0x41])])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += b"\xfe" + struct.pack(">H", size)
    else:
        head += b"\xff" + struct.pack(">Q", size)
    return head + bytes(4) + b"x" * size


def request(dice: random.Random) -> bytes:
    line = b"%s %s HTTP/1." % (dice.choice(METHODS), dice.choice(PATHS))
    kind = dice.random()
    if kind < 0.4:
        expect = dice.choice([b"", b"", b"Expect: 100-continue\r\n"])
        end = dice.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b""])
        return line + b"1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n" + expect + b"\r\n" + times(dice, 12, chunk) + end
    if kind < 0.7:
        size = dice.choice([0, 1, 1_000, 65_535, 65_536, 65_537, UPLOAD_BYTES, UPLOAD_BYTES + 1])
        sent = max(0, size + dice.choice([0, 0, 0, -1, 5]))
        return line + b"1\r\n%sContent-Length: %d\r\n\r\n%s" % (HOST, size, b"y" * sent)
    if kind < 0.8:
        return b"GET /socket HTTP/1.1\r\n" + HOST + UPGRADE + dice.choice([b"", DEFLATE]) + b"\r\n" + times(dice, 10, message)
    return line + dice.choice([b"0\r\n", b"1\r\nConnection: close\r\n"]) + HOST + b"\r\n"


def setting(dice: random.Random) -> bytes:
    return struct.pack(">HI", dice.randint(1, 8), dice.choice([0, 1, 100, 16_384, 65_535, http2.WINDOW_MAX]))


def frames(dice: random.Random) -> bytes:
    """A connection of HTTP/2."""
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2.frame(http2.SETTINGS, 0, 0, times(dice, 4, setting))
    stream = 1
    for _ in range(dice.randint(1, 20)):
        kind = dice.random()
        if kind < 0.5:
            path = dice.choice(PATHS)
            head = dice.choice([b"\x82", b"\x83"]) + b"\x86\x04" + bytes([len(path)]) + path + b"\x01\x01a"
            is_last = dice.choice([0, http2.END_STREAM])
            sent += http2.frame(http2.HEADERS, http2.END_HEADERS | is_last, stream, head)
            for _ in range(0 if is_last else dice.randint(0, 8)):
                sent += http2.frame(http2.DATA, dice.choice([0, 0, http2.END_STREAM, 8]), stream, bytes(dice.choice([0, 1, 1_000, 16_383])))
            stream += 2
        elif kind < 0.6:
            window = struct.pack(">I", dice.choice([0, 1, 65_535, http2.WINDOW_MAX]))
            sent += http2.frame(http2.WINDOW_UPDATE, 0, dice.choice([0, 1, stream]), window)
        elif kind < 0.7:
            sent += http2.frame(http2.RST_STREAM, 0, max(1, stream - 2), struct.pack(">I", 8))
        else:
            payload = dice.randbytes(dice.choice([0, 1, 4, 5, 8, 20]))
            sent += http2.frame(dice.randint(0, 12), dice.randint(0, 255), dice.choice([0, 1, stream]), payload)
    return sent


def spoilt(dice: random.Random, sent: bytes) -> bytes:
    if dice.random() > 0.3 or not sent:
        return sent
    spoilt = bytearray(sent)
    for _ in range(dice.randint(1, 5)):
        spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
    return bytes(spoilt)


def talk(dice: random.Random, port: int):
    """One client, and its connection if that stays open for a while."""
    stream = connect(port, 0.02)
    sent = spoilt(dice, frames(dice) if dice.random() < 0.35 else request(dice) + times(dice, 3, request))
    try:
        at = 0
        while at < len(sent) and dice.random() > 0.03:
            size = dice.choice([1, 3, 100, 5_000, 20_000, len(sent)])
            stream.sendall(sent[at : at + size])
            at += size
        for _ in range(dice.randint(0, 3)):
            stream.recv(dice.choice([1, 100, 65_536]))
    except OSError:
        pass
    if dice.random() < 0.3:
        reset(stream)
        return None
    return stream


def whatever_clients_send_no_thread_fails() -> str:
    seed = random.randrange(1 << 32) if is_long() else 1
    dice, kept = random.Random(seed), []
    with Host(upload_bytes=UPLOAD_BYTES) as host:
        for _ in range(CLIENTS):
            stream = talk(dice, host.port)
            if stream is not None:
                kept.append(stream)
            if len(kept) > dice.randint(1, 60):
                kept.pop(dice.randrange(len(kept))).close()
        for stream in kept:
            stream.close()
        with connect(host.port) as stream:
            stream.sendall(b"GET / HTTP/1.1\r\nHost: healthy.test\r\nConnection: close\r\n\r\n")
            check(until_closed(stream).endswith(b"hello"), f"others are served (seed {seed})")
        host.settles(connections=0, in_flight=0, waiting_bytes=0)
        check(host.stop() == 0, f"nothing had to be cut off (seed {seed})")
    return f"{CLIENTS} clients, seed {seed}"


if __name__ == "__main__":
    run("anything", whatever_clients_send_no_thread_fails)
