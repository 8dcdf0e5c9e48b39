"""Threads for functions that are not async, where no loop of the host's answers the apps that call them."""

from __future__ import annotations

import concurrent.futures
import contextlib
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

# Threads that run functions at a time.
_RUNNING_MAX = 4
# The same with those whose functions wait for apps: what these ask may itself have to wait for one of these threads.
_THREADS_MAX = 64


class _Here(threading.local):
    """Whose a thread is."""

    threads: Threads | None = None


_here = _Here()


def waiting(function: Callable[..., T]) -> Callable[..., T]:
    """A function that waits for apps. Called on one of these threads, it lets another one run meanwhile."""
    threads = _here.threads
    return function if threads is None else partial(threads._wait_by, function)


class Threads(concurrent.futures.Executor):
    """A few threads. Not `ThreadPoolExecutor`: the interpreter's end waits for its threads, and one of these may wait for an app, which ends
    only when the runtime is closed after that."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[concurrent.futures.Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        # A thread may take it again: a finalizer runs between any two steps, and may use the runtime, too.
        self._lock = threading.RLock()
        self._count = 0
        # Those that wait for apps.
        self._waiting = 0
        # What has been submitted and has not ended.
        self._open = 0
        self._is_over = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[T]:
        future: concurrent.futures.Future[T] = concurrent.futures.Future()
        with self._lock:
            self._open += 1
        try:
            self._grow()
        except RuntimeError:
            # The process can have no more threads. Those that are there do.
            with self._lock:
                if self._count == 0:
                    self._open -= 1
                    raise
        self._work.put((future, partial(fn, *args, **kwargs)))
        return future

    def _grow(self) -> None:
        """Starts a thread if something would have to wait for one, and there may be one more."""
        with self._lock:
            running = self._count - self._waiting
            if self._is_over or self._open <= self._count or running >= _RUNNING_MAX or self._count >= _THREADS_MAX:
                return
            self._count += 1
            try:
                threading.Thread(target=self._run, name=f"nano-calls-{self._count}", daemon=True).start()
            except BaseException:
                self._count -= 1
                raise

    def _run(self) -> None:
        _here.threads = self
        while (work := self._work.get()) is not None:
            future, function = work
            del work
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except StopIteration as error:
                    # The one that asyncio's futures do not take.
                    failure = RuntimeError("the function raised StopIteration")
                    failure.__cause__ = error
                    future.set_exception(failure)
                except BaseException as error:
                    future.set_exception(error)
            del future, function
            with self._lock:
                self._open -= 1
                if self._count - self._waiting > _RUNNING_MAX:
                    # It has been started for one that waited, and waits no more.
                    self._count -= 1
                    return

    def _wait_by(self, function: Callable[..., T], *args: Any) -> T:
        with self._lock:
            self._waiting += 1
        try:
            with contextlib.suppress(RuntimeError):
                self._grow()
            return function(*args)
        finally:
            with self._lock:
                self._waiting -= 1

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """What runs goes on, what waits does not begin."""
        with contextlib.suppress(queue.Empty):
            while (work := self._work.get_nowait()) is not None:
                work[0].cancel()
        with self._lock:
            self._is_over = True
            for _ in range(self._count):
                self._work.put(None)
