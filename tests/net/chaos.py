#!/usr/bin/env python3
"""Clients that go, stop and send at every moment there is. Afterwards the server has no connection, request or byte of theirs."""

import contextlib
import socket
import threading

import vectors
from harness import Host, Reader, check, connect, is_long, reset, run, until_closed

GET = vectors.get(b"/")
ROUNDS = 20 if is_long() else 2
STEPS = {
    "nothing sent": b"",
    "within the request line": b"GET / HT",
    "within the headers": b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
    "after a head": b"GET /wait?n=50 HTTP/1.1\r\nHost: a\r\n\r\n",
    "before the body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n",
    "within a small body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello",
    "within a large body": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 200_000,
    "within a chunk's size": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5",
    "within a chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    "before the last chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "within the trailers": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
    "before 100-continue": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    "with a large response to come": b"GET /big?n=5000000 HTTP/1.1\r\nHost: a\r\n\r\n",
    "with a stream to come": b"GET /stream?n=2000000 HTTP/1.1\r\nHost: a\r\n\r\n",
    "while a body passes": b"POST /pass HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 300_000,
    "with requests behind": GET * 100,
}


def clean(host: Host) -> None:
    host.settles(connections=0, in_flight=0, waiting_bytes=0)


def clients_that_reset_at_every_moment_leave_nothing() -> str:
    with Host() as host:
        for _ in range(ROUNDS):
            for sent in STEPS.values():
                for reads in (0, 1, 70_000):
                    stream = connect(host.port, 0.02)
                    try:
                        stream.sendall(sent)
                        while reads > 0 and (piece := stream.recv(reads)):
                            reads -= len(piece)
                    except OSError:
                        pass
                    reset(stream)
        clean(host)
        check(host.stop() == 0, "nothing had to be cut off")
    return f"{ROUNDS * len(STEPS) * 3} clients"


def clients_that_close_one_half_get_what_they_asked_for() -> str:
    with Host() as host:
        for name, sent in STEPS.items():
            with connect(host.port) as stream:
                try:
                    stream.sendall(sent)
                    stream.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                whole = until_closed(stream)
            if name == "after a head":
                check(whole.endswith(b"waited"), f"{name}: {whole[-200:]}")
            if name == "with a large response to come":
                check(len(whole) > 5_000_000, f"{name}: {len(whole)} bytes")
            if name == "with a stream to come":
                check(whole.endswith(b"\r\n0\r\n\r\n"), f"{name}: {whole[-20:]}")
            if name == "with requests behind":
                check(whole.count(b"HTTP/1.1 200") == 100, f"{name}: {whole.count(b'HTTP/1.1 200')}")
        clean(host)
    return f"{len(STEPS)} moments"


def one_byte_at_a_time() -> str:
    with Host() as host:
        with connect(host.port) as stream:
            reader = Reader(stream)
            for request in (GET, vectors.post(b"Content-Length: 5\r\n"), vectors.chunked(b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n")):
                for byte in request:
                    stream.sendall(bytes([byte]))
                status, _, body = reader.response()
                check(status == 200 and body in (b"hello", b"5"), f"{status} {body[:100]}")
        clean(host)
    return "3 requests"


def many_requests_at_once() -> str:
    count = 20_000 if is_long() else 1_000
    with Host() as host:
        with connect(host.port) as stream:
            sending = threading.Thread(target=stream.sendall, args=(GET * count,))
            sending.start()
            reader = Reader(stream)
            for number in range(count):
                check(reader.response()[0] == 200, f"request {number}")
            sending.join()
        check(host.stats()["requests"] == count, "each was seen once")
        clean(host)
    return f"{count} requests"


def requests_for_nobody_do_not_keep_others_waiting() -> str:
    """What no app is asked for is answered as fast as it comes: by turns, all the same."""
    nobody = b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" * 2_000
    with Host(threads=1) as host:
        stop = threading.Event()
        greedy = connect(host.port)

        def send() -> None:
            try:
                while not stop.is_set():
                    greedy.sendall(nobody)
            except OSError:
                pass

        def read() -> None:
            try:
                while greedy.recv(1 << 20):
                    pass
            except OSError:
                pass

        threads = [threading.Thread(target=send), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            with connect(host.port, 10) as stream:
                stream.sendall(GET)
                check(Reader(stream).response()[0] == 200, "a request beside it")
        stop.set()
        reset(greedy)
        for thread in threads:
            thread.join()
        clean(host)
    return "50 requests beside it"


def heads_and_chunks_of_any_size() -> str:
    with Host() as host:
        for raw, wanted in (
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * (100 << 10) + b"\r\n\r\n", 200),
            (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * (10 << 20), 431),
            (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100_000, 431),
            (b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            (b"M" * (1 << 20), 501),
            (vectors.chunked(b"1\r\na\r\n" * 500_000 + b"0\r\n\r\n"), 200),
            (vectors.chunked(b"0" * (1 << 20)), 0),
            (vectors.chunked(b"1;" + b"a" * (1 << 20)), 0),
        ):
            with connect(host.port) as stream:
                sending = threading.Thread(target=send_what_can_be_sent, args=(stream, raw))
                sending.start()
                status = Reader(stream).response()[0]
                check(status == wanted or wanted == 0 and status >= 400, f"{raw[:40]!r}...: {status}, not {wanted}")
                # What is left of it is not wanted.
                with contextlib.suppress(OSError):
                    stream.shutdown(socket.SHUT_RDWR)
                sending.join()
    # Small pieces that wait for an app that does not read cost about what is counted. It has its heap still before it.
    with Host() as host:
        before = host.memory_kb()
        waiting = [connect(host.port) for _ in range(100)]
        for stream in waiting:
            stream.sendall(b"POST /wait?n=2000 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 12_000)
        host.settles(connections=100, in_flight=100)
        grown = host.memory_kb() - before
        check(grown < 100 * 384, f"100 requests of 12,000 chunks hold {grown} KB")
        for stream in waiting:
            reset(stream)
        clean(host)
    return f"{grown // 100} KB for a body of 12,000 chunks"


def send_what_can_be_sent(stream: socket.socket, raw: bytes) -> None:
    try:
        stream.sendall(raw)
    except OSError:
        # It was refused before its end.
        pass


def more_clients_than_there_is_room_for_wait() -> str:
    with Host(connections=50, connections_of_app=50) as host:
        streams = []
        # Who asks at once is not taken for somebody who has nothing to ask, and would have to make room.
        for _ in range(200):
            streams.append(connect(host.port))
            streams[-1].sendall(vectors.get(b"/wait?n=20", b"Host: a\r\nConnection: close\r\n"))
        for stream in streams:
            check(until_closed(stream).endswith(b"waited"), "each has its turn")
            stream.close()
        clean(host)
    return "200 clients for 50 places"


if __name__ == "__main__":
    run("chaos", clients_that_reset_at_every_moment_leave_nothing, clients_that_close_one_half_get_what_they_asked_for, one_byte_at_a_time,
        many_requests_at_once, requests_for_nobody_do_not_keep_others_waiting, heads_and_chunks_of_any_size,
        more_clients_than_there_is_room_for_wait)
