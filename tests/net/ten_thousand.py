#!/usr/bin/env python3
"""10,000 connections that idle, or 2,000 where there are no descriptors for more: what each costs, and whether each is still there."""

import resource
import socket
import sys

import vectors
from harness import Host, check, connect, figure, read_response, run

HARD = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
# With some for the rest of the process.
COUNT = 10_000 if HARD == resource.RLIM_INFINITY or HARD >= 10_100 else 2_000
IDLE_KB_MAX = 4.0


def every_connection_is_answered_before_and_after() -> str:
    with Host(idle_ms=600_000, threads=2) as host:
        # The first quarter is there for what is paid once for all.
        streams = [asked(host) for _ in range(COUNT // 4)]
        before = host.memory_kb()
        streams += [asked(host) for _ in range(COUNT - len(streams))]
        check(host.stats()["connections"] == COUNT, "all of them are there")
        each = (host.memory_kb() - before) / (COUNT - COUNT // 4)
        for stream in streams:
            ask(stream)
        for stream in streams:
            stream.close()
        host.settles(connections=0, in_flight=0)
    figure("http.idle_connection_kb", each, "KB", f"{COUNT} keep-alive connections, each after a response of 50 KB; smaps Rss of the process")
    check(each <= IDLE_KB_MAX, f"an idle connection costs {each:.2f} KB, not {IDLE_KB_MAX}")
    return f"{COUNT} connections, {each:.2f} KB each"


def asked(host: Host) -> socket.socket:
    """A connection that has had a large response."""
    stream = connect(host.port)
    ask(stream, b"/big?n=50000")
    return stream


def ask(stream: socket.socket, path: bytes = b"/") -> None:
    stream.sendall(vectors.get(path))
    with stream.makefile("rb") as file:
        check(read_response(file)[0] == 200, "an answer")


if __name__ == "__main__":
    if HARD != resource.RLIM_INFINITY and HARD < COUNT + 100:
        print(f"# skipped: {COUNT + 100} descriptors are needed, {HARD} may be had")
        sys.exit(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (COUNT + 100, HARD))
    run("ten thousand", every_connection_is_answered_before_and_after)
