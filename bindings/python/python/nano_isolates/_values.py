"""JavaScript values that Python has no plain type for, both ways.

| JavaScript | Python |
| --- | --- |
| `undefined` | `undefined`, which is false; the result of a call that returns nothing is `None` |
| `null`, booleans, strings | `None`, `bool`, `str`, also with half a surrogate pair in it |
| numbers | `int` if whole and below 2**53, else `float` |
| bigints | `BigInt`, an `int`; an `int` beyond 2**53 becomes a bigint by itself |
| `Uint8Array` | `bytes` |
| `ArrayBuffer`, `DataView` | `ArrayBuffer`, `DataView`, which are `bytes` |
| other typed arrays | `memoryview` with their format (`Uint8ClampedArray` as `B`); numbers of numpy's and ctypes' are numbers |
| arrays, plain objects | `list`, `dict`; what is missing in an array is `undefined` |
| `Map`, `Set` | `Map`, a `dict`; `set`. What is several there and one in Python, as 1 and `true`, is refused |
| `Date` | `datetime` in UTC, to the millisecond, or `Date` beyond what that can say |
| errors | `JSError`, with `cause` as its `__cause__`; an exception of yours has its class, its text and its `__cause__` |
| `RegExp` | `RegExp`, its source and flags |
| objects around booleans, numbers, strings | what is in them |
| objects of yours | themselves |
"""

from __future__ import annotations

import array
import datetime
import struct
import sys
from collections.abc import Callable, Mapping, Set
from typing import Any, Final, NamedTuple

from ._errors import InvalidTypeError

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class UndefinedType:
    """The type of `undefined`."""

    __slots__ = ()
    _the: UndefinedType | None = None

    def __new__(cls) -> UndefinedType:
        if cls._the is None:
            cls._the = super().__new__(cls)
        return cls._the

    def __repr__(self) -> str:
        return "undefined"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "undefined"


undefined: Final = UndefinedType()


class BigInt(int):
    """An integer that is a bigint in JavaScript, however small."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"BigInt({int(self)})"


class Map(dict[Any, Any]):
    """A `Map`: a dict that does not become a plain object."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Map({dict.__repr__(self)})"


class Date:
    """A `Date` that no datetime can say: the invalid one (`ms` is NaN), or beyond the years 1 to 9999."""

    __slots__ = ("ms",)

    def __init__(self, ms: float) -> None:
        self.ms = ms

    def __repr__(self) -> str:
        return f"Date({self.ms})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Date) and (self.ms == other.ms or (self.ms != self.ms and other.ms != other.ms))

    def __hash__(self) -> int:
        return hash(self.ms if self.ms == self.ms else None)


class ArrayBuffer(bytes):
    """Bytes that are an `ArrayBuffer` in JavaScript; others are a `Uint8Array`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"ArrayBuffer({bytes.__repr__(self)})"


class DataView(bytes):
    """Bytes that are a `DataView` in JavaScript."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"DataView({bytes.__repr__(self)})"


class RegExp(NamedTuple):
    """A `RegExp`: what its constructor takes. Its language is JavaScript's, not that of `re`."""

    source: str
    flags: str = ""


