"""NANO: thousands of JavaScript apps inside this process, each in an isolate of its own, none able to hurt another or you.

    import nano_isolates

    with nano_isolates.Runtime() as runtime:
        app = runtime.load("export default { fetch: (request) => new Response('Hello from ' + request.url) }")
        print(app.fetch_sync("http://example.com/").text)
"""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as _version

from . import _interpreter  # noqa: F401: refuses where it cannot work, before anything else
from ._calls import Queue, Service
from ._errors import (
    AddressSpaceError,
    AlreadyError,
    AppError,
    BusyError,
    CanceledError,
    CapacityError,
    CompileError,
    CpuLimitError,
    DrainingError,
    FileError,
    ForkedError,
    InvalidError,
    InvalidTypeError,
    LimitError,
    MemoryLimitError,
    NanoError,
    NotFoundError,
    OverloadedError,
    PanicError,
    PolicyError,
    ShardLostError,
    ShutdownError,
    TimedOutError,
    TooLargeError,
    TooNewError,
    UnsupportedError,
    WallLimitError,
)
from ._http import Account, Headers, Request, Response
from ._listener import Listener, ListenLimits
from ._nano import V8_VERSION
from ._options import AppLimits, AppOptions, QueueConsumer, ReloadOptions, RuntimeLimits
from ._runtime import App, Runtime
from ._values import ArrayBuffer, BigInt, DataView, Date, JSError, Map, RegExp, UndefinedType, undefined
from ._websocket import WebSocket, WebSocketRefused

try:
    __version__ = _version("nano-isolates")
except PackageNotFoundError:
    __version__ = "0.0.0"

__all__ = [
    "V8_VERSION",
    "Account",
    "AddressSpaceError",
    "AlreadyError",
    "App",
    "AppError",
    "AppLimits",
    "AppOptions",
    "ArrayBuffer",
    "BigInt",
    "BusyError",
    "CanceledError",
    "CapacityError",
    "CompileError",
    "CpuLimitError",
    "DataView",
    "Date",
    "DrainingError",
    "FileError",
    "ForkedError",
    "Headers",
    "InvalidError",
    "InvalidTypeError",
    "JSError",
    "LimitError",
    "ListenLimits",
    "Listener",
    "Map",
    "MemoryLimitError",
    "NanoError",
    "NotFoundError",
    "OverloadedError",
    "PanicError",
    "PolicyError",
    "Queue",
    "QueueConsumer",
    "RegExp",
    "ReloadOptions",
    "Request",
    "Response",
    "Runtime",
    "RuntimeLimits",
    "Service",
    "ShardLostError",
    "ShutdownError",
    "TimedOutError",
    "TooLargeError",
    "TooNewError",
    "UndefinedType",
    "UnsupportedError",
    "WallLimitError",
    "WebSocket",
    "WebSocketRefused",
    "__version__",
    "undefined",
]
