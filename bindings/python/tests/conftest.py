"""What the tests share."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from nano_isolates import Runtime

# Long enough for anything that works, on any machine: a test that takes this long has failed.
PATIENCE_S = 60.0

EXAMPLES = Path(__file__).parents[3] / "examples" / "python"

# What programs of processes of their own begin with.
BEGIN = """
import asyncio, contextlib, faulthandler, gc, os, resource, signal, sys, threading, weakref
import nano_isolates as nano
URL = "http://app.test/"
HELLO = "export default { fetch: () => new Response('hello') }"
NEVER = "export const never = () => new Promise(() => { setTimeout(() => {}, 1e9) }); export default { fetch: never }; export const here = () => 1"
CALL = "import { env } from 'cloudflare:workers'; export const call = (name, ...args) => env[name](...args)"
LOOP = "export default { fetch() { for (;;); } }"
def until(ready):
    while not ready():
        os.sched_yield()
def in_background(ask, *args, **options):
    def run():
        # What daemon threads print at the end may find that nobody prints any more, which Python does not bear.
        with contextlib.suppress(nano.NanoError):
            ask(*args, **options)
    threading.Thread(target=run, daemon=True).start()
"""

# Whoever runs the tests in the background may have set it to be ignored, and so it would be for every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs a coroutine on a loop of each kind."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        async def patiently() -> Any:
            return await asyncio.wait_for(main, PATIENCE_S)

        if request.param == "uvloop":
            import uvloop

            return uvloop.run(patiently())
        return asyncio.run(patiently())

    return run


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with Runtime(threads=1) as runtime:
        yield runtime


@pytest.fixture
def manual() -> Iterator[Runtime]:
    """A runtime whose clock stands still."""
    with Runtime(threads=1, manual_clock=True) as runtime:
        yield runtime


@pytest.fixture
def python() -> Any:
    """Runs a program in a process of its own: its output, if it ended well."""

    def python(program: str, *, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(program)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            check=False,
        )
        assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return python


@pytest.fixture
def program(python: Any) -> Any:
    def program(text: str, **options: Any) -> str:
        # The text is indented as its test is.
        lines = text.splitlines()
        indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
        return python(BEGIN + "\n".join(line[indent:] for line in lines), **options)

    return program


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Runs a server on a free port: how to ask it."""
    servers: list[subprocess.Popen[bytes]] = []

    def serve(command: list[str], listener: socket.socket) -> Any:
        log = tmp_path / "log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                [sys.executable, "-m", *command],
                pass_fds=[listener.fileno()],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=EXAMPLES,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")])},
            )
        servers.append(server)
        port = listener.getsockname()[1]

        def ask(path: str, body: bytes | None = None, expect: int = 200) -> bytes:
            # The socket listens already: the kernel keeps the request until the server is there.
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
            connection.request("POST" if body is not None else "GET", path, body)
            try:
                response = connection.getresponse()
            except OSError as error:
                raise AssertionError(log.read_text()) from error
            data = response.read()
            ask.headers = response.headers  # type: ignore[attr-defined]
            connection.close()
            assert response.status == expect, (response.status, data, log.read_text())
            return data

        ask.server, ask.log = server, log  # type: ignore[attr-defined]
        return ask

    yield serve
    for server in servers:
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE_S)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener


HELLO = "export default { fetch: (request) => new Response('Hello from ' + request.url) }"
URL = "http://app.test/"
