#!/usr/bin/env python3
"""How long healthy clients wait while one app loops, one bombs memory, and slow clients hold 500 connections."""

import contextlib
import resource
import select
import socket
import threading
import time

import vectors
from harness import Host, Reader, check, connect, is_long, percentile, run
from slow import Healthy

SLOW = 500
SECONDS = 20 if is_long() else 4
P99_MS = 20.0


class Attacker(threading.Thread):
    """Asks an app that does no good, again and again."""

    def __init__(self, port: int, host: bytes) -> None:
        super().__init__()
        self.port, self.request, self.stopped, self.answers = port, vectors.get(b"/", b"Host: " + host + b"\r\n"), threading.Event(), 0

    def run(self) -> None:
        while not self.stopped.is_set():
            with contextlib.suppress(OSError, EOFError), connect(self.port) as stream:
                reader = Reader(stream)
                while not self.stopped.is_set():
                    stream.sendall(self.request)
                    check(reader.response()[0] >= 400, "it fails")
                    self.answers += 1


def served(threads: int) -> str:
    with Host(threads=threads) as host:
        healthy = [Healthy(host.port) for _ in range(4)]
        attackers = [Attacker(host.port, b"loop.test"), Attacker(host.port, b"bomb.test")]
        slow = []
        for number in range(SLOW):
            stream = socket.create_connection(("127.0.0.1", host.port))
            heads = (b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n",
                     b"GET /stream?n=100000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            stream.sendall(heads[number % 3])
            stream.setblocking(False)
            slow.append(stream)
        for thread in (*attackers, *healthy):
            thread.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for stream in slow:
                with contextlib.suppress(OSError):
                    stream.send(b"x")
            select.select([], [], [], 0.5)
        for attacker in attackers:
            attacker.stopped.set()
        for thread in healthy:
            thread.stop()
        for attacker in attackers:
            attacker.join()
            check(attacker.answers > 0, "the attackers had their answers")
        for stream in slow:
            stream.close()
        took = [ms for thread in healthy for ms in thread.took_ms]
        host.settles(connections=0, in_flight=0)
    return f"p50 {percentile(took, 0.5):.2f} ms, p99 {percentile(took, 0.99):.1f} ms, wanted {P99_MS:.0f} ms, of {len(took)} requests"


def with_a_thread_for_each_of_the_two_that_do_no_good() -> str:
    return served(2)


def with_threads_to_spare() -> str:
    return served(4)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    run("healthy", with_a_thread_for_each_of_the_two_that_do_no_good, with_threads_to_spare)
