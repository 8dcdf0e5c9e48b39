"""One request between its dispatch and its end, as the thread or the loop sees it that waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from ._errors import CanceledError, InvalidError, NotFoundError, TooLargeError
from ._http import Response, chunk_of, close_iterator, response_of
from ._threads import waiting

if TYPE_CHECKING:
    from ._hub import Hub

# What happened, as the native half numbers it.
RESPONSE, CHUNK, END, ERROR, WRITABLE, RESULT, CALL, CALL_CHUNK, CALL_CANCELED, RELEASE, LOG, APP, OPENED, VERSION_END = range(14)


class Exchange:
    """Events of one request. Events come from whoever drains the queue, on any thread; any number of threads, or of the loop's tasks, takes
    them: each gets one of them once, and the last one goes to all."""

    # What most of them never have is here, and not set for each.
    id = 0
    token = 0
    done = False
    # What is left to send of a streaming body, where the thread that waits also writes.
    upload: Iterator[bytes] | None = None
    # What there was no room for of its last piece.
    _rest = b""
    task: asyncio.Task[None] | None = None
    failure: BaseException | None = None
    # The last event, once it has come.
    end: tuple[Any, ...] | None = None
    _waiters: list[asyncio.Future[Any]] | None = None
    _writer: asyncio.Future[None] | None = None
    _room = False
    _last: tuple[Any, ...] | None = None

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop | None, _: object = None) -> None:
        self.hub = hub
        self.loop = loop
        self.events: deque[tuple[Any, ...]] = deque()

    def adopt(self, token: int, id: int, future: asyncio.Future[Any]) -> None:
        """Goes on with a request that a future has been waiting for, which learns by None that there is an exchange."""
        self.token = token
        self.id = id
        self._waiters = [future]

    def push(self, event: tuple[Any, ...], here: asyncio.AbstractEventLoop | None) -> bool:
        """Takes an event in; whether a thread may be waiting for it."""
        kind = event[1]
        if kind == WRITABLE:
            self._room = True
        else:
            if event is not self._last:
                # Nothing comes between these two: signals are looked for when a call returns.
                self._last = event
                self.events.append(event)
            if kind == END or kind == ERROR or kind == RESULT or (kind == RESPONSE and event[4]):
                self.end = event
                self.done = True
        loop = self.loop
        if loop is None:
            return True
        if loop is here:
            self._wake()
        else:
            try:
                loop.call_soon_threadsafe(self._wake)
            except RuntimeError:
                # The loop is closed: nobody waits any more.
                pass
        return False

    def _wake(self) -> None:
        waiters = self._waiters
        if waiters is not None and self.has_come():
            self._waiters = None
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        writer = self._writer
        if writer is not None and (self._room or self.done):
            self._writer = None
            if not writer.done():
                writer.set_result(None)

    def cancel(self) -> None:
        """Ends the request, if it has not ended."""
        if self.task is not None:
            self._end_upload(self.task)
        if not self.done:
            self.done = True
            try:
                self.hub.native.request_cancel(self.id)
            except Exception:
                # It has ended in this moment, or its process is a fork of the one that made it.
                pass

    def _end_upload(self, task: asyncio.Task[None]) -> None:
        # A finalizer runs on any thread, and a task is its loop's alone.
        if self.loop is asyncio._get_running_loop():
            task.cancel()
        elif self.loop is not None:
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Nobody listens any more."""
        self.cancel()

    def has_come(self) -> bool:
        """Whether there is an event for whoever asks."""
        return bool(self.events) or self.end is not None

    def take(self) -> tuple[Any, ...] | None:
        """The first event that has come, and that nobody else has taken."""
        try:
            event = self.events.popleft()
        except IndexError:
            if self.end is None:
                return None
            event = self.end
        if self.task is not None and self.done and not self.events:
            # The last one: nobody reads the rest of the request's body.
            self.task.cancel()
        if event[1] == ERROR:
            self._raise(event[2])
        return event

    def _raise(self, error: BaseException) -> None:
        if self.failure is not None:
            raise self.failure
        raise error

    # For asyncio.

    async def anext(self) -> tuple[Any, ...]:
        """The next event."""
        while (event := self.take()) is None:
            await self._coming()
        return event

    async def _coming(self) -> None:
        """What a task of the loop waits for when there is no event."""
        assert self.loop is not None
        waiter = self.loop.create_future()
        if self._waiters is None:
            self._waiters = [waiter]
        else:
            self._waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            # Given up: what comes is not for this one, and it may be long until anything does.
            if self._waiters is not None and waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    async def send(self, body: AsyncIterator[bytes]) -> None:
        """Sends a streaming body as fast as the app reads it."""
        native = self.hub.native
        try:
            async for chunk in body:
                rest = chunk_of(chunk)
                while rest:
                    self._room = False
                    taken = native.request_write(self.id, rest)
                    rest = rest[taken:]
                    if rest and not self._room:
                        assert self.loop is not None
                        if self.done:
                            return
                        self._writer = self.loop.create_future()
                        await self._writer
                    else:
                        # A body that nobody reads takes everything: its iterator must not keep the loop from hearing the end.
                        await asyncio.sleep(0)
            native.request_end(self.id)
        except NotFoundError:
            # The request has ended without reading on.
            pass
        except asyncio.CancelledError:
            raise
        except BaseException as failure:
            self._break(failure)
        finally:
            await close_iterator(body)

    # For threads.

    def next(self) -> tuple[Any, ...]:
        """The next event. What is left of the request's body is sent meanwhile, by one thread at a time."""
        while (event := self.take()) is None:
            if self.upload is None:
                self.hub.wait_for(self.has_come)
            elif vars(self).setdefault("_sender", here := threading.get_ident()) != here:
                self.hub.wait_for(lambda: self.has_come() or "_sender" not in vars(self))
            else:
                try:
                    has_room = self._step()
                finally:
                    del vars(self)["_sender"]
                if not has_room:
                    self.hub.wait_for(lambda: self.has_come() or self._room)
        return event

    def _step(self) -> bool:
        """Sends one piece; false if there is no room for all of it."""
        if self.upload is None:
            # Another thread has sent the last one.
            return True
        native = self.hub.native
        try:
            if not self._rest:
                try:
                    self._rest = chunk_of(next(self.upload))
                except StopIteration:
                    self.upload = None
                    native.request_end(self.id)
                    return True
            self._room = False
            self._rest = self._rest[native.request_write(self.id, self._rest) :]
        except NotFoundError:
            self.upload = None
            return True
        except BaseException as failure:
            self.upload = None
            self._break(failure)
            raise
        return not self._rest

    def _break(self, failure: BaseException) -> None:
        """The body's own iterator failed: the request is over, and whoever waits for it learns why."""
        self.failure = failure
        try:
            self.hub.native.request_cancel(self.id)
        except NotFoundError:
            pass


