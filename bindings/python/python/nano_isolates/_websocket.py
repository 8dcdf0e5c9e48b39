"""WebSockets that apps answer with: messages both ways, and each side's last word."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from . import _nano
from ._errors import InvalidError, NotFoundError, ShutdownError
from ._exchange import CHUNK, AsyncBody, Exchange, begin
from ._http import Headers, HeadersInit, Pairs, Response, chunk_of, pairs_of
from ._options import number, text_of, texts

if TYPE_CHECKING:
    from types import TracebackType

    from ._hub import Hub
    from ._runtime import App

# A code, if there is one, and a reason.
LastWord: TypeAlias = tuple["int | None", str]
# A request that has ended, also with its runtime.
_OVER = (NotFoundError, ShutdownError)


class Socket(Exchange):
    """A request for a WebSocket, and the WebSocket that it becomes."""

    subprotocol: str | None = None
    is_open = False
    # What the loop does when the last event has come; it may be asked to more than once.
    on_end: Callable[[], None] | None = None
    _said = False

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop, subprotocols: Iterable[str]) -> None:
        super().__init__(hub, loop)
        self.frames = _nano.WebSocket(list(subprotocols))
        self.pairs: Pairs = []
        self._sending = asyncio.Lock()
        # What has come, and how much of it the app has not had back as credit.
        self._come: deque[str | bytes | LastWord] = deque()
        self._owed = 0

    def ask(self, send: Callable[..., tuple[int, bool]], *args: Any) -> None:
        """Sends the request off."""
        assert self.loop is not None
        self.hub.attach(self.loop)
        self.hub.open(self, send, *args, self.frames)

    def push(self, event: tuple[Any, ...], here: asyncio.AbstractEventLoop | None) -> bool:
        tell = super().push(event, here)
        if self.done and self.on_end is not None:
            assert self.loop is not None
            try:
                self.loop.call_soon_threadsafe(self.on_end)
            except RuntimeError:
                # The loop is closed: nobody waits any more.
                pass
        return tell

    async def answer(self) -> Response | None:
        """The response, if the app answers with another one."""
        event = await self.anext()
        status, _, flat = event[2]
        if status != 101:
            return begin(event, AsyncBody, self)
        self.subprotocol, self.pairs = self.frames.accept(flat)
        self.is_open = True
        return None

    async def receive(self) -> str | bytes | LastWord | None:
        """The app's next message, or its last word; none if it has ended. Whoever asks has done with the one before: the app may send more
        than what is on its way when the messages of a piece have all been taken."""
        while not self._come:
            self._credit()
            if self.done and not self.events:
                return None
            event = await self.anext()
            if event[1] != CHUNK:
                return None
            self._owed += len(event[2])
            self._come.extend(self.frames.receive(event[2]))
            # Pings are answered as there is room. Whoever waits for it sends the answers, too: if others took it, nobody would be told of more.
            if self._writer is None:
                self.frames.flush(self.hub.native, self.id)
        return self._come.popleft()

    def _credit(self) -> None:
        if self._owed and not self.done:
            try:
                self.hub.native.credit(self.id, self._owed)
            except _OVER:
                # It has ended in this moment.
                pass
        self._owed = 0

    async def give(self, message: str | bytes) -> bool:
        """Sends a message, and waits until the app has room for it; false if this side has said its last word."""
        if self._said or not (self.frames.text(message) if isinstance(message, str) else self.frames.binary(message)):
            return False
        await self._flush()
        return True

    async def leave(self, code: int | None, reason: str) -> None:
        """Says this side's last word. Of a code that is none to be sent the app hears that nobody is there any more."""
        if self._said:
            return
        self._said = True
        self.frames.close(code, reason)
        await self._flush()
        if not self.done:
            try:
                self.hub.native.request_end(self.id)
            except _OVER:
                pass

    async def _flush(self) -> None:
        assert self.loop is not None
        async with self._sending:
            while not self.done:
                self._room = False
                if self.frames.flush(self.hub.native, self.id):
                    return
                if not self._room and not self.done:
                    self._writer = self.loop.create_future()
                    await self._writer


