"""Runtimes and apps: what people hold in their hands."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import threading
import time
import weakref
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from . import _nano
from ._calls import Bindings, _is_async
from ._errors import InvalidError, InvalidTypeError, NanoError, TimedOutError, closed
from ._exchange import CHUNK, AsyncBody, Exchange, SyncBody, begin, gather
from ._http import Body, HeadersInit, Pairs, Request, Response, from_iterable, pairs_of, response_of, whole
from ._hub import Hub, Loop
from ._listener import Certificate, Listener, ListenLimits
from ._listener import options_of as listen_options_of
from ._options import APP_LIMITS, RELOADABLE, AppOptions, ReloadOptions, RuntimeLimits, external_bytes, flag, number
from ._options import option, options_of, seconds, source_of, text_of
from ._threads import waiting
from ._values import undefined
from ._websocket import WebSocket

if TYPE_CHECKING:
    from typing_extensions import Unpack

# What a Date of JavaScript's can say.
_DATE_MS_MAX = 8.64e15
# A body as it is sent: none, whole, or in pieces.
_Content: TypeAlias = Union[bytes, Iterable[bytes], AsyncIterable[bytes], None]


class Runtime:
    """Threads that run JavaScript, and the apps on them.

    Keyword arguments are the runtime's limits (`threads` is one per core by default) and:

    - `on_log(app, level, text, dropped)` is called with what apps say on their console, and, of no app (`""`), with what the runtime has
      to say itself; `on_app(app, state, reason)` with what becomes of them;
    - `manual_clock=True` gives it a clock that only `advance(ms)` moves, which begins at `clock_unix_ms`;
    - `roots` says whose certificates apps trust: `webpki` (the default), `system` or `file:PATH`.

    Make it after forking. Close it with `close()`, or `with`, or `async with`; otherwise it is closed when it and its apps are collected,
    and at the interpreter's end.
    """

    def __init__(
        self,
        *,
        on_log: Callable[[str, str, str, int], object] | None = None,
        on_app: Callable[[str, str, str], object] | None = None,
        manual_clock: bool = False,
        clock_unix_ms: int | None = None,
        roots: str = "webpki",
        **limits: Unpack[RuntimeLimits],
    ) -> None:
        for name, listener in (("on_log", on_log), ("on_app", on_app)):
            if listener is not None and not callable(listener):
                raise InvalidTypeError(f"{name} is a function, not {type(listener).__name__}")
            if listener is not None and _is_async(listener):
                raise InvalidTypeError(f"{name} is a function that is not async: nobody would wait for it")
        native = _nano.Runtime(
            dict(limits),
            logs=on_log is not None,
            apps=on_app is not None,
            manual_clock=flag("manual_clock", manual_clock),
            clock_unix_ms=None if clock_unix_ms is None else number("clock_unix_ms", clock_unix_ms),
            roots=text_of("roots", roots),
        )
        self._hub = Hub(native, on_log, on_app)
        self._finalizer = weakref.finalize(self, self._hub.close)
        loop = _running_loop()
        if loop is not None:
            self._hub.attach(loop)
        elif on_log is not None or on_app is not None:
            self._hub.own_loop()

    def load(self, source: str | os.PathLike[str], **options: Unpack[AppOptions]) -> App:
        """Loads an app: reads, compiles and starts it, or raises what is wrong with it. Blocks; `aload` does not.

        Its name is taken from now until it has been unloaded: `BusyError` if it is another app's.

        `source` is the app's code as text, or the path of its file or folder (`kind`: text, typescript, tsx, file, folder, echo; by default
        a `Path` is a path, and so is a `str` without a line break that names something that exists or looks like one: `./shop`). Calls of the app to `bindings` are answered
        on the event loop that is running now, or by the runtime's own thread; a module that waits for one while it loads needs `aload` there.
        Other options are `name`, `env`, `outbound`, `egress` (`public` by default, `deny` or `any`) with `egress_allow` and `egress_deny`,
        `base_url`, `crons`, `consumers`, `tail`, `code_generation`, `random_seed`, `lazy`, and the app's limits by their names.
        """
        return self._load_for(_running_loop(), source, options)

    async def aload(self, source: str | os.PathLike[str], **options: Unpack[AppOptions]) -> App:
        """`load` in a thread, while the loop goes on. If the task is canceled the app is unloaded when the thread has come to its end."""
        read = options_of(source, options)
        loop = asyncio.get_running_loop()
        self._hub.attach(loop)
        loading = _Loading(partial(self._load, read, _bindings(options.get("bindings")), loop))
        try:
            return await self._hub.in_thread(loading.run)
        except BaseException:
            loading.leave()
            raise

    def _load_for(self, loop: Loop | None, source: str | os.PathLike[str], options: AppOptions) -> App:
        """`load` for a loop whose thread need not be this one."""
        return self._load(options_of(source, options), _bindings(options.get("bindings")), loop)

    def _load(self, options: dict[str, Any], bindings: dict[str, Any], loop: Loop | None) -> App:
        hub = self._hub
        hub.check()
        given = Bindings(bindings, loop, external_bytes(options))
        options["bindings"] = given.describe()
        if loop is None:
            if given.asks_python:
                hub.own_loop()
        elif loop is _running_loop():
            hub.attach(loop)
        else:
            hub.attach_soon(loop)
        name = options["name"]
        made: list[_nano.App] = []
        options["version"] = version = hub.keep(given)
        try:
            hub.claim(name, given)
            # Kept by the same call that makes it: a signal's handler that raises comes between any two of Python's steps.
            waiting(made.extend)(map(hub.native.load, (options,)))
            return App(self, made[0], given, options)
        except BaseException:
            for native in made:
                with contextlib.suppress(NanoError):
                    native.unload(0.0)
            hub.disclaim(name, given)
            hub.let_go(version)
            raise

    def listen(
        self,
        address: str,
        apps: App | Mapping[str, App],
        *,
        certificates: Iterable[Certificate] | None = None,
        behind_proxy: bool = False,
        limits: ListenLimits | None = None,
    ) -> Listener:
        """Listens for HTTP: requests go to their apps and responses to their clients on NANO's threads. `FileError` if the address cannot be
        had.

        `address` is `IP:PORT`, where port 0 is any that is free, `unix:/PATH`, or `fd:NUMBER` for a socket that somebody else has bound.
        `apps` is the one app that gets every request, or a mapping of `HOST`, `HOST/path`, `/path` and `""` (whatever no other names) to
        apps; of those that fit the longest path counts, and others get 404. With `certificates`, pairs of a chain and a key, it speaks TLS.
        With `behind_proxy` what the proxy says last of its clients is believed: nobody else may reach the address then.

        It listens until it or the runtime is closed, whether or not anybody keeps it. Apps' calls to `bindings` are answered on the event
        loop that is running while there is one, and by a thread of the runtime's own when there is none.
        """
        hub = self._hub
        hub.check()
        options = listen_options_of(self, address, apps, certificates, behind_proxy, limits)
        loop = _running_loop()
        if loop is not None:
            hub.attach(loop)
        hub.stand_in()
        native = hub.native.listen(options)
        hub.listeners.add(native)
        return Listener(self, native)

    def advance(self, ms: int) -> None:
        """Moves a manual clock on: timers that are due run, wall limits that are due strike."""
        self._hub.check()
        self._hub.native.advance(number("ms", ms))

    def stats(self) -> dict[str, int]:
        """What it holds and has done."""
        self._hub.check()
        return self._hub.native.stats()

    def queues(self) -> dict[str, dict[str, int]]:
        """What each queue holds and has done. A queue is there while it has messages or a consumer."""
        self._hub.check()
        return self._hub.native.queues()

    def metrics(self) -> str:
        """The same and more as Prometheus text."""
        self._hub.check()
        return self._hub.native.metrics()

    def drain(self, grace: float = 30.0) -> bool:
        """Closes the listeners, takes no new requests, waits so many seconds for those in flight, and ends the rest; whether there was none.
        Blocks."""
        self._hub.check()
        was_idle = waiting(self._hub.native.drain)(seconds("grace", grace))
        for listener in list(self._hub.listeners):
            listener.close()
        return was_idle

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._hub.closed

    def close(self) -> None:
        """Ends every request and stops the threads. Blocks until they have stopped; a second close does nothing."""
        self._finalizer()

    async def aclose(self) -> None:
        """The same in a thread."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Runtime:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Runtime:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<Runtime{' closed' if self.closed else ''}>"


