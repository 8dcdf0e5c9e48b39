"""Threads for functions that are not async, where no loop of the host's answers the apps that call them."""

from __future__ import annotations

import concurrent.futures
import contextlib
import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

# Threads that run functions at a time, besides the one that each app may have whatever the others do.
_RUNNING_MAX = 4
# All threads, with those whose functions wait for apps: what these ask may itself have to wait for one of these threads.
_THREADS_MAX = 64


class _Here(threading.local):
    """Whose a thread is, and for whom it runs a function that does not wait."""

    threads: Threads | None = None
    owner: str | None = None


_here = _Here()


def waiting(function: Callable[..., T]) -> Callable[..., T]:
    """A function that waits for apps. Called on one of these threads, it lets another one run meanwhile."""
    threads, owner = _here.threads, _here.owner
    return function if threads is None or owner is None else partial(threads._wait_by, owner, function)


class _Work:
    """A function that is to run, for one of those who share the threads."""

    def __init__(self, owner: str, function: Callable[[], Any]) -> None:
        self.owner = owner
        self.function = function
        self.future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def run(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.function())
        except StopIteration as error:
            # The one that asyncio's futures do not take.
            failure = RuntimeError("the function raised StopIteration")
            failure.__cause__ = error
            self.future.set_exception(failure)
        except BaseException as error:
            self.future.set_exception(error)


class Threads:
    """A few threads, which those who use them have in turn: whose functions are slow keeps none of the others waiting.

    Not `ThreadPoolExecutor`: the interpreter's end waits for its threads, and one of these may wait for an app, which ends only when the runtime
    is closed after that."""

    def __init__(self) -> None:
        # What has been given to the threads that have nothing to do, and wait here.
        self._given: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        # A thread may take it again: a finalizer runs between any two steps, and may use the runtime, too.
        self._lock = threading.RLock()
        # What waits for a thread, by whose it is, in the order of their turns.
        self._lanes: OrderedDict[str, deque[_Work]] = OrderedDict()
        # How many functions of each run, without those that wait for apps; and of all.
        self._running: dict[str, int] = {}
        self._running_all = 0
        self._count = 0
        # Threads that have nothing to do.
        self._idle = 0
        self._is_taking = False
        self._is_over = False

    def submit(self, owner: str, function: Callable[[], T]) -> concurrent.futures.Future[T]:
        """Has a function run when it is its owner's turn."""
        work = _Work(owner, function)
        with self._lock:
            self._lanes.setdefault(owner, deque()).append(work)
        try:
            self._go_on()
        except RuntimeError:
            # The process can have no more threads. Those that are there do.
            if self._count == 0:
                work.future.cancel()
                raise
        return work.future

    def _go_on(self) -> None:
        """Has threads run what may run."""
        with self._lock:
            while not self._is_over and (self._idle > 0 or self._count < _THREADS_MAX):
                work = self._take()
                if work is None:
                    return
                if self._idle > 0:
                    self._idle -= 1
                else:
                    self._count += 1
                    try:
                        threading.Thread(target=self._run, name=f"nano-calls-{self._count}", daemon=True).start()
                    except BaseException:
                        self._count -= 1
                        self._ran(work.owner)
                        self._lanes.setdefault(work.owner, deque()).appendleft(work)
                        raise
                self._given.put(work)

    def _take(self) -> _Work | None:
        """What runs next: that of the first whose turn it is, or, where as many run as may, of the first who has nothing that runs."""
        if self._is_taking:
            # By a finalizer in the middle of this.
            return None
        self._is_taking = True
        try:
            # Who has something that runs is one of few, and goes behind the others.
            for _ in range(min(len(self._lanes), len(self._running) + 1)):
                owner = next(iter(self._lanes))
                lane = self._lanes.pop(owner)
                work = lane.popleft() if self._running_all < _RUNNING_MAX or owner not in self._running else None
                if lane:
                    self._lanes[owner] = lane
                if work is not None:
                    self._runs(owner)
                    return work
            return None
        finally:
            self._is_taking = False

    def _runs(self, owner: str) -> None:
        self._running[owner] = self._running.get(owner, 0) + 1
        self._running_all += 1

    def _ran(self, owner: str) -> None:
        left = self._running.pop(owner) - 1
        if left:
            self._running[owner] = left
        self._running_all -= 1

    def _run(self) -> None:
        _here.threads = self
        work = self._given.get()
        while work is not None:
            _here.owner = work.owner
            work.run()
            _here.owner = None
            with self._lock:
                self._ran(work.owner)
                # Also so that nothing of it is kept while this has nothing to do.
                work = None if self._is_over else self._take()
                if work is None:
                    if self._is_over or self._idle >= _RUNNING_MAX:
                        # It has been started for more than there is mostly.
                        self._count -= 1
                        return
                    self._idle += 1
            if work is None:
                work = self._given.get()

    def _wait_by(self, owner: str, function: Callable[..., T], *args: Any) -> T:
        _here.owner = None
        with self._lock:
            self._ran(owner)
        try:
            with contextlib.suppress(RuntimeError):
                self._go_on()
            return function(*args)
        finally:
            with self._lock:
                self._runs(owner)
            _here.owner = owner

    def shutdown(self) -> None:
        """What runs goes on, what waits does not begin."""
        with self._lock:
            self._is_over = True
            lanes, self._lanes = self._lanes, OrderedDict()
            for _ in range(self._idle):
                self._given.put(None)
            self._idle = 0
        for lane in lanes.values():
            for work in lane:
                work.future.cancel()