class WebSocketRefused(Exception):
    """The app answered a request for a WebSocket with something else, which is the `response`."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"the app answered with the status {response.status}, and not with a WebSocket")
        self.response = response


class WebSocket:
    """A WebSocket to an app: `async with app.websocket(url) as socket`, then `send` and `receive`, or `async for message in socket`.

    `subprotocol` and `headers` are what the app has answered; `close_code` and `close_reason` are there when it has ended: 1005 is an end
    without a code, 1006 one without a last word.
    """

    def __init__(self, app: App, url: str, subprotocols: Iterable[str], headers: HeadersInit | None) -> None:
        self._app = app
        self._url = text_of("url", url)
        self._subprotocols = texts("subprotocols", subprotocols)
        self._pairs = pairs_of(headers)
        self._socket: Socket | None = None
        self.subprotocol: str | None = None
        self.headers = Headers()
        self.close_code: int | None = None
        self.close_reason = ""
        # Whose turn it is to receive, how many wait for it, and whether there is none.
        self._turn = asyncio.Lock()
        self._readers = 0
        self._is_unread = asyncio.Event()
        self._is_unread.set()

    async def __aenter__(self) -> WebSocket:
        if self._socket is not None:
            raise RuntimeError("this WebSocket has been opened before")
        url = self._url
        for ours, theirs in (("ws:", "http:"), ("wss:", "https:")):
            if url.startswith(ours):
                url = theirs + url[len(ours) :]
        socket = self._socket = Socket(self._app._hub, asyncio.get_running_loop(), self._subprotocols)
        try:
            socket.ask(self._app._native.dispatch_websocket, url, self._pairs)
            response = await socket.answer()
            if response is not None:
                await response.aread()
                raise WebSocketRefused(response)
        except BaseException:
            socket.cancel()
            raise
        self.subprotocol, self.headers = socket.subprotocol, Headers(socket.pairs)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                await self.close()
        finally:
            self._opened().cancel()

    def __del__(self) -> None:
        # One that nobody has any more, and that was not left by its block. Also half-made.
        socket = getattr(self, "_socket", None)
        if socket is not None:
            socket.cancel()

    async def send(self, message: str | bytes | bytearray | memoryview) -> None:
        """Sends a message: text or bytes. Waits while the app has no room for it."""
        socket = self._opened()
        given = await socket.give(message if isinstance(message, str) else chunk_of(message))
        if not given or socket.done:
            raise InvalidError("the WebSocket is closed")

    async def receive(self) -> str | bytes | None:
        """The next message, or None when it is closed. Of several that wait each gets another message, and all get the end."""
        socket = self._opened()
        self._readers += 1
        self._is_unread.clear()
        try:
            async with self._turn:
                return await self._next(socket)
        finally:
            self._readers -= 1
            if not self._readers:
                self._is_unread.set()

    async def _next(self, socket: Socket) -> str | bytes | None:
        while self.close_code is None or socket.events or not socket.done:
            message = await socket.receive()
            if isinstance(message, (str, bytes)):
                return message
            if message is None:
                self._ended(1006, "")
                return None
            code, reason = message
            self._ended(1005 if code is None else code, reason)
            # In kind; what comes then is the end.
            await socket.leave(code, "")
        return None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Says the last word, a code that is 1000 or 3000 to 4999 and a reason of at most 123 bytes, and waits for the app's. What the app has
        sent before that goes to whoever receives meanwhile; where nobody does it is dropped."""
        number("code", code)
        text_of("reason", reason)
        if code != 1000 and not 3000 <= code <= 4999:
            raise InvalidError("a code to close with is 1000, or 3000 to 4999")
        if len(reason.encode()) > 123:
            raise InvalidError("a reason has at most 123 bytes")
        socket = self._opened()
        await socket.leave(code, reason)
        while True:
            await self._is_unread.wait()
            if not self._readers:
                async with self._turn:
                    if await self._next(socket) is None:
                        return

    def __aiter__(self) -> WebSocket:
        return self

    async def __anext__(self) -> str | bytes:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message

    def _ended(self, code: int, reason: str) -> None:
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason

    def _opened(self) -> Socket:
        if self._socket is None or not self._socket.is_open:
            raise RuntimeError("open the WebSocket first: async with app.websocket(url) as socket")
        return self._socket

    def __repr__(self) -> str:
        return f"<WebSocket {self._url!r}{'' if self.close_code is None else f' closed {self.close_code}'}>"