class App:
    """A loaded app. It serves until it is unloaded, or its runtime is closed."""

    def __init__(self, runtime: Runtime, native: _nano.App, bindings: Bindings, options: dict[str, Any]) -> None:
        self.runtime = runtime
        self._hub = runtime._hub
        self._native = native
        self._bindings = bindings
        self._options = options

    @property
    def name(self) -> str:
        """Its name, unique in its runtime."""
        return self._native.name

    # Requests.

    async def fetch(
        self,
        request: str | Request,
        *,
        method: str | None = None,
        headers: HeadersInit | None = None,
        body: Body = None,
        timeout: float | None = None,
        stream: bool = False,
    ) -> Response:
        """Asks the app, as `fetch` does, and gives its response.

        `body` is bytes or text, or yields bytes, also asynchronously. `timeout` is how many seconds the app may take, or stand still while
        a body moves: `WallLimitError` after that. With `stream=True` the response comes when it begins, and its body by `aiter_bytes()`.
        Canceling the task cancels the request; the app learns of it by its abort signal.
        """
        method, url, pairs, content = _parts(request, method, headers, body)
        deadline_ms = _deadline_ms(timeout)
        hub = self._hub
        loop = asyncio.get_running_loop()
        if content is None or isinstance(content, bytes):
            # What is whole both ways needs no exchange.
            future = loop.create_future()
            token = hub.ask(self._native.ask, loop, future, Exchange, None, (method, url, pairs, deadline_ms), content)
            try:
                event = await future
            except BaseException:
                hub.forsake(token)
                raise
            if event is not None:
                return response_of(event[2], event[3], None, event[5])
            exchange = hub.taken(token)
        else:
            hub.attach(loop)
            exchange = Exchange(hub, loop)
            hub.open(exchange, self._native.dispatch, method, url, pairs, None, True, deadline_ms, True)
            pieces = content.__aiter__() if isinstance(content, AsyncIterable) else from_iterable(content)
            exchange.task = loop.create_task(exchange.send(pieces))
        try:
            response = begin(await exchange.anext(), AsyncBody, exchange)
            if stream or not response.is_stream:
                return response
            return await self._gather(response, exchange)
        except BaseException:
            exchange.cancel()
            raise

    async def _gather(self, response: Response, exchange: Exchange) -> Response:
        chunks: list[bytes] = []
        have = 0
        while True:
            event = await exchange.anext()
            if event[1] != CHUNK:
                response._body = b"".join(chunks)
                response._account = event[2]
                return response
            have = gather(chunks, event[2], have, self._bindings.body_max)
            self._credit(exchange, len(event[2]))

    def fetch_sync(
        self,
        request: str | Request,
        *,
        method: str | None = None,
        headers: HeadersInit | None = None,
        body: Body = None,
        timeout: float | None = None,
        stream: bool = False,
    ) -> Response:
        """The same for threads: waits, and lets other threads run meanwhile. The body of a `stream=True` response comes by `iter_bytes()`."""
        hub = self._hub
        if hub.closed:
            raise closed()
        self._check_home()
        method, url, pairs, content = _parts(request, method, headers, body)
        deadline_ms = 0 if timeout is None else _deadline_ms(timeout)
        is_whole = content is None or isinstance(content, bytes)
        if is_whole and not stream:
            head, data, account = waiting(self._native.fetch)(method, url, pairs, content, deadline_ms)  # type: ignore[arg-type]
            return response_of(head, data, None, account)
        exchange = Exchange(hub, None)
        if isinstance(content, AsyncIterable):
            raise InvalidTypeError("fetch_sync cannot read an asynchronous body: await fetch")
        if is_whole:
            hub.open(exchange, self._native.dispatch, method, url, pairs, content, False, deadline_ms, False)
        else:
            hub.open(exchange, self._native.dispatch, method, url, pairs, None, True, deadline_ms, False)
            exchange.upload = iter(content)  # type: ignore[arg-type]
        try:
            response = begin(exchange.next(), SyncBody, exchange)
            if stream or not response.is_stream:
                return response
            chunks: list[bytes] = []
            have = 0
            while (event := exchange.next())[1] == CHUNK:
                have = gather(chunks, event[2], have, self._bindings.body_max)
                self._credit(exchange, len(event[2]))
            response._body = b"".join(chunks)
            response._account = event[2]
            return response
        except BaseException:
            exchange.cancel()
            raise

    def websocket(self, url: str, *, subprotocols: Iterable[str] = (), headers: HeadersInit | None = None) -> WebSocket:
        """A WebSocket to the app, which answers the request for it: `async with app.websocket(url) as socket`. `WebSocketRefused` has the
        response of an app that answers with another one."""
        return WebSocket(self, url, subprotocols, headers)

    def _credit(self, exchange: Exchange, count: int) -> None:
        if count and not exchange.done:
            try:
                self._hub.native.credit(exchange.id, count)
            except LookupError:
                # It has ended in this moment.
                pass

    def _check_home(self) -> None:
        bindings = self._bindings
        if bindings.asks_python or bindings.services:
            self._hub.check_home(bindings, _running_loop())

    async def invoke(self, export: str, /, *args: Any) -> Any:
        """Calls a function that the app exports. Values cross by content; docs/embedding-python.md has the table."""
        hub = self._hub
        text_of("export", export)
        loop = asyncio.get_running_loop()
        hub.attach(loop)
        exchange = Exchange(hub, loop)
        hub.open(exchange, self._native.invoke, export, args, _give_nothing)
        try:
            value = (await exchange.anext())[2].take(hub.held)
        except BaseException:
            exchange.cancel()
            raise
        return None if value is undefined else value

    def invoke_sync(self, export: str, /, *args: Any) -> Any:
        """The same for threads: waits, and lets other threads run meanwhile."""
        self._hub.check()
        self._check_home()
        text_of("export", export)
        value = waiting(self._native.invoke_wait)(export, args, _give_nothing, self._hub.held)
        return None if value is undefined else value

    async def schedule(self, cron: str = "", time: float | None = None) -> dict[str, Any]:
        """Calls the app's `scheduled` with these words and this time, in seconds since 1970 (by default now): for hosts with a scheduler of
        their own. Its result: `outcome`, which is `ok`, and `noRetry`."""
        hub = self._hub
        loop = asyncio.get_running_loop()
        hub.attach(loop)
        exchange = Exchange(hub, loop)
        hub.open(exchange, self._scheduler(cron, time))
        try:
            return (await exchange.anext())[2].take(hub.held)
        except BaseException:
            exchange.cancel()
            raise

    def schedule_sync(self, cron: str = "", time: float | None = None) -> dict[str, Any]:
        """The same for threads: waits, and lets other threads run meanwhile."""
        hub = self._hub
        hub.check()
        self._check_home()
        exchange = Exchange(hub, None)
        hub.open(exchange, self._scheduler(cron, time))
        try:
            return exchange.next()[2].take(hub.held)
        except BaseException:
            exchange.cancel()
            raise

    def _scheduler(self, cron: str, at: float | None) -> Callable[[int], int]:
        text_of("cron", cron)
        if at is not None and (isinstance(at, bool) or not isinstance(at, (int, float))):
            raise InvalidTypeError(f"time is a number of seconds since 1970, not {type(at).__name__}")
        ms = (time.time() if at is None else at) * 1000
        if not abs(ms) <= _DATE_MS_MAX:
            raise InvalidError("time is a number of seconds since 1970 that a Date can say")
        # Whole milliseconds, as dates have them.
        return lambda token: self._native.schedule(token, cron, float(int(ms)))

    # Its life.

    def reload(self, source: str | os.PathLike[str] | None = None, *, kind: str | None = None, **changes: Unpack[ReloadOptions]) -> None:
        """Loads a new version, with the options of the one before but for `changes`. The old one serves until the new one has started,
        and goes on if it does not. Blocks."""
        hub = self._hub
        hub.check()
        options = dict(self._options)
        limits = dict(options["limits"])
        bindings: Mapping[str, Any] = self._bindings.by_name
        wanted: dict[str, Any] = {**changes}
        for key, value in wanted.items():
            if key == "bindings":
                bindings = _bindings(value)
            elif key in RELOADABLE:
                options[key] = option(key, value)
            elif key in APP_LIMITS:
                limits[key] = value
            else:
                raise InvalidTypeError(f"reload has no argument {key!r}")
        options["limits"] = limits
        if source is not None:
            options["source_kind"], options["source"] = source_of(source, kind)
        given = Bindings(bindings, _running_loop() or self._bindings.home, external_bytes(options), self._bindings)
        options["bindings"] = given.describe()
        options["version"] = version = hub.keep(given)
        was = hub.reclaim(self.name, given)
        begun: list[None] = []
        try:
            waiting(self._native.reload)(options, begun)
        except BaseException as error:
            # And not by an interrupt, after which the new one may come all the same.
            if not begun or isinstance(error, NanoError):
                hub.let_go(version)
                if was is not None:
                    hub.reclaim(self.name, was)
            raise
        self._options, self._bindings = options, given

    def unload(self, grace: float = 30.0) -> None:
        """Takes no new requests, lets those in flight end within so many seconds, ends the rest, and forgets the app: its name is free when
        this ends, also by `TimedOutError`, which says that an instance is still being stopped. Blocks."""
        hub = self._hub
        hub.check()
        time, owner = seconds("grace", grace), self._bindings.owner
        try:
            # Noted by the same call that ends it, as `load` does, or that is interrupted while it goes on. Any other error says that it has not
            # been ended, or that somebody else does it.
            waiting(owner.extend)(map(self._native.unload, (time,), (owner,)))
        except TimedOutError:
            owner.append(None)
            raise
        finally:
            if owner:
                hub.disclaim(self.name, self._bindings)

    async def areload(self, source: str | os.PathLike[str] | None = None, *, kind: str | None = None, **changes: Unpack[ReloadOptions]) -> None:
        """`reload` in a thread. One that has begun goes on if the task is canceled."""
        await self._hub.in_thread(lambda: self.reload(source, kind=kind, **changes))

    async def aunload(self, grace: float = 30.0) -> None:
        """`unload` in a thread. One that has begun goes on if the task is canceled."""
        await self._hub.in_thread(partial(self.unload, grace))

    def kill(self) -> int:
        """Ends its instances now, in the middle of what they do: its requests end with `CanceledError`, the next one starts a fresh instance.
        How many there were. Blocks."""
        self._hub.check()
        return self._native.kill()

    async def akill(self) -> int:
        """`kill` in a thread."""
        return await self._hub.in_thread(self.kill)

    def stats(self) -> dict[str, int]:
        """What it has used since it was loaded."""
        self._hub.check()
        return self._native.stats()

    def __repr__(self) -> str:
        return f"<App {self.name!r}>"


