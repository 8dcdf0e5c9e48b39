"""Apps as ASGI applications: served by uvicorn, hypercorn or gunicorn's workers of these, mounted under Starlette or FastAPI."""

from __future__ import annotations

import asyncio
import contextlib
import os
import weakref
from collections.abc import AsyncIterator, MutableMapping
from typing import TYPE_CHECKING, Any

from . import _runtime
from ._errors import NanoError
from ._exchange import AsyncBody, Exchange, begin
from ._mount import Mounted, headers_of, problem, report
from ._relay import Message, Receive, Send, deny, relay

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from . import _nano
    from ._hub import Hub
    from ._options import AppOptions

Scope = MutableMapping[str, Any]

# Who waits for longer than a round, whose client is listened to meanwhile.
_ROUND_S = 0.05
# What logs call it when a client has gone before its response.
_CLIENT_GONE = 499


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
        app = self._mounted.ready
        if app is None:
            try:
                app = await self._mounted.aload()
            except NanoError as error:
                await _fail(self._mounted.name, error, scope, send)
                return
        hub = app._hub
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        ask = app._native.ask_asgi
        try:
            # The usual request, which has no body and whose response is whole, has no exchange and no coroutine but this one.
            token = hub.ask(ask, loop, future, _Exchange, receive, scope, None)
            if not token:
                first = await receive()
                if first["type"] == "http.disconnect":
                    await _tell_nobody(send)
                    return
                if first.get("more_body", False):
                    await self._upload(app, scope, receive, send, first)
                    return
                token = hub.ask(ask, loop, future, _Exchange, receive, scope, first.get("body", b""))
            self._look_after(hub, loop)
            try:
                answer = await future
            except BaseException:
                hub.forsake(token)
                raise
        except NanoError as error:
            await _fail(app.name, error, scope, send)
            return
        if answer is None:
            exchange = hub.taken(token)
            assert isinstance(exchange, _Exchange)
            await _answer(app.name, exchange, scope, send)
            return
        start, body = answer
        await send(start)
        await send(body)

    async def _upload(self, app: _runtime.App, scope: Scope, receive: Receive, send: Send, first: Message) -> None:
        """A request whose body comes in pieces."""
        hub = app._hub
        loop = asyncio.get_running_loop()
        exchange = _Exchange(hub, loop, receive)
        exchange.open(app._native, scope, first.get("body", b""))
        self._look_after(hub, loop)
        await _answer(app.name, exchange, scope, send)

    def _look_after(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        """Has somebody listen for clients from now on."""
        watch = self._watch
        if watch is None or watch.loop() is not loop or watch.hub is not hub:
            watch = self._watch = _Watch.of(hub, loop)
        if not watch.goes:
            watch.go()

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            try:
                app = await self._mounted.aload()
            except NanoError as error:
                report(self._mounted.name, error)
                await deny(error, scope, receive, send)
                return
            await relay(app, scope, receive, send)
        else:
            raise NotImplementedError(f"ASGI's {kind} is not supported")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._mounted.aload()
                except Exception as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._mounted.close)
                await send({"type": "lifespan.shutdown.complete"})
                return


class _Gone(Exception):
    """The client has gone away."""


class _Exchange(Exchange):
    """One request, and the client that waits for it."""

    gone = False
    uploading = False
    watcher: asyncio.Task[None] | None = None

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop, receive: Receive) -> None:
        super().__init__(hub, loop)
        self.receive = receive

    def open(self, native: _nano.App, scope: Scope, chunk: bytes) -> None:
        """Sends the request off with a body that has begun to come."""
        assert self.loop is not None
        self.hub.attach(self.loop)
        self.uploading = True
        self.hub.open(self, native.dispatch_asgi, scope)
        self.task = self.loop.create_task(self.send(self._rest(chunk)))

    async def _rest(self, chunk: bytes) -> AsyncIterator[bytes]:
        if chunk:
            yield chunk
        while self.uploading:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                self.gone = True
                raise _Gone
            if message.get("body"):
                yield message["body"]
            self.uploading = message.get("more_body", False)

    async def listen(self) -> None:
        """Ends the request if the client goes away."""
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self.cancel()

    def close(self) -> None:
        if self.watcher is not None:
            self.watcher.cancel()
        if self.task is not None or not self.done:
            self.cancel()


class _Watch:
    """Has somebody listen for the clients whose responses take long. One timer for all requests of a loop, which looks at those that are
    there: most have come and gone in between, and cost nothing."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self.hub = hub
        # Kept for as long as there is the loop, which it must not be what keeps.
        self.loop = weakref.ref(loop)
        self.goes = False
        # What was there when it last looked, by its token.
        self._seen: set[int] = set()

    @classmethod
    def of(cls, hub: Hub, loop: asyncio.AbstractEventLoop) -> _Watch:
        """A runtime's for a loop."""
        watch: _Watch | None = hub.watches.get(loop)
        if watch is None:
            watch = hub.watches[loop] = cls(hub, loop)
        return watch

    def go(self) -> None:
        """Looks, from now on, for as long as there are any."""
        loop = self.loop()
        if loop is not None:
            self.goes = True
            loop.call_later(_ROUND_S, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        late, more = self.hub.late(loop)
        waiting = [each for each in self.hub.open_now() if isinstance(each, _Exchange) and each.loop is loop]
        known = self._seen.union(each.token for each in late)
        for each in waiting:
            # Who still sends hears of the end by that, and only one may listen.
            if each.token in known and each.watcher is None and not each.uploading:
                each.watcher = loop.create_task(each.listen())
        self._seen = {each.token for each in waiting}
        self.goes = False
        if waiting or more:
            self.go()


async def _answer(app: str, exchange: _Exchange, scope: Scope, send: Send) -> None:
    """What has an exchange: a response in pieces, one that takes long, an error."""
    started = False
    try:
        response = begin(await exchange.anext(), AsyncBody, exchange)
        started = True
        headers, is_bare = headers_of(scope["method"], response)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if not is_bare and response.is_stream:
            async for chunk in response.aiter_bytes():
                if exchange.gone:
                    return
                if chunk:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"" if is_bare or response.is_stream else response.body})
    except _Gone:
        await _tell_nobody(send)
    except NanoError as error:
        if exchange.gone:
            if not started:
                await _tell_nobody(send)
            return
        if started:
            # The response is cut short, which is what the server makes of an exception.
            report(app, error)
            raise
        await _fail(app, error, scope, send)
    finally:
        exchange.close()


async def _tell_nobody(send: Send) -> None:
    """The client has gone away: of all responses this is the one that nobody reads. Middleware wants one from every application."""
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": _CLIENT_GONE, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def _fail(app: str, error: NanoError, scope: Scope, send: Send) -> None:
    report(app, error)
    status, pairs, body = problem(error)
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
