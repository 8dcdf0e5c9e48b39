"""What the ASGI and WSGI adapters share: an app that may have to be loaded first, and what clients are told when there is no response."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from ._errors import InvalidTypeError, NanoError
from ._http import Pairs, Response
from ._hub import Loop
from ._nano import response_headers
from ._options import AppOptions
from ._runtime import App, Runtime

log = logging.getLogger("nano_isolates")

# Statuses whose responses have no body, nor a length of one.
BODILESS = frozenset([204, 205, 304])
# What a client can do something about: of other errors it is told the code alone.
_TOLD = frozenset(["NANO_E_INVALID", "NANO_E_TOO_LARGE", "NANO_E_OVERLOADED", "NANO_E_DRAINING"])

# How long an app that could not be loaded is left alone.
_RETRY_S = 1.0


class Mounted:
    """An app of somebody's runtime, or one that is loaded on a runtime of its own when a process first needs it.

    The second is for servers that fork: each worker has its own, made after the fork.
    """

    def __init__(self, app: App | str | os.PathLike[str], options: AppOptions) -> None:
        # The app, if it is loaded.
        self.ready = app if isinstance(app, App) else None
        if self.ready is not None and options:
            raise InvalidTypeError("options are for an app that is loaded here; this one is loaded already")
        # What logs call it when it is not there.
        self.name = options.get("name") or "the mounted app"
        self._source = app
        self._options = options
        self._runtime: Runtime | None = None
        self._lock = threading.Lock()
        # What the tasks of a loop wait for while it is loaded for them.
        self._loading: dict[Loop, asyncio.Future[App]] = {}
        # Why it could not be loaded, and until when that is taken to be so.
        self._failure: NanoError | None = None
        self._failed_until = 0.0

    def load(self, loop: Loop | None = None) -> App:
        """The app; loads it if it is not loaded, for the loop of a server if there is one. Blocks. What has just failed is not tried again
        for each request."""
        with self._lock:
            if self.ready is None:
                assert not isinstance(self._source, App)
                self._check_failure()
                if self._runtime is None:
                    self._runtime = Runtime()
                try:
                    self.ready = self._runtime._load_for(loop, self._source, self._options)
                except NanoError as error:
                    self._failure, self._failed_until = error, time.monotonic() + _RETRY_S
                    raise
                self._failure = None
            return self.ready

    def _check_failure(self) -> None:
        if self._failure is not None and time.monotonic() < self._failed_until:
            raise self._failure.with_traceback(None)

    async def aload(self) -> App:
        """The same for the tasks of a loop, which goes on meanwhile and answers the app. Whichever of them gives up, the others get it."""
        if self.ready is not None:
            return self.ready
        self._check_failure()
        loop = asyncio.get_running_loop()
        loading = self._loading.get(loop)
        if loading is None:
            loading = self._loading[loop] = loop.create_future()
            # A thread of its own: the app may wait for what those of the loop's pool are to do.
            thread = threading.Thread(target=self._load_in_thread, args=(loop, loading), name="nano-load", daemon=True)
            try:
                thread.start()
            except BaseException:
                del self._loading[loop]
                raise
        return await asyncio.shield(loading)

    def _load_in_thread(self, loop: Loop, loading: asyncio.Future[App]) -> None:
        try:
            tell: Callable[[], None] = partial(loading.set_result, self.load(loop))
        except BaseException as error:
            tell = partial(_set_failure, loading, error)
        # Whoever comes from now on finds the app, or why there is none. The loop may be closed by now.
        del self._loading[loop]
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell)

    def close(self) -> None:
        """Closes the runtime that was made here."""
        with self._lock:
            if self._runtime is not None:
                self._runtime.close()
                self._runtime, self.ready, self._failure = None, None, None


def _set_failure(loading: asyncio.Future[App], error: BaseException) -> None:
    loading.set_exception(error)
    # It is no mistake that nobody waits any more.
    loading.exception()


def headers_of(method: str, response: Response) -> tuple[Pairs, bool]:
    """A response's headers as a server sends them, and whether it goes without its body."""
    is_head = method == "HEAD"
    whole = None if response.is_stream else len(response.body)
    return response_headers(response._flat, response.status, is_head, whole), is_head or response.status in BODILESS


def problem(error: NanoError) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """What a client is told: RFC 9457, with a stable code and nothing that is the app's own."""
    status = error.http_status
    if status in BODILESS:
        return status, [], b""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    what: dict[str, Any] = {"title": title, "status": status, "code": error.name.removeprefix("NANO_E_").removeprefix("NANO_")}
    if error.name in _TOLD:
        what["detail"] = error.message
    body = json.dumps(what).encode() + b"\n"
    return status, [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())], body


def report(app: str, error: NanoError) -> None:
    """What the host's log is told."""
    if error.http_status in BODILESS:
        # The answer to what is no app's.
        return
    log.error("%s: %s%s", app, error, f"\n{error.stack}" if error.stack else "")
