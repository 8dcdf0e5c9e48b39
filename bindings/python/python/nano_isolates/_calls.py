"""What apps ask of Python: functions, objects and classes in `env`, and how their answers get back."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from ._errors import InvalidTypeError, NanoError, NotFoundError, TooLargeError
from ._exchange import CALL_CANCELED, CALL_CHUNK
from ._http import Headers, Request, Response, chunk_of, close_iterator
from ._hub import Hub, Loop, log

# What JavaScript does with these names by itself is not for Python to answer.
_NEVER = {"constructor", "then", "toJSON", "__proto__"}
# What is asked of an object.
_OF_OBJECTS = {"object_method", "object_get", "object_set"}
# What no body yields.
_END: Any = object()


class Service:
    """Another app of the runtime as a binding: `env.NAME.fetch(request)`, `env.NAME.method(...)`. `entrypoint` is the export that
    answers, if it is not the default one. The app need not be loaded before it is called."""

    def __init__(self, app: str, entrypoint: str | None = None) -> None:
        self.app = app
        self.entrypoint = entrypoint


class Queue:
    """A queue of the runtime's as a binding: `env.NAME.send(value)`, `env.NAME.sendBatch(messages)`. Apps take its messages as `consumers`."""

    def __init__(self, queue: str) -> None:
        self.queue = queue


class Bindings:
    """What one version of an app finds in `env` besides text, and the loop that answers it."""

    def __init__(self, bindings: Mapping[str, Any], home: Loop | None, body_max: int, before: Bindings | None = None) -> None:
        # Whose they are: the same as of the version before. It has something in it when their app has ended.
        self.owner: list[None] = [] if before is None else before.owner
        self.by_name = dict(bindings)
        self.home = home
        self.body_max = body_max
        self.classes = {value: name for name, value in self.by_name.items() if isinstance(value, type)}
        # Whether any of them is answered here, and the other apps that answer.
        self.asks_python = any(not isinstance(value, (Service, Queue)) for value in self.by_name.values())
        self.services = [value.app for value in self.by_name.values() if isinstance(value, Service)]

    def describe(self) -> list[tuple[str, str, list[str], list[str], str, str | None]]:
        """The same for the native half."""
        return [_describe(name, value) for name, value in self.by_name.items()]

    def giver(self, hub: Hub, given: list[int]) -> Giver:
        """Finds the number for an object of one of the classes, and notes it."""
        return Giver(self.classes, hub, given)


class Giver:
    """Gives an app the objects that are of one of the classes, and takes back what was given in vain."""

    __slots__ = ("_classes", "_hub", "given")

    def __init__(self, classes: Mapping[type, str], hub: Hub, given: list[int]) -> None:
        self._classes = classes
        self._hub = hub
        self.given = given

    def __call__(self, value: Any) -> tuple[str, int] | None:
        for cls in type(value).__mro__:
            name = self._classes.get(cls)
            if name is not None:
                number = self._hub.give(value)
                self.given.append(number)
                return name, number
        return None

    def take_back_to(self, count: int) -> None:
        while len(self.given) > count:
            self._hub.take_back(self.given.pop())


def _describe(name: str, value: Any) -> tuple[str, str, list[str], list[str], str, str | None]:
    if not isinstance(name, str):
        raise InvalidTypeError("the name of a binding is a str")
    if isinstance(value, Service):
        return (name, "app", [], [], value.app, value.entrypoint)
    if isinstance(value, Queue):
        return (name, "queue", [], [], value.queue, None)
    if isinstance(value, type):
        methods, properties = _members(value)
        return (name, "class", methods, properties, "", None)
    if value is None or isinstance(value, (str, bytes, int, float, list, tuple, dict, set)):
        why = f"the binding {name} is a {type(value).__name__}: that belongs in env, and a binding is a function, a class or an object"
        raise InvalidTypeError(why)
    return (name, "function" if callable(value) else "object", [], [], "", None)


def _members(cls: type) -> tuple[list[str], list[str]]:
    methods, properties = [], []
    for name in dir(cls):
        if not is_public(name):
            continue
        member = inspect.getattr_static(cls, name)
        if isinstance(member, (staticmethod, classmethod)) or callable(member):
            methods.append(name)
        else:
            properties.append(name)
    for base in cls.__mro__:
        for name in getattr(base, "__annotations__", {}):
            if is_public(name) and name not in properties and name not in methods:
                properties.append(name)
    return methods, properties


def is_public(name: str) -> bool:
    """Whether apps may use a member of this name."""
    return not name.startswith("_") and name not in _NEVER


def _method(target: Any, name: str) -> Callable[..., Any]:
    method = getattr(target, name, None) if is_public(name) else None
    if not callable(method):
        raise TypeError(f"{name} is not a method of it")
    return method


