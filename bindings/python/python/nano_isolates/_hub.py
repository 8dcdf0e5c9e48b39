"""The queue of a runtime, and who takes from it.

Events come out of one queue. Whoever waits takes them, for itself and for all others: the event loops that use the runtime, each by a
reader on the runtime's descriptor, and of the threads that wait without a loop one at a time. What an app asks of Python runs on the
loop that loaded the app, or, where there is none, on a loop of the runtime's own, in a thread of Python's that is started for it. Requests
that come by a listener have nobody who waits: there the runtime's own loop takes what comes while no other one runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import itertools
import logging
import os
import select
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from . import _nano
from ._errors import BusyError, NanoError, closed, forked
from ._exchange import APP, CALL, END, ERROR, LOG, OPENED, RELEASE, RESPONSE, RESULT, VERSION_END, Exchange
from ._threads import Threads, waiting

if TYPE_CHECKING:
    from ._calls import Bindings

log = logging.getLogger("nano_isolates")

# Events taken at a time: enough that a burst costs one call, few enough that none waits long for the first.
_BATCH = 256
# How long who stands in leaves the queue to loops that run before it looks again.
_STAND_BY_S = 0.05
# What a thread waits for at a time that another one is to wake: one that is interrupted by a signal in the wrong moment wakes nobody.
_HEAL_S = 1.0
# Threads in which the tasks of loops have apps loaded, reloaded, unloaded and killed.
_BLOCKING_MAX = 32

T = TypeVar("T")
Loop = asyncio.AbstractEventLoop


class Handler(Protocol):
    """Who events of one id go to. The same event may come twice: see `Hub._route`."""

    def push(self, event: tuple[Any, ...], here: Loop | None) -> bool: ...


class Hub:
    """A runtime's native half with what Python keeps for it."""

    def __init__(self, native: _nano.Runtime, on_log: Callable[..., object] | None, on_app: Callable[..., object] | None) -> None:
        self.native = native
        self.fd = native.fileno()
        self.pid = os.getpid()
        self.on_log = on_log
        self.on_app = on_app
        self.closed = False
        # What answers each version of each app, from before the core knows it until the core says that it has ended.
        self.versions: dict[int, Bindings] = {}
        # What answers the version of an app that serves. A name is its app's from before the core knows it until the core has ended it.
        self.apps: dict[str, Bindings] = {}
        self._apps_lock = threading.RLock()
        self._handlers: dict[int, Handler] = {}
        # Exchanges that have been made of requests that futures wait for, until who waits for the future takes them.
        self._adopted: dict[int, Exchange] = {}
        self._tokens = itertools.count(1)
        # Numbers of objects that apps hold: the object, and how often it has been given.
        self._objects: dict[int, list[Any]] = {}
        self._numbers: dict[int, int] = {}
        self._next_object = itertools.count(1)
        # What sets a property of an object now, and is the last that does.
        self.setting: dict[int, asyncio.Task[None]] = {}
        # Locks that a thread may take again: a signal's handler or a finalizer runs between any two steps, and may use the runtime, too.
        self._objects_lock = threading.RLock()
        # Events are handed out in the order in which they are taken. What has been taken and is not handed out yet waits here, the first
        # one last: if a handler of a signal raises, whoever comes next goes on with it.
        self._routing = threading.RLock()
        self._batch: list[tuple[Any, ...]] = []
        self._left: deque[Callable[[Loop | None], object]] = deque()
        self._noted: tuple[Any, ...] | None = None
        # Of the threads that wait without a loop one looks at the descriptor, and says so here.
        # The lock by itself, too: no signal comes between the end of its block and its release, as it can with a condition.
        self._lock = threading.RLock()
        self._waiting = threading.Condition(self._lock)
        self._led = 0
        self._nudge_read, self._nudge_write = os.pipe()
        os.set_blocking(self._nudge_read, False)
        os.set_blocking(self._nudge_write, False)
        weakref.finalize(self, _close_pipe, self._nudge_read, self._nudge_write, self.pid)
        self._poller = self._new_poller()
        self._loops: weakref.WeakSet[Loop] = weakref.WeakSet()
        self._loops_lock = threading.RLock()
        self._last: weakref.ref[Loop] | None = None
        # The loop that has been asked to wake the shards when it has done what is ready.
        self._waking: weakref.ref[Loop] | None = None
        # What `asgi.py` keeps for each loop.
        self.watches: weakref.WeakKeyDictionary[Loop, Any] = weakref.WeakKeyDictionary()
        # Those that have not been closed, whoever else keeps them.
        self.listeners: set[_nano.Listener] = set()
        self._own: _OwnLoop | None = None
        self._own_lock = threading.RLock()
        self._pool: ThreadPoolExecutor | None = None

    def check(self) -> None:
        """Refuses what cannot work any more."""
        if os.getpid() != self.pid:
            raise forked()
        if self.closed:
            raise closed()

    # Whose functions answer.

    def keep(self, bindings: Bindings) -> int:
        """A version that is to be loaded is answered by these: its modules may call Python while they load. Its number, 0 if it asks nobody."""
        if not bindings.asks_python:
            return 0
        # None of a request's: the core gives it back by an event.
        version = next(self._tokens)
        self.versions[version] = bindings
        return version

    def let_go(self, version: int, _: Loop | None = None) -> None:
        """The version has ended, or was not loaded."""
        self.versions.pop(version, None)

    def claim(self, name: str, bindings: Bindings) -> None:
        """Takes a name for an app that is to be loaded."""
        with self._apps_lock:
            there = self.apps.setdefault(name, bindings)
            if there.owner:
                # Its app has ended, and who ended it has not come to say so.
                there = self.apps[name] = bindings
        if there is not bindings:
            raise BusyError(f'there is an app named "{name}" already, or one that is being loaded or unloaded: reload it, or unload it first')

    def reclaim(self, name: str, bindings: Bindings) -> Bindings | None:
        """The app has other bindings from now on, if it is still there: those that it had."""
        with self._apps_lock:
            if not self._is_claimed(name, bindings):
                return None
            was, self.apps[name] = self.apps[name], bindings
            return was

    def disclaim(self, name: str, bindings: Bindings) -> None:
        """The app that has or had these bindings is no more. The name may be another one's."""
        with self._apps_lock:
            if self._is_claimed(name, bindings):
                del self.apps[name]

    def _is_claimed(self, name: str, bindings: Bindings) -> bool:
        there = self.apps.get(name)
        return there is not None and there.owner is bindings.owner

    # Who waits for what.

    def open(self, exchange: Exchange, send: Callable[..., int | tuple[int, bool]], *args: Any) -> None:
        """Sends a request off, by `send(token, *args)`: its events go to the exchange, also those that come before this returns."""
        token = exchange.token = next(self._tokens)
        self._handlers[token] = exchange
        try:
            sent = send(token, *args)
        except BaseException:
            self._handlers.pop(token, None)
            raise
        if isinstance(sent, int):
            exchange.id = sent
            return
        exchange.id, is_known = sent
        loop = exchange.loop
        if loop is not None:
            self._wake_later(loop, is_known)

    def ask(
        self,
        send: Callable[[int, Loop, asyncio.Future[Any], type[Exchange], Any, Any, bytes | None], bool | None],
        loop: Loop,
        future: asyncio.Future[Any],
        kind: type[Exchange],
        given: Any,
        request: Any,
        body: bytes | None,
    ) -> int:
        """Sends a request off whose whole response is to complete a loop's future: its token. 0 if `send` refuses. Of any other response there
        is an exchange of this kind, which is given this, and the future becomes None."""
        last = self._last
        if last is None or last() is not loop:
            self.attach(loop)
        token = next(self._tokens)
        is_known = send(token, loop, future, kind, given, request, body)
        if is_known is None:
            return 0
        if not is_known or self._waking is not last:
            self._wake_later(loop, is_known)
        return token

    def taken(self, token: int) -> Exchange:
        """The exchange that a future told of."""
        return self._adopted.pop(token)

    def forsake(self, token: int) -> None:
        """Nobody waits for a future any more."""
        # In this order: another thread may be making the exchange, and looks after that whether the future is still there.
        self.native.forsake(token)
        exchange = self._adopted.pop(token, None)
        if exchange is not None:
            exchange.close()

    def late(self, loop: Loop) -> tuple[list[Exchange], bool]:
        """Exchanges for what a loop's futures wait for since the last call, and whether there is more."""
        late = []
        # Nobody else takes their events meanwhile, but for a signal's handler.
        with self._routing:
            waiting, more = self.native.late(loop)
            for token, *rest in waiting:
                exchange = self._adopt(token, *rest)
                if exchange.done:
                    self.forget(token)
                late.append(exchange)
        return late, more

    def _adopt(self, token: int, id: int, loop: Loop, future: asyncio.Future[Any], kind: type[Exchange], given: Any) -> Exchange:
        if loop.is_closed():
            # Nothing on it waits any more, and what would have its turn there must not be what keeps the loop.
            self.native.forsake(token)
        made = kind(self, loop, given)
        made.adopt(token, id, future)
        exchange = self._adopted.setdefault(token, made)
        self._handlers.setdefault(token, exchange)
        if not self.native.disown(token) and exchange is made:
            # The request has been given up meanwhile.
            self._adopted.pop(token, None)
            if self._handlers.get(token) is made:
                self.forget(token)
        return exchange

    def _wake_later(self, loop: Loop, is_known: bool) -> None:
        """Wakes the shards once for all that the loop does before it sleeps: to be woken takes as long as a small request."""
        # Another loop may not come to it for long, and one that was closed never.
        if not is_known or self._waking is None or self._waking() is not loop:
            self._waking = self._ref(loop)
            loop.call_soon(self.native.wake)

    def _ref(self, loop: Loop) -> weakref.ref[Loop]:
        last = self._last
        return last if last is not None and last() is loop else weakref.ref(loop)

    def attach(self, loop: Loop) -> None:
        """Has a loop take events, from now until it is closed."""
        last = self._last
        if last is not None and last() is loop:
            return
        self.check()
        if loop not in self._loops:
            loop.add_reader(self.fd, self._readable, loop)
            self.note(loop)
            self._sweep()
        self._last = weakref.ref(loop)

    def _sweep(self) -> None:
        """Lets go of what tasks of loops that have been closed did not come to take."""
        for token, exchange in list(self._adopted.items()):
            if exchange.loop is not None and exchange.loop.is_closed():
                with contextlib.suppress(RuntimeError):
                    self.forsake(token)

    def note(self, loop: Loop) -> None:
        """A loop takes events from now on."""
        with self._loops_lock:
            self._loops.add(loop)

    def _all_loops(self) -> list[Loop]:
        with self._loops_lock:
            return list(self._loops)

    def attach_soon(self, loop: Loop) -> None:
        """The same from another thread: a loop says itself what it watches."""
        if loop not in self._loops:
            loop.call_soon_threadsafe(self.attach, loop)

    def _readable(self, loop: Loop) -> None:
        # The flag first: what comes before it is closed is still in the queue when it is looked at.
        was_closed = self.closed
        if os.getpid() != self.pid:
            # A child that runs its parent's loop on. Its epoll is the parent's, too, where nobody may let go of the parent's descriptor:
            # so its number is another file's when the loop forgets it. Nothing else in the child uses the number.
            os.dup2(self._nudge_read, self.fd, inheritable=False)
            loop.remove_reader(self.fd)
            return
        self.drain(loop)
        if was_closed:
            loop.remove_reader(self.fd)

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Waits, as a thread without a loop, until something has come. Ctrl-C ends it."""
        waiting(self._wait_for)(ready)

    def _wait_for(self, ready: Callable[[], bool]) -> None:
        me = threading.get_ident()
        # Who leads already is below on this stack: a signal's handler waits in the middle of it.
        before = me if self._led == me else 0
        while True:
            try:
                with self._lock:
                    while not ready():
                        if not self._led or before:
                            self._led = me
                            break
                        self._waiting.wait(_HEAL_S)
                    else:
                        return
                if not self._batch and not self._left:
                    (self._new_poller() if before else self._poller).poll(_HEAL_S * 1000)
                    try:
                        os.read(self._nudge_read, 512)
                    except BlockingIOError:
                        pass
                self.drain(None)
            finally:
                if self._led == me:
                    self._led = before
                    with self._lock:
                        self._waiting.notify_all()

    def _new_poller(self) -> select.poll:
        poller = select.poll()
        poller.register(self.fd, select.POLLIN)
        poller.register(self._nudge_read, select.POLLIN)
        return poller

    def drain(self, here: Loop | None) -> None:
        """Takes what is in the queue, and hands it out."""
        tell = False
        batch = self._batch
        # What is to be done when the lock is free again, in its order.
        todo: deque[Callable[[Loop | None], object]] = deque()
        try:
            try:
                with self._routing:
                    while self._left:
                        todo.append(self._left.popleft())
                    taken = _BATCH
                    # A part of what may be had is all there is: for what comes later the descriptor is readable again.
                    while batch or (taken >= _BATCH and (taken := self.native.poll(_BATCH, batch, here))):
                        while batch:
                            event = batch[-1]
                            tell = (self._pass if event[1] < CALL else self._route)(event, here, todo) or tell
                            if batch and batch[-1] is event:
                                batch.pop()
            except BaseException:
                # Broken off: who knows for whom something has come.
                tell = True
                raise
            finally:
                if tell:
                    with self._lock:
                        self._waiting.notify_all()
                        if self._led:
                            self._nudge()
            while todo:
                todo.popleft()(here)
        except BaseException:
            self._left.extend(todo)
            raise

    def _nudge(self) -> None:
        # Whoever looks at the descriptor may have been sent what it waits for by another thread.
        try:
            os.write(self._nudge_write, b"!")
        except BlockingIOError:
            pass

    def _pass(self, event: tuple[Any, ...], here: Loop | None, _: object) -> bool:
        """Hands one of a request's events to whoever waits. If it is broken off it is done again: nothing may happen twice by that."""
        key, kind = event[0], event[1]
        handler = self._handlers.get(key)
        tell = handler.push(event, here) if handler is not None else False
        if event[4] if kind == RESPONSE else (kind == RESULT or kind == END or kind == ERROR):
            self._handlers.pop(key, None)
        return tell

    def _route(self, event: tuple[Any, ...], here: Loop | None, todo: deque[Callable[[Loop | None], object]]) -> bool:
        """The same for what is no request's."""
        key, kind = event[0], event[1]
        if kind in (CALL, RELEASE, LOG, APP):
            if event is self._noted:
                return False
            self._noted = event
        if kind == CALL:
            from ._calls import Call

            call = self._handlers[key] = Call(self, key)
            todo.append(call.start)
        elif kind == OPENED:
            self._adopt(key, *event[2:])
        elif kind == RELEASE:
            # Dropped after the lock: what it does when it is collected is not ours.
            todo.append(partial(self._release, key))
        elif kind == VERSION_END:
            todo.append(partial(self.let_go, key))
        elif kind == LOG:
            if self.on_log is not None:
                todo.append(partial(_tell, self.on_log, event[2:]))
        elif kind == APP:
            if self.on_app is not None:
                todo.append(partial(_tell, self.on_app, event[2:]))
        else:
            handler = self._handlers.get(key)
            return handler.push(event, here) if handler is not None else False
        return False

    def _release(self, number: int, _: Loop | None) -> None:
        self._take_back(number)

    def open_now(self) -> list[Handler]:
        """Whose events are to come."""
        return list(self._handlers.values())

    def forget(self, key: int) -> None:
        """Nobody listens for this id any more."""
        self._handlers.pop(key, None)

    # Objects that apps hold.

    def held(self, cls: str, number: int) -> Any:
        """The object that an app names by its number."""
        entry = self._objects.get(number)
        if entry is None:
            raise NanoError(f"no app holds an object {number} of the class {cls}")
        return entry[0]

    def give(self, value: Any) -> int:
        """The number under which an app may hold an object, once more."""
        with self._objects_lock:
            number = self._numbers.get(id(value))
            if number is None:
                number = next(self._next_object)
                self._numbers[id(value)] = number
                self._objects[number] = [value, 0]
            self._objects[number][1] += 1
            return number

    def take_back(self, number: int) -> None:
        """One giving is over."""
        self._take_back(number)

    def _take_back(self, number: int) -> Any:
        with self._objects_lock:
            entry = self._objects.get(number)
            if entry is None:
                return None
            entry[1] -= 1
            if entry[1] > 0:
                return None
            del self._objects[number]
            del self._numbers[id(entry[0])]
            return entry[0]

    def set_by(self, number: int, task: asyncio.Task[None]) -> None:
        """What is asked of an object waits for this task from now on."""
        self.setting[number] = task
        task.add_done_callback(partial(self._has_set, number))

    def _has_set(self, number: int, task: asyncio.Task[None]) -> None:
        if self.setting.get(number) is task:
            del self.setting[number]

    # Where Python runs for apps.

    def home(self, wanted: Loop | None) -> Loop:
        """The loop that answers calls: the one wanted if it runs, else one of the runtime's own."""
        if wanted is not None and wanted.is_running():
            return wanted
        return self.own_loop().loop

    def check_home(self, bindings: Bindings, here: Loop | None) -> None:
        """Has somebody answer what an app asks, and what those ask that it asks, as far as that is known before. Refuses to have a loop wait
        for its own answer."""
        todo, seen = [bindings], set[str]()
        while todo:
            each = todo.pop()
            if each.asks_python and self.home(each.home) is here:
                raise RuntimeError("this thread's event loop answers the app's calls, so it cannot wait for the app: await fetch, or invoke")
            for name in each.services:
                other = None if name in seen else self.apps.get(name)
                seen.add(name)
                if other is not None:
                    todo.append(other)

    def own_loop(self) -> _OwnLoop:
        """The runtime's own loop, in a thread that is started when it is first needed."""
        own = self._start_own()
        own.take_over(self)
        return own

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Has a thread do what blocks while the loop goes on. It is none of the loop's pool: apps that load, or end, may wait for what those are
        to do."""
        self.check()
        with self._own_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_BLOCKING_MAX, "nano-blocking")
        try:
            running = self._pool.submit(contextvars.copy_context().run, function)
        except RuntimeError:
            # Closed in this moment.
            self.check()
            raise
        return await asyncio.wrap_future(running)

    def stand_in(self) -> None:
        """Has the same take events while no other loop does, for what nobody waits for. Where another one runs it is the better one: what it
        is told goes by no second thread, and `on_log` runs where it always did."""
        self._start_own()

    def _start_own(self) -> _OwnLoop:
        with self._own_lock:
            if self._own is None:
                self._own = _OwnLoop(self)
            return self._own

    def has_other(self, own: Loop) -> bool:
        """Whether a loop runs that takes events, besides this one."""
        return any(loop.is_running() and loop is not own for loop in self._all_loops())

    def is_own(self, loop: Loop | None) -> bool:
        return self._own is not None and self._own.loop is loop

    # The end.

    def close(self) -> None:
        """Ends every request and stops the threads."""
        if os.getpid() != self.pid:
            return
        first, self.closed = not self.closed, True
        self._last = None
        self.native.close()
        if not first:
            return
        try:
            here: Loop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        self.drain(here)
        with self._lock:
            self._waiting.notify_all()
            if self._led:
                self._nudge()
        for loop in self._all_loops():
            self._detach(loop, here)
        for handler in list(self._handlers.values()):
            end = getattr(handler, "end", None)
            if end is not None:
                end()
        self._handlers.clear()
        self.apps.clear()
        self.versions.clear()
        with self._own_lock:
            own, pool = self._own, self._pool
        if pool is not None:
            # What has been begun there ends by itself.
            pool.shutdown(wait=False)
        if own is not None:
            own.stop()

    def _detach(self, loop: Loop, here: Loop | None) -> None:
        try:
            if loop.is_closed():
                return
            if loop is here or not loop.is_running():
                loop.remove_reader(self.fd)
            else:
                loop.call_soon_threadsafe(loop.remove_reader, self.fd)
        except RuntimeError:
            # Closed in this moment.
            pass


class _OwnLoop:
    """A loop in a thread of Python's, for hosts that have none."""

    def __init__(self, hub: Hub) -> None:
        self.loop = asyncio.new_event_loop()
        self.threads = Threads()
        self._is_over = False
        # Whether it takes events only while no other loop does.
        self._stands_in = True
        self._watch(hub)
        hub.note(self.loop)
        # At the interpreter's end whoever made the runtime closes it, and with it this.
        self.thread = threading.Thread(target=self._run, name="nano-loop", daemon=True)
        self.thread.start()

    # The hub is given, not kept: it would hold itself by what it holds.

    def take_over(self, hub: Hub) -> None:
        """From now on it takes events whoever else does: others may wait for what is answered here."""
        if self._stands_in:
            self._stands_in = False
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._watch, hub)

    def _watch(self, hub: Hub) -> None:
        if not hub.closed:
            self.loop.add_reader(hub.fd, self._readable, hub)

    def _readable(self, hub: Hub) -> None:
        if self._stands_in and not hub.closed and hub.has_other(self.loop):
            self.loop.remove_reader(hub.fd)
            self.loop.call_later(_STAND_BY_S, self._watch, hub)
        else:
            hub._readable(self.loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        # Whatever a function does to the loop that it runs on, others are answered there, too.
        while not self._is_over and not self.loop.is_closed():
            try:
                self.loop.run_forever()
            except BaseException:
                log.exception("a task that answers apps meant to end the program")
        try:
            pending = asyncio.all_tasks(self.loop)
            for task in pending:
                task.cancel()
            if pending:
                self.loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        finally:
            self.loop.close()

    def _end(self) -> None:
        self._is_over = True
        self.loop.stop()

    def stop(self) -> None:
        self.threads.shutdown()
        try:
            self.loop.call_soon_threadsafe(self._end)
        except RuntimeError:
            return
        if threading.current_thread() is not self.thread:
            self.thread.join()


def _close_pipe(read: int, write: int, pid: int) -> None:
    # In a forked child they are copies that end with it.
    if os.getpid() == pid:
        os.close(read)
        os.close(write)


def _tell(listener: Callable[..., object], what: tuple[Any, ...], _: Loop | None) -> None:
    try:
        listener(*what)
    except Exception:
        log.exception("a listener of the runtime failed")
