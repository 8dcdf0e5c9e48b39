"""What can go wrong: one class per status of NANO, all under NanoError."""

from __future__ import annotations

from . import _nano


class NanoError(Exception):
    """An error of NANO's.

    `code` is its stable number, `name` its stable name (`NANO_E_...`), `message` a sentence of cause and remedy, `http_status` what an
    HTTP server answers with. `stack` is the app's JavaScript stack, for your log and never for clients.
    """

    code: int = 0
    name: str = "NANO_ERROR"

    def __init__(self, message: str = "", *, stack: str = "", http_status: int = 500) -> None:
        super().__init__(message)
        self.message = message
        self.stack = stack
        self.http_status = http_status

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name

    def __reduce__(self) -> tuple[object, ...]:
        # So that it crosses to other processes whole.
        return (_rebuild, (type(self), self.message, self.stack, self.http_status))


class LimitError(NanoError):
    """An app used more than it may."""


class TimedOutError(NanoError, TimeoutError):
    """The time given passed first."""


class InvalidError(NanoError, ValueError):
    """An argument is wrong; the message says which."""


class InvalidTypeError(InvalidError, TypeError):
    """The same of an argument that is of the wrong type."""


class TooNewError(NanoError):
    """Something asks for what this version does not know."""


class NotFoundError(NanoError, LookupError):
    """No such app, request or call, or not any more."""


class BusyError(NanoError):
    """The name is taken."""


class CanceledError(NanoError):
    """The host or the client gave the request up."""


class CpuLimitError(LimitError):
    """The app used more CPU time than one event may."""


class MemoryLimitError(LimitError):
    """The app used more memory than it may."""


class WallLimitError(LimitError, TimeoutError):
    """The request took longer than it may: by the app's `wall_ms`, or by the request's own `timeout`."""


class AppError(NanoError):
    """The app threw. The message and the stack are for your log, never for clients."""


class CompileError(NanoError):
    """The app's code does not compile, or its imports do not resolve."""


class OverloadedError(NanoError):
    """Too much is waiting for this app or runtime already."""


class CapacityError(NanoError):
    """A ceiling of the process is reached; the message names it."""


class ShutdownError(NanoError):
    """The runtime is closed."""


class DrainingError(NanoError):
    """The app or the runtime takes no new work."""


class ForkedError(NanoError):
    """This process is a fork of the one that made the runtime."""


class AlreadyError(NanoError):
    """Already done with other options."""


class AddressSpaceError(NanoError):
    """The process may not reserve the address space that V8 needs."""


class PolicyError(NanoError):
    """A policy forbids it."""


class FileError(NanoError, OSError):
    """A file could not be read; the message names it."""


class PanicError(NanoError):
    """A defect inside NANO was contained; the runtime is still usable."""


class UnsupportedError(NanoError):
    """Not available in this build or on this platform."""


class ShardLostError(NanoError):
    """The thread that ran the request was given up because an app broke it; the request may have had effects."""


class TooLargeError(LimitError):
    """A value or a body is larger than it may be."""


_BY_NAME: dict[str, type[NanoError]] = {
    "NANO_TIMEOUT": TimedOutError,
    "NANO_E_INVALID": InvalidError,
    "NANO_E_TOO_NEW": TooNewError,
    "NANO_E_NOT_FOUND": NotFoundError,
    "NANO_E_BUSY": BusyError,
    "NANO_E_CANCELED": CanceledError,
    "NANO_E_CPU_LIMIT": CpuLimitError,
    "NANO_E_MEMORY_LIMIT": MemoryLimitError,
    "NANO_E_WALL_LIMIT": WallLimitError,
    "NANO_E_EXCEPTION": AppError,
    "NANO_E_COMPILE": CompileError,
    "NANO_E_OVERLOADED": OverloadedError,
    "NANO_E_CAPACITY": CapacityError,
    "NANO_E_SHUTDOWN": ShutdownError,
    "NANO_E_DRAINING": DrainingError,
    "NANO_E_FORKED": ForkedError,
    "NANO_E_ALREADY": AlreadyError,
    "NANO_E_ADDRESS_SPACE": AddressSpaceError,
    "NANO_E_POLICY": PolicyError,
    "NANO_E_IO": FileError,
    "NANO_E_PANIC": PanicError,
    "NANO_E_UNSUPPORTED": UnsupportedError,
    "NANO_E_SHARD_LOST": ShardLostError,
    "NANO_E_TOO_LARGE": TooLargeError,
}
# What has no class of its own is where no error is.
BY_CODE: dict[int, type[NanoError]] = {0: NanoError}
for _code, _name in _nano.statuses():
    _class = _BY_NAME.get(_name, NanoError)
    if _class is not NanoError:
        _class.code, _class.name = _code, _name
        BY_CODE[_code] = _class


def _rebuild(cls: type[NanoError], message: str, stack: str, http_status: int) -> NanoError:
    return cls(message, stack=stack, http_status=http_status)


def closed() -> ShutdownError:
    """Something of a runtime that is closed was used."""
    return ShutdownError("the runtime is closed", http_status=503)


def forked() -> ForkedError:
    """Something of the parent's runtime was used in a forked child."""
    return ForkedError("this process is a fork of the one that made the runtime: make runtimes after the fork, or start processes by spawn")