def _told(error: BaseException) -> tuple[str, str]:
    """What an app is told of an error: its class, whatever its own words are, and these."""
    try:
        words = str(error)
    except Exception:
        words = ""
    # Half a character has no form outside of Python.
    name, message = (text.encode("utf-8", "replace").decode() for text in (type(error).__name__, words))
    return name, message


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


class Call:
    """One call of an app, from its event to the answer's end."""

    def __init__(self, hub: Hub, id: int) -> None:
        self.hub = hub
        self.id = id
        self.loop: Loop | None = None
        self.task: asyncio.Task[None] | None = None
        self.canceled = False
        self._chunks: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._room = False
        self._last: tuple[Any, ...] | None = None

    # Events.

    def push(self, event: tuple[Any, ...], here: Loop | None) -> bool:
        kind = event[1]
        if kind == CALL_CHUNK:
            if event is not self._last:
                self._last = event
                self._chunks.append(event[2])
        elif kind == CALL_CANCELED:
            self.canceled = True
            self.hub.forget(self.id)
        else:
            self._room = True
        if self.loop is not None:
            self._on_loop(self._wake, here)
        return False

    def end(self) -> None:
        """The runtime is closed."""
        self.canceled = True
        if self.loop is not None:
            self._on_loop(self._wake, None)

    def _on_loop(self, step: Callable[[], object], here: Loop | None) -> None:
        assert self.loop is not None
        if self.loop is here:
            step()
            return
        try:
            self.loop.call_soon_threadsafe(step)
        except RuntimeError:
            # It is closed: its tasks have ended with it.
            pass

    def _wake(self) -> None:
        if self.canceled and self.task is not None:
            self.task.cancel()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        assert self.loop is not None
        self._waiter = self.loop.create_future()
        await self._waiter

    # The answer.

    def start(self, here: Loop | None) -> None:
        """Finds out what is asked, and has it answered where it belongs."""
        try:
            version, view = self.hub.native.call_view(self.id, self.hub.held)
        except NotFoundError:
            self.hub.forget(self.id)
            return
        except Exception as error:
            self._fail(error)
            return
        bindings = self.hub.versions.get(version)
        if bindings is None:
            self._fail(NanoError("the app is not one of this runtime's"))
            return
        self.loop = self.hub.home(bindings.home)
        self._on_loop(partial(self._run, view, bindings), here)

    def _run(self, view: tuple[Any, ...], bindings: Bindings) -> None:
        assert self.loop is not None
        if self.canceled:
            return
        kind = view[2]
        # Apps set properties without waiting, and find them set by what they ask of the object next.
        setting = self.hub.setting.get(view[3]) if kind in _OF_OBJECTS else None
        if setting is None or setting.get_loop() is not self.loop:
            self.task = self._begin(view, bindings)
        else:
            self.task = self.loop.create_task(self._after(setting, view, bindings))
        if kind == "object_set" and self.task is not None:
            self.hub.set_by(view[3], self.task)

    async def _after(self, setting: asyncio.Task[None], view: tuple[Any, ...], bindings: Bindings) -> None:
        await asyncio.wait((setting,))
        begun = self.task = self._begin(view, bindings)
        if begun is not None:
            await begun

    def _begin(self, view: tuple[Any, ...], bindings: Bindings) -> asyncio.Task[None] | None:
        """Asks what is asked, and answers it, now or by a task."""
        assert self.loop is not None
        try:
            function, args = self._target(view, bindings)
            result = self._ask(view[0], function, *args)
        except BaseException as error:
            self._broke(error)
            return None
        if inspect.isawaitable(result):
            return self.loop.create_task(self._later(result, view, bindings))
        if view[2] == "fetch":
            return self.loop.create_task(self._respond(result, view[0]))
        self._return(result, bindings)
        return None

    def _ask(self, app: str, function: Callable[..., Any], *args: Any) -> Any:
        """Calls a function. Where nobody's loop is at stake, what blocks may: it has a thread to itself, and this gives what to wait for."""
        if _is_async(function) or not self.hub.is_own(self.loop):
            return function(*args)
        running = self.hub.own_loop().threads.submit(app, partial(function, *args))
        return asyncio.wrap_future(running, loop=self.loop)

    async def _later(self, result: Any, view: tuple[Any, ...], bindings: Bindings) -> None:
        try:
            value = await result
            # A function that is not async may still have given something to wait for.
            while inspect.isawaitable(value):
                value = await value
        except asyncio.CancelledError:
            self._fail(NanoError("the call was canceled"))
            raise
        except BaseException as error:
            self._broke(error)
            return
        if view[2] == "fetch":
            await self._respond(value, view[0])
        else:
            self._return(value, bindings)

    def _target(self, view: tuple[Any, ...], bindings: Bindings) -> tuple[Callable[..., Any], list[Any]]:
        _, name, kind, *rest = view
        if kind == "object_method":
            number, method, args = rest
            return _method(self.hub.held(name, number), method), args
        if kind == "object_get":
            number, member = rest
            return partial(self._get, self.hub.held(name, number), member), []
        if kind == "object_set":
            number, member, value = rest
            return partial(self._set, self.hub.held(name, number), member, value), []
        target = bindings.by_name.get(name)
        if kind == "fetch":
            fetch = _method(target, "fetch")
            request = self._request(*rest[0])
            if request.body is not None and not isinstance(request.body, bytes) and not _is_async(fetch):
                return self._read_first(partial(self._ask, view[0], fetch), request, bindings), []
            return fetch, [request]
        if kind == "method":
            method, args = rest
            return _method(target, method), args
        if kind in ("function", "construct") and callable(target):
            return target, rest[0]
        raise TypeError(f"{name} is not for that")

    @staticmethod
    def _get(target: Any, member: str) -> Any:
        if not is_public(member):
            raise AttributeError(member)
        return getattr(target, member)

    @staticmethod
    def _set(target: Any, member: str, value: Any) -> None:
        if not is_public(member):
            raise AttributeError(member)
        setattr(target, member, value)

    def _request(self, method: str, url: str, flat: bytes, body: bytes, streaming: bool) -> Request:
        request = Request(url, method=method, headers=Headers.from_flat(flat))
        request.body = self._body() if streaming else (body or None)
        return request

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            while not self._chunks:
                if self.canceled:
                    raise NanoError("the app has given the call up")
                await self._wait()
            chunk = self._chunks.popleft()
            if not chunk:
                return
            try:
                self.hub.native.credit(self.id, len(chunk))
            except NotFoundError:
                pass
            yield chunk

    def _read_first(self, fetch: Callable[..., Any], request: Request, bindings: Bindings) -> Callable[[], Any]:
        """For a `fetch` that is not async, and so cannot wait for the body."""

        async def read_first() -> Any:
            chunks, have = [], 0
            async for chunk in request.aiter_bytes():
                have += len(chunk)
                if have > bindings.body_max:
                    raise TooLargeError(f"the body has more than {bindings.body_max} bytes: make fetch async, and read it in pieces")
                chunks.append(chunk)
            request.body = b"".join(chunks)
            return fetch(request)

        return read_first

    def _return(self, value: Any, bindings: Bindings) -> None:
        given: list[int] = []
        try:
            self.hub.native.call_return(self.id, value, bindings.giver(self.hub, given))
        except BaseException as error:
            for number in given:
                self.hub.take_back(number)
            self._broke(error)
            return
        self.hub.forget(self.id)

    def _pieces(self, app: str, response: Response) -> AsyncIterator[bytes]:
        """The body of a response. What yields it is asked as functions are, unless it is all there."""
        source = response._source
        if isinstance(source, (AsyncIterable, list, tuple)) or not self.hub.is_own(self.loop):
            return response.aiter_bytes()
        return self._asked(app, response.iter_bytes())

    async def _asked(self, app: str, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (chunk := await self._ask(app, next, chunks, _END)) is not _END:
            yield chunk

    async def _respond(self, value: Any, app: str) -> None:
        native = self.hub.native
        try:
            response = value if isinstance(value, Response) else Response(value)
            raw = response.headers.raw
            if not response.is_stream:
                native.call_respond(self.id, response.status, response.status_text, raw, response.body)
            else:
                native.call_respond(self.id, response.status, response.status_text, raw, None)
                chunks = self._pieces(app, response)
                try:
                    async for chunk in chunks:
                        await self._write(chunk_of(chunk))
                finally:
                    await close_iterator(chunks)
                native.call_end(self.id)
        except NotFoundError:
            # The app has given the call up.
            pass
        except asyncio.CancelledError:
            self._fail(NanoError("the call was canceled"))
            raise
        except BaseException as error:
            self._broke(error)
            return
        self.hub.forget(self.id)

    async def _write(self, rest: bytes) -> None:
        while rest:
            self._room = False
            taken = self.hub.native.call_write(self.id, rest)
            rest = rest[taken:]
            # A body that nobody reads takes everything: its iterator must not keep the loop from hearing that.
            await asyncio.sleep(0)
            while rest and not self._room:
                if self.canceled:
                    raise NotFoundError("the app has given the call up")
                await self._wait()

    def _broke(self, error: BaseException) -> None:
        """What was to answer has raised. What means to end the program ends a loop of the host's, as it would there; the runtime's own one has
        other calls to answer. Of everything else the app has been told."""
        self._fail(error)
        if isinstance(error, (SystemExit, KeyboardInterrupt)) and not self.hub.is_own(self.loop):
            raise error

    def _fail(self, error: BaseException) -> None:
        """Rejects the app's promise. The app is told what kind of error it was, and its text: write texts that it may read."""
        if not self.canceled:
            log.debug("a call of an app failed", exc_info=error)
        self.hub.forget(self.id)
        try:
            self.hub.native.call_throw(self.id, *_told(error))
        except NanoError:
            # Nobody waits for it any more.
            pass