class JSError(Exception):
    """An error as a value: its name, its message, and its own properties (`cause` and `errors` too). Its stack stays with the app."""

    def __init__(self, name: str, message: str, properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(name, message)
        self.name = name
        self.message = message
        self.properties = dict(properties or {})
        cause = self.properties.get("cause")
        if isinstance(cause, BaseException):
            self.__cause__ = cause

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


# The formats of memoryview by the names of typed arrays.
_FORMATS = {
    "Int8": "b",
    "Uint8": "B",
    "Uint8Clamped": "B",
    "Int16": "h",
    "Uint16": "H",
    "Int32": "i",
    "Uint32": "I",
    "Float16": "e",
    "Float32": "f",
    "Float64": "d",
    "BigInt64": "q",
    "BigUint64": "Q",
}
_KINDS = {format: kind for kind, format in _FORMATS.items() if kind != "Uint8Clamped"}
# `long` is as wide as `long long` wherever this runs, and is what array and numpy say.
_KINDS.update({"l": "BigInt64", "L": "BigUint64"})


def to_bigint(negative: bool, magnitude: bytes) -> BigInt:
    value = int.from_bytes(magnitude, "big")
    return BigInt(-value if negative else value)


def to_date(ms: float) -> datetime.datetime | Date:
    if ms != ms:
        return Date(ms)
    try:
        return _EPOCH + datetime.timedelta(milliseconds=ms)
    except OverflowError:
        return Date(ms)


def to_typed_array(kind: str, data: bytes) -> memoryview:
    try:
        return memoryview(data).cast(_FORMATS[kind])  # type: ignore[call-overload, no-any-return]
    except ValueError:
        # A Python whose memoryview has no half floats: widened, each element is the same number.
        halves = struct.unpack(f"<{len(data) // 2}e", data)
        return memoryview(array.array("f", halves))


def to_error(name: str, message: str, properties: dict[str, Any]) -> JSError:
    return JSError(name, message, properties)


def to_reg_exp(source: str, flags: str) -> RegExp:
    return RegExp(source, flags)


def to_buffer(data: bytes) -> ArrayBuffer:
    return ArrayBuffer(data)


def to_view(data: bytes) -> DataView:
    return DataView(data)


def hashable(value: Any) -> Any:
    """What an item of a Set or a key of a Map is in Python."""
    if isinstance(value, list):
        return tuple(hashable(item) for item in value)
    if isinstance(value, (set, frozenset)):
        return frozenset(value)
    if isinstance(value, dict):
        return tuple((key, hashable(item)) for key, item in value.items())
    if isinstance(value, memoryview):
        return value.tobytes()
    return value


def describe(value: Any, give: Callable[[Any], tuple[str, int] | None]) -> tuple[str, Any, Any]:
    """What a value is that the native half does not know by its type: `(kind, first, second)`."""
    if value is undefined:
        return ("undefined", None, None)
    if isinstance(value, bool):
        return ("plain", bool(value), None)
    if isinstance(value, int):
        if not isinstance(value, BigInt) and -(2**53) < value < 2**53:
            return ("plain", int(value), None)
        magnitude = abs(int(value))
        return ("bigint", value < 0, magnitude.to_bytes((magnitude.bit_length() + 7) // 8, "big"))
    given = give(value)
    if given is not None:
        return ("object", *given)
    if isinstance(value, str):
        # Not str(value): an enumeration's is its name.
        return ("plain", str.__str__(value), None)
    if isinstance(value, float):
        return ("plain", float(value), None)
    if isinstance(value, ArrayBuffer):
        return ("buffer", bytes(value), None)
    if isinstance(value, DataView):
        return ("view", bytes(value), None)
    if isinstance(value, (bytes, bytearray)):
        return ("bytes", bytes(value), None)
    if isinstance(value, (memoryview, array.array)):
        return _of_buffer(memoryview(value), give)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise InvalidTypeError("a datetime without a time zone means no point in time: give it one")
        return ("date", (value - _EPOCH) / datetime.timedelta(milliseconds=1), None)
    if isinstance(value, Date):
        return ("date", float(value.ms), None)
    if isinstance(value, JSError):
        return ("error", (value.name, value.message), dict(value.properties))
    if isinstance(value, BaseException):
        return ("error", (type(value).__name__, str(value)), {} if value.__cause__ is None else {"cause": value.__cause__})
    if isinstance(value, RegExp):
        return ("regexp", value.source, value.flags)
    if isinstance(value, Mapping):
        # As they are now: other threads may change it.
        pairs = list(value.items())
        if not isinstance(value, Map) and all(isinstance(key, str) for key, _ in pairs):
            return ("plain", {str.__str__(key): item for key, item in pairs}, None)
        return ("map", pairs, None)
    if isinstance(value, Set):
        return ("set", list(value), None)
    if isinstance(value, (list, tuple)):
        return ("array", list(value), None)
    try:
        view = memoryview(value)
    except TypeError:
        raise InvalidTypeError(f"a value of type {type(value).__name__} cannot cross to an app") from None
    return _of_buffer(view, give)


def _of_buffer(view: memoryview, give: Callable[[Any], tuple[str, int] | None]) -> tuple[str, Any, Any]:
    """A typed array, or, without dimensions, the number that is in it: what numpy and ctypes have for one."""
    format = view.format.lstrip("@=" if sys.byteorder == "big" else "@=<")
    kind = _KINDS.get(format)
    if view.ndim == 0 and (kind is not None or format == "?"):
        (number,) = struct.unpack(format, view.tobytes())
        return describe(number, give)
    if kind is None:
        raise InvalidTypeError(f"no typed array has elements of the format {view.format!r}")
    return (kind, view.tobytes(), None)
