"""Apps as ASGI applications: served by uvicorn, hypercorn or gunicorn's workers of these, mounted under Starlette or FastAPI."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from . import _runtime
from ._errors import NanoError
from ._exchange import AsyncBody, Exchange, begin
from ._http import Response
from ._mount import BODILESS, Mounted, headers_of, problem, report
from ._nano import response_headers

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._hub import Hub
    from ._options import AppOptions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Who waits for longer than a round, whose client is listened to meanwhile.
_ROUND_S = 0.05
# Methods whose requests have no body, unless their headers announce one.
_QUESTIONS = ("GET", "HEAD")


class App:
    """An ASGI application that an app answers.

    `app` is a loaded app, or the source of one that each process loads for itself, with the options of `Runtime.load`; its runtime is
    closed when the server shuts down. The app sees the URL that the client asked for, also below a mount.
    """

    def __init__(self, app: _runtime.App | str | os.PathLike[str], **options: Unpack[AppOptions]) -> None:
        self._mounted = Mounted(app, options)
        self._watch: _Watch | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        app = self._mounted.ready or await self._app()
        hub = app._hub
        loop = asyncio.get_running_loop()
        exchange = _Exchange(hub, loop, receive)
        started = False
        # The usual request, which has no body and whose response is whole, is answered here, with no coroutine but this one.
        try:
            hub.attach(loop)
            if scope["method"] not in _QUESTIONS or not hub.open_quietly(exchange, app._native.dispatch_asgi, scope, None, False):
                await exchange.send_with_body(app, scope)
            try:
                watch = self._watch
                if watch is None or watch.loop is not loop or watch.hub is not hub:
                    watch = self._watch = _Watch.of(hub, loop)
                if not watch.goes:
                    watch.go()
                while not exchange.events:
                    await exchange.coming()
                event = exchange.take()
                started = True
                if not event[4]:
                    await _stream(scope["method"], begin(event, AsyncBody, exchange), exchange, send)
                    return
                (status, _, flat), body = event[2], event[3]
                is_bare = status in BODILESS or scope["method"] == "HEAD"
                headers = response_headers(flat, None if is_bare else len(body))
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": b"" if is_bare else body})
            finally:
                if exchange.watcher is not None:
                    exchange.watcher.cancel()
                if exchange.task is not None or not exchange.done:
                    exchange.cancel()
        except _Gone:
            # Nobody is there to be told.
            return
        except NanoError as error:
            if exchange.gone:
                return
            report(app.name, error)
            if started:
                # The response is cut short, which is what the server makes of an exception.
                raise
            status, pairs, body = problem(error)
            await send({"type": "http.response.start", "status": status, "headers": pairs})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1011, "reason": "apps have no WebSockets here"})
        else:
            raise NotImplementedError(f"ASGI's {kind} is not supported")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._app()
                except Exception as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._mounted.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _app(self) -> _runtime.App:
        app = self._mounted.ready
        return app if app is not None else await asyncio.to_thread(self._mounted.load)


class _Gone(Exception):
    """The client has gone away."""


class _Exchange(Exchange):
    """One request, and the client that waits for it."""

    gone = False
    uploading = False
    watcher: asyncio.Task[None] | None = None

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop, receive: Receive) -> None:
        self.hub = hub
        self.loop = loop
        self.events = deque()
        self.receive = receive

    async def send_with_body(self, app: _runtime.App, scope: Scope) -> None:
        """Sends the request off with its body: whole, if it has come already."""
        first = await self._next()
        chunk = first.get("body", b"")
        self.uploading = first.get("more_body", False)
        self.hub.open_quietly(self, app._native.dispatch_asgi, scope, None if self.uploading else chunk, self.uploading)
        if self.uploading:
            self.task = asyncio.create_task(self.send(self._rest(chunk)))

    async def _rest(self, chunk: bytes) -> AsyncIterator[bytes]:
        if chunk:
            yield chunk
        while self.uploading:
            message = await self._next()
            if message.get("body"):
                yield message["body"]
            self.uploading = message.get("more_body", False)

    async def _next(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.disconnect":
            self.gone = True
            raise _Gone
        return message

    async def listen(self) -> None:
        """Ends the request if the client goes away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self.cancel()


class _Watch:
    """Has somebody listen for the clients whose responses take long. One timer for all requests of a loop, which looks at those that are
    there: most have come and gone in between, and cost nothing."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self.hub = hub
        self.loop = loop
        self.goes = False
        self._seen: set[_Exchange] = set()

    @classmethod
    def of(cls, hub: Hub, loop: asyncio.AbstractEventLoop) -> _Watch:
        """A runtime's for a loop."""
        watch: _Watch | None = hub.watches.get(loop)
        if watch is None:
            watch = hub.watches[loop] = cls(hub, loop)
        return watch

    def go(self) -> None:
        """Looks, from now on, for as long as there are any."""
        self.goes = True
        self.loop.call_later(_ROUND_S, self._look)

    def _look(self) -> None:
        waiting = {each for each in self.hub.open_now() if isinstance(each, _Exchange) and each.loop is self.loop}
        for each in waiting & self._seen:
            # Who still sends hears of the end by that, and only one may listen.
            if each.watcher is None and not each.uploading:
                each.watcher = self.loop.create_task(each.listen())
        self._seen = waiting
        self.goes = False
        if waiting:
            self.go()


async def _stream(method: str, response: Response, exchange: _Exchange, send: Send) -> None:
    headers, is_bare = headers_of(method, response)
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if not is_bare:
        async for chunk in response.aiter_bytes():
            if exchange.gone:
                raise _Gone
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