class _Loading:
    """What a thread loads for a task, which may not be there any more when it is loaded."""

    def __init__(self, load: Callable[[], App]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._app: App | None = None
        self._is_left = False

    def run(self) -> App:
        app = self._load()
        with self._lock:
            self._app = app
            is_left = self._is_left
        if is_left:
            _unload(app)
        return app

    def leave(self) -> None:
        """Nobody waits for it."""
        with self._lock:
            self._is_left = True
            app = self._app
        if app is not None:
            # The thread has ended, and the task has not heard of it.
            threading.Thread(target=_unload, args=(app,), name="nano-unload", daemon=True).start()


def _unload(app: App) -> None:
    with contextlib.suppress(NanoError):
        app.unload(0)


def _bindings(bindings: Mapping[str, Any] | None) -> dict[str, Any]:
    if bindings is not None and not isinstance(bindings, Mapping):
        raise InvalidTypeError(f"bindings is a mapping of names to functions, classes and objects, not {type(bindings).__name__}")
    return dict(bindings or {})


def _running_loop() -> Loop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _parts(
    request: str | Request, method: str | None, headers: HeadersInit | None, body: Body
) -> tuple[str, str, Pairs | None, _Content]:
    if isinstance(request, str):
        url, pairs = request, pairs_of(headers)
        method = method or "GET"
    elif isinstance(request, Request):
        url = request.url
        method = method or request.method
        pairs = pairs_of(headers) if headers is not None else request.headers.raw
        body = body if body is not None else request.body
    else:
        raise InvalidTypeError(f"a request is a URL or a Request, not {type(request).__name__}")
    if not isinstance(method, str):
        raise InvalidTypeError(f"method is a str, not {type(method).__name__}")
    if body is None:
        return method, url, pairs, None
    if isinstance(body, (bytes, bytearray, memoryview, str)):
        return method, url, pairs, whole(body)
    if isinstance(body, (AsyncIterable, Iterable)):
        return method, url, pairs, body
    raise InvalidTypeError(f"a body is bytes, text, or yields bytes; it cannot be {type(body).__name__}")


def _deadline_ms(timeout: float | None) -> int:
    if timeout is None:
        return 0
    try:
        is_time = timeout > 0
    except TypeError:
        raise InvalidTypeError(f"timeout is a number of seconds, not {type(timeout).__name__}") from None
    if not is_time:
        raise InvalidError("timeout is a number of seconds above 0, or None")
    return math.ceil(min(timeout * 1000, 2**32 - 1))


def _give_nothing(_: Any) -> None:
    """Arguments of an invocation cannot have objects: which instance would hold them is not known yet."""
    return None


__all__ = ["App", "Runtime"]
