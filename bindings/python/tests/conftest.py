"""What the tests share."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from nano_isolates import Runtime

# Long enough for anything that works, on any machine: a test that takes this long has failed.
PATIENCE_S = 60.0

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


HELLO = "export default { fetch: (request) => new Response('Hello from ' + request.url) }"
URL = "http://app.test/"