class ResponseBody:
    """The body of a response, while it comes. An iterator for threads, or for asyncio, as the request was made."""

    # Its last piece has been taken.
    _is_whole = False
    # Why that will never be.
    _failure: Exception | None = None

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.response: weakref.ref[Response] | None = None
        self.closed = False

    def close(self) -> None:
        self.closed = True
        self.exchange.cancel()

    def __del__(self) -> None:
        # Also half-made, if the interpreter ends in between.
        exchange = getattr(self, "exchange", None)
        if exchange is not None:
            exchange.cancel()

    def check_unread(self) -> None:
        """Raises if there is nothing to read any more: what has been given away piece by piece must not look like an empty body."""
        if self._is_over():
            raise InvalidError("the body has been read already: keep its pieces, or read it by read() or aread(), which keep it")

    def _is_over(self) -> bool:
        """Whether it is whole. What has broken off or was closed before that raises, however often it is read."""
        if self._failure is None and not self._is_whole:
            if self.closed:
                self._failure = CanceledError("the response was closed before its body had been read")
            elif self.exchange.done and not self.exchange.has_come():
                self._failure = CanceledError("the request has been canceled: its response is not whole")
        if self._failure is not None:
            raise self._failure
        return self._is_whole

    def _take(self, event: tuple[Any, ...]) -> bytes | None:
        if event[1] == CHUNK:
            chunk: bytes = event[2]
            if chunk:
                try:
                    self.exchange.hub.native.credit(self.exchange.id, len(chunk))
                except NotFoundError:
                    # Its end waits behind this piece.
                    pass
            return chunk
        self._is_whole = True
        response = self.response and self.response()
        if response is not None and event[1] == END:
            response._account = event[2]
        return None

    def _fail(self, error: Exception) -> None:
        if self.exchange.done and not self.exchange.events:
            self._failure = error


class SyncBody(ResponseBody):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._lock = threading.RLock()
        self._is_read = False

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Stands around reading all of it: whoever comes second waits for the first."""
        waiting(self._lock.acquire)()
        try:
            if self._is_read:
                raise InvalidError("this thread is in the middle of reading the body")
            self._is_read = True
            try:
                yield
            finally:
                self._is_read = False
        finally:
            self._lock.release()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._is_over():
            raise StopIteration
        try:
            chunk = self._take(self.exchange.next())
        except Exception as error:
            self._fail(error)
            raise
        if chunk is None:
            raise StopIteration
        return chunk


class AsyncBody(ResponseBody):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._lock = asyncio.Lock()

    def aturn(self) -> asyncio.Lock:
        """Stands around reading all of it: whoever comes second waits for the first."""
        return self._lock

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._is_over():
            raise StopAsyncIteration
        try:
            chunk = self._take(await self.exchange.anext())
        except asyncio.CancelledError:
            self._failure = CanceledError("the task that read the response was canceled, and the request with it")
            self.exchange.cancel()
            raise
        except Exception as error:
            self._fail(error)
            raise
        if chunk is None:
            raise StopAsyncIteration
        return chunk


def begin(event: tuple[Any, ...], body: type[ResponseBody], exchange: Exchange) -> Response:
    """The response that a RESPONSE event tells of: whole, or with a body that follows."""
    _, _, head, bytes_, end, account = event
    if end:
        return response_of(head, bytes_, None, account)
    source = body(exchange)
    response = response_of(head, None, source, None)
    source.response = weakref.ref(response)
    return response


def gather(chunks: list[bytes], chunk: bytes, have: int, max: int) -> int:
    """Adds a piece to a body that is read whole."""
    have += len(chunk)
    if have > max:
        why = f"the response has more than {max} bytes (limit external_bytes): fetch it with stream=True"
        raise TooLargeError(why, http_status=500)
    chunks.append(chunk)
    return have
