"""WebSockets between an ASGI server and an app."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from ._errors import NanoError
from ._exchange import ERROR
from ._http import Pairs, Response
from ._mount import headers_of, problem, report
from ._websocket import Socket

if TYPE_CHECKING:
    from ._runtime import App

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# What a client is told when its WebSocket ends by an error, with the error's name: as a listener of NANO's says it.
_GOING_AWAY, _FAILED = 1001, 1011
_GOES_AWAY = frozenset(["NANO_E_SHUTDOWN", "NANO_E_DRAINING"])
# What servers call a client's last word that has no code.
_NO_CODE = 1005
# When the app has ended, its client has so long to take what is left.
_LAST_WORDS_S = 10.0


async def relay(app: App, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Answers a scope of the type `websocket`."""
    if (await receive())["type"] != "websocket.connect":
        return
    socket = Socket(app._hub, asyncio.get_running_loop(), scope.get("subprotocols") or ())
    client = _Client(socket, scope, receive, send)
    socket.on_end = client.hurry
    try:
        await _carry(app, scope, socket, client)
    except asyncio.CancelledError:
        if not client.is_late():
            raise
        # Nobody has come as far as to why it has ended.
        if socket.events and socket.events[-1][1] == ERROR and not client.left:
            report(app.name, socket.events[-1][2])
    finally:
        client.end()


async def deny(error: NanoError, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """The same when there is no app."""
    if (await receive())["type"] != "websocket.connect":
        return
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": _FAILED, "reason": error.name.removeprefix("NANO_E_")})
        return
    status, headers, body = problem(error)
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


async def _carry(app: App, scope: MutableMapping[str, Any], socket: Socket, client: _Client) -> None:
    try:
        socket.ask(app._native.dispatch_asgi_websocket, scope)
        client.listen()
        response = await socket.answer()
        if response is not None:
            await client.refuse(response)
            return
        await client.tell({"type": "websocket.accept", "subprotocol": socket.subprotocol, "headers": socket.pairs})
        client.accepted = True
        while (message := await socket.receive()) is not None:
            if isinstance(message, str):
                await client.tell({"type": "websocket.send", "text": message})
            elif isinstance(message, bytes):
                await client.tell({"type": "websocket.send", "bytes": message})
            else:
                code, reason = message
                # ASGI has no end without a code.
                await client.close(1000 if code is None else code, reason)
                await socket.leave(code, "")
        await client.close(_FAILED, "")
    except NanoError as error:
        # Also if the client has been told the last word: this is what it is about.
        if not client.left:
            report(app.name, error)
            await client.fail(error)


class _Client:
    """The server's side: who is listened to, and told."""

    accepted = False
    # It has left, or has been told the last word.
    gone = False
    # It has left by itself.
    left = False
    _listener: asyncio.Task[None] | None = None
    _timer: asyncio.TimerHandle | None = None
    _late = False

    def __init__(self, socket: Socket, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self._socket = socket
        self._receive = receive
        self._send = send
        # Whose task it is that sends, until it leaves.
        self._task = asyncio.current_task()
        self._takes_responses = "websocket.http.response" in (scope.get("extensions") or {})

    def listen(self) -> None:
        """Passes on what it says, from now on."""
        self._listener = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        socket = self._socket
        try:
            while True:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    if not self.gone:
                        self.left = self.gone = True
                    if not socket.is_open:
                        socket.cancel()
                        return
                    code = message.get("code", _NO_CODE)
                    # Without a reason uvicorn means by it that the connection is lost.
                    if code == _NO_CODE and "reason" in message:
                        code = None
                    await socket.leave(code, message.get("reason") or "")
                    return
                text = message.get("text")
                await socket.give(text if text is not None else bytes(message["bytes"]))
                # An app that takes everything, and a server that has it, must not keep the loop from hearing of an end.
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            raise
        except BaseException as failure:
            # The server's own: whoever waits for the app learns of it, and the app that the client is gone.
            socket._break(failure)

    async def tell(self, message: Message) -> None:
        """Sends it a message, if it is still there."""
        if self.gone:
            return
        try:
            await self._send(message)
        except OSError:
            # It has left, which the server says in its own words next.
            self.left = self.gone = True

    async def close(self, code: int, reason: str) -> None:
        """Its last message."""
        await self.tell({"type": "websocket.close", "code": code, "reason": reason})
        self.gone = True

    async def refuse(self, response: Response) -> None:
        """The app has answered with something else than a WebSocket."""
        headers, is_bare = headers_of("GET", response)
        if not self._takes_responses:
            await self.close(1000, "")
            return
        await self._begin(response.status, headers)
        if not is_bare and response.is_stream:
            async for chunk in response.aiter_bytes():
                await self.tell({"type": "websocket.http.response.body", "body": chunk, "more_body": True})
        await self._finish(b"" if is_bare or response.is_stream else response.body)

    async def fail(self, error: NanoError) -> None:
        """There is no response, or no more of it."""
        if self.accepted or not self._takes_responses:
            await self.close(_GOING_AWAY if error.name in _GOES_AWAY else _FAILED, error.name.removeprefix("NANO_E_"))
            return
        status, headers, body = problem(error)
        await self._begin(status, headers)
        await self._finish(body)

    async def _begin(self, status: int, headers: Pairs) -> None:
        self._takes_responses = False
        await self.tell({"type": "websocket.http.response.start", "status": status, "headers": headers})

    async def _finish(self, body: bytes) -> None:
        await self.tell({"type": "websocket.http.response.body", "body": body})
        self.gone = True

    def hurry(self) -> None:
        """The app has ended: who does not read is not waited for much longer."""
        if self._timer is None and self._task is not None:
            self._timer = asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._give_up)

    def _give_up(self) -> None:
        assert self._task is not None
        self._late = True
        self._task.cancel()

    def is_late(self) -> bool:
        """Whether it is for this alone that the task is canceled: as `asyncio.timeout` has it, which is not in Python 3.10."""
        if not self._late:
            return False
        assert self._task is not None
        return sys.version_info < (3, 11) or self._task.uncancel() == 0

    def end(self) -> None:
        """Leaves nothing behind."""
        self._task = None
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.cancel()
        self._socket.on_end = None
        self._socket.cancel()
