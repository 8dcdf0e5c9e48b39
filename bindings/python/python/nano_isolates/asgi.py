"""Apps as ASGI applications: served by uvicorn, hypercorn or gunicorn's workers of these, mounted under Starlette or FastAPI."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from . import _runtime
from ._errors import NanoError
from ._exchange import AsyncBody, Exchange, begin
from ._http import Response
from ._mount import BODILESS, HOP_BY_HOP, Mounted, problem, report

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A response that takes longer than this has somebody listen for the client's going away meanwhile.
_WATCH_AFTER_S = 0.05


class App:
    """An ASGI application that an app answers.

    `app` is a loaded app, or the source of one that each process loads for itself, with the options of `Runtime.load`; its runtime is
    closed when the server shuts down. The app sees the URL that the client asked for, also below a mount.
    """

    def __init__(self, app: _runtime.App | str | os.PathLike[str], **options: Any) -> None:
        self._mounted = Mounted(app, options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
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

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._mounted.ready or await self._app()
        client = _Client(receive)
        started = False
        try:
            content = await client.body(scope)
            headers = [(name, value) for name, value in scope["headers"]]
            exchange = app._dispatch(scope["method"], _url(scope), headers, content, 0)
            try:
                response = await client.watch(exchange, _first(exchange))
                started = True
                await _answer(scope["method"], response, client, exchange, send)
            finally:
                exchange.cancel()
        except _Gone:
            # Nobody is there to be told.
            return
        except NanoError as error:
            if client.gone:
                return
            report(app.name, error)
            if started:
                # The response is cut short, which is what the server makes of an exception.
                raise
            status, pairs, body = problem(error)
            await send({"type": "http.response.start", "status": status, "headers": pairs})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class _Gone(Exception):
    """The client has gone away."""


class _Client:
    """The other side of one request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._uploading = False
        self.gone = False

    async def body(self, scope: Scope) -> bytes | AsyncIterator[bytes] | None:
        """The request's body: whole if it has come already."""
        if scope["method"] in ("GET", "HEAD") and not any(
            name == b"content-length" or name == b"transfer-encoding" for name, _ in scope["headers"]
        ):
            return None
        first = await self._next()
        if not first.get("more_body", False):
            return first.get("body", b"") or None
        self._uploading = True
        return self._rest(first.get("body", b""))

    async def _rest(self, chunk: bytes) -> AsyncIterator[bytes]:
        if chunk:
            yield chunk
        while True:
            message = await self._next()
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body", False):
                self._uploading = False
                return

    async def _next(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.gone = True
            raise _Gone
        return message

    async def watch(self, exchange: Exchange, step: Awaitable[Any]) -> Any:
        """Takes a step, and ends the request if the client goes away while that takes long."""
        loop = asyncio.get_running_loop()
        watcher: asyncio.Task[None] | None = None

        def begin_to_watch() -> None:
            nonlocal watcher
            if not self._uploading:
                watcher = loop.create_task(self._watch(exchange))

        timer = loop.call_later(_WATCH_AFTER_S, begin_to_watch)
        try:
            return await step
        finally:
            timer.cancel()
            if watcher is not None:
                watcher.cancel()

    async def _watch(self, exchange: Exchange) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        exchange.cancel()


async def _first(exchange: Exchange) -> Response:
    return begin(await exchange.anext(), AsyncBody, exchange)


async def _answer(method: str, response: Response, client: _Client, exchange: Exchange, send: Send) -> None:
    headers = [(name, value) for name, value in response.headers.raw if name not in HOP_BY_HOP]
    is_bare = method == "HEAD" or response.status in BODILESS
    if not response.is_stream and not is_bare and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if is_bare or not response.is_stream:
        await send({"type": "http.response.body", "body": b"" if is_bare else response.body})
        return
    chunks = response.aiter_bytes().__aiter__()
    while True:
        try:
            chunk = await client.watch(exchange, chunks.__anext__())
        except StopAsyncIteration:
            break
        if client.gone:
            raise _Gone
        if chunk:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _url(scope: Scope) -> str:
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if not host:
        server = scope.get("server") or ("localhost", None)
        host = server[0] if server[1] is None else f"{server[0]}:{server[1]}"
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        from urllib.parse import quote

        path = quote(scope["path"], safe="/:@!$&'()*+,;=~-._")
    else:
        path = raw.split(b"?", 1)[0].decode("latin-1")
    query: bytes = scope.get("query_string") or b""
    url = f"{scope.get('scheme', 'http')}://{host}{path}"
    return f"{url}?{query.decode('latin-1')}" if query else url
