#!/usr/bin/env python3
"""500 clients that send or read too slowly. Each is let go when its time is up, and nobody else waits for them."""

import contextlib
import re
import resource
import select
import socket
import subprocess
import threading
import time

import vectors
from harness import Host, Reader, check, connect, is_long, need, percentile, run

COUNT = 500
LIMITS = {"head_ms": 1_500, "idle_ms": 1_500, "body_ms": 1_500}
# What one of them may cost, with what the kernel does not hold.
CLIENT_KB_MAX = 256


class Healthy(threading.Thread):
    """A client that asks again and again, and writes down how long each answer took."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port, self.stopped, self.took_ms, self.failed = port, threading.Event(), [], None

    def run(self) -> None:
        try:
            with connect(self.port) as stream:
                reader = Reader(stream)
                while not self.stopped.wait(0.002):
                    began = time.perf_counter()
                    stream.sendall(vectors.get(b"/", b"Host: healthy.test\r\n"))
                    check(reader.response()[0] == 200, "a healthy answer")
                    self.took_ms.append((time.perf_counter() - began) * 1_000)
        except Exception as failure:  # noqa: BLE001: it is told where the test can fail
            self.failed = failure

    def stop(self) -> str:
        self.stopped.set()
        self.join()
        check(self.failed is None, f"the healthy client: {self.failed!r}")
        return f"healthy p99 {percentile(self.took_ms, 0.99):.1f} ms of {len(self.took_ms)}"


def let_go(first: bytes, drip: bytes, reads: bool = True, small: bool = False) -> str:
    """Opens the clients, lets them drip until each has been closed, and says what that was like."""
    with Host(**LIMITS) as host:
        before = host.memory_kb()
        healthy = Healthy(host.port)
        healthy.start()
        open_streams = {}
        for _ in range(COUNT):
            stream = socket.socket()
            if small:
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            stream.connect(("127.0.0.1", host.port))
            stream.sendall(first)
            stream.setblocking(False)
            open_streams[stream.fileno()] = stream
        most = 0
        end = time.monotonic() + 30
        closed = 0
        poll = select.poll()
        for number in open_streams:
            poll.register(number, (select.POLLIN if reads else 0) | select.POLLHUP | select.POLLERR)
        while open_streams and (reads or closed < COUNT):
            check(time.monotonic() < end, f"{len(open_streams)} of {COUNT} are not closed")
            for number, event in poll.poll(100):
                stream = open_streams[number]
                with contextlib.suppress(BlockingIOError):
                    gone = event & (select.POLLHUP | select.POLLERR)
                    try:
                        gone = gone or not stream.recv(4_096)
                    except ConnectionError:
                        gone = True
                    if gone:
                        poll.unregister(number)
                        open_streams.pop(number).close()
                        closed += 1
            for stream in open_streams.values() if drip else ():
                # It is closed, or full.
                with contextlib.suppress(OSError):
                    stream.send(drip)
            most = max(most, host.memory_kb())
        said = healthy.stop()
        host.settles(connections=0, in_flight=0, waiting_bytes=0)
        grown = most - before
        check(grown < COUNT * CLIENT_KB_MAX, f"{COUNT} slow clients cost {grown} KB")
        return f"{said}, at most {grown} KB more"


def heads_that_never_end() -> str:
    return let_go(b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n")


def small_bodies_that_never_end() -> str:
    return let_go(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", b"x")


def bodies_that_stand_still() -> str:
    return let_go(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhello", b"")


def bodies_that_nearly_stand_still() -> str:
    return let_go(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")


def connections_without_a_request() -> str:
    return let_go(b"", b"")


def responses_that_are_not_read() -> str:
    return let_go(b"GET /stream?n=100000000 HTTP/1.1\r\nHost: a\r\n\r\n", b"", reads=False, small=True)


def slowhttptest() -> str:
    if not is_long() or not need("slowhttptest"):
        return "skipped"
    said = []
    for mode in (["-H"], ["-B"], ["-X", "-w", "16", "-y", "64", "-z", "32", "-k", "3"]):
        with Host(**LIMITS) as host:
            healthy = Healthy(host.port)
            healthy.start()
            url = f"http://127.0.0.1:{host.port}/" + ("big?n=1000000" if "-X" in mode else "")
            command = ["slowhttptest", *mode, "-c", str(COUNT), "-r", "250", "-i", "1", "-l", "15", "-p", "2", "-u", url]
            done = subprocess.run(command, check=False, timeout=120, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            told = re.sub(rb"\x1b\[[\d;]*[A-Za-z]", b"", done.stdout).decode(errors="replace")
            available = re.findall(r"service available:\s*(\w+)", told)
            check(done.returncode == 0 and "Exit status" in told and set(available) == {"YES"}, f"slowhttptest {mode[0]}: {told[-600:]}")
            said.append(f"{mode[0]}: {healthy.stop()}")
            host.settles(connections=0, in_flight=0, waiting_bytes=0)
    return "; ".join(said)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    run("slow", heads_that_never_end, small_bodies_that_never_end, bodies_that_stand_still, bodies_that_nearly_stand_still,
        connections_without_a_request, responses_that_are_not_read, slowhttptest)
