"""Options of runtimes and apps: their names and types, and how the native half takes them."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from . import _nano
from ._errors import InvalidError, InvalidTypeError


class AppLimits(TypedDict, total=False):
    """What one app may use; docs/limits.md says what each guards."""

    cpu_ms: int
    start_cpu_ms: int
    wall_ms: int
    heap_bytes: int
    external_bytes: int
    timers: int
    log_bytes_per_s: int
    env_entries: int
    env_entry_bytes: int
    url_bytes: int
    header_bytes: int
    body_bytes: int
    upload_bytes: int
    subrequests: int
    subrequests_at_once: int
    sockets: int
    errands: int
    errand_cpu_ms: int
    requests: int
    idle_ms: int
    cache_bytes: int
    host_objects: int
    storage_bytes: int
    storage_entries: int


class ReloadOptions(AppLimits, total=False):
    """What `App.reload` may change: the app's limits, and what else belongs to a version."""

    env: Mapping[str, Any] | None
    bindings: Mapping[str, Any] | None
    outbound: str | None
    egress: str
    egress_allow: Sequence[str]
    egress_deny: Sequence[str]
    base_url: str | None
    crons: Sequence[str]
    consumers: Sequence[str | QueueConsumer]
    tail: Sequence[str]
    code_generation: bool
    random_seed: int | None
    lazy: bool


class AppOptions(ReloadOptions, total=False):
    """How an app is loaded: its limits, and what else `Runtime.load` takes."""

    name: str | None
    kind: str | None


class RuntimeLimits(TypedDict, total=False):
    """What one runtime may use."""

    threads: int
    apps: int
    instances: int
    requests: int
    log_events: int
    pool: int
    cache_bytes: int
    queue_messages: int
    queue_bytes: int
    queues_bytes: int


@dataclass(frozen=True)
class QueueConsumer:
    """A queue whose messages an app takes: it is called as `queue(batch)` with up to `batch` of them, when so many are there or the first
    has waited for `batch_wait_ms`. What fails is tried `retries` times more, then goes to the queue `dead_letters`."""

    queue: str
    batch: int = 10
    batch_wait_ms: int = 5_000
    retries: int = 3
    retry_delay_ms: int = 0
    concurrency: int = 1
    dead_letters: str | None = None


APP_LIMITS = _nano.app_limits()
_counter = itertools.count(1)


# What can be no app, and is a path, though there may be no file there: it has a slash or the ending of a module, and nothing that a call needs.
_PATH = re.compile(r"""(?!//)(?=.*(?:/|\.[cm]?[jt]sx?\Z))[^\s"'`(){}\[\]=;*]+\Z""")


def source_of(source: str | os.PathLike[str], kind: str | None) -> tuple[str, str]:
    text = os.fspath(source) if isinstance(source, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise InvalidTypeError(f"a source is text or a path, not {type(source).__name__}")
    if kind is not None:
        return text_of("kind", kind), text
    may_be_path = "\n" not in text and len(text) < 4096 and "\0" not in text
    if not isinstance(source, str) or (may_be_path and (_PATH.match(text) or os.path.exists(text))):
        return ("folder" if os.path.isdir(text) else "file"), text
    return "text", text


def options_of(source: str | os.PathLike[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """An app's options as the native half takes them, but for its bindings. What is no option is a limit, or refused there."""
    source_kind, text = source_of(source, given.get("kind"))
    name = given.get("name")
    if name is not None and not isinstance(name, str):
        raise InvalidTypeError(f"name is a str, not {type(name).__name__}")
    options: dict[str, Any] = {
        "name": name if name is not None else _next_name(source_kind, text),
        "source_kind": source_kind,
        "source": text,
        "bindings": [],
        "limits": {key: value for key, value in given.items() if key not in _READ and key not in ("name", "kind", "bindings")},
    }
    options.update((key, option(key, given.get(key, default))) for key, default in _DEFAULTS.items())
    return options


def option(name: str, value: Any) -> Any:
    """One option of an app as the native half takes it."""
    return _READ[name](name, value)


def text_of(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidTypeError(f"{name} is a str, not {type(value).__name__}")
    return value


def _text_or_none(name: str, value: Any) -> str | None:
    return None if value is None else text_of(name, value)


def texts(name: str, value: Any) -> list[str]:
    return [text_of(f"each of {name}", item) for item in _list(name, value, "str")]


def _list(name: str, value: Any, what: str) -> Iterable[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise InvalidTypeError(f"{name} is a list of {what}, not {type(value).__name__}")
    return value


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidTypeError(f"{name} is a bool, not {type(value).__name__}")
    return value


def number(name: str, value: Any, bits: int = 64) -> int:
    """A whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTypeError(f"{name} is an int, not {type(value).__name__}")
    if not 0 <= value < 1 << bits:
        raise InvalidError(f"{name} is {value}; it is 0 to 2**{bits} - 1")
    return value


def seconds(name: str, value: Any) -> float:
    """How long something may take."""
    try:
        if isinstance(value, (str, bytes, bytearray)):
            raise TypeError
        return float(value)
    except TypeError:
        raise InvalidTypeError(f"{name} is a number of seconds, not {type(value).__name__}") from None
    except OverflowError:
        raise InvalidError(f"{name} is more seconds than a float can say") from None


def _seed(name: str, value: Any) -> int | None:
    return None if value is None else number(name, value)


def _env(name: str, value: Any) -> list[tuple[str, str, bool]]:
    """Texts, and what JSON has besides; the last says which."""
    if value is not None and not isinstance(value, Mapping):
        raise InvalidTypeError(f"{name} is a mapping of names to text or to what JSON has, not {type(value).__name__}")
    variables = []
    for key, variable in (value or {}).items():
        if not isinstance(key, str):
            raise InvalidTypeError(f"the names in env are text: {key!r} is a {type(key).__name__}")
        if isinstance(variable, str):
            variables.append((key, variable, False))
            continue
        try:
            text = json.dumps(variable, allow_nan=False)
            json.loads(text, parse_int=_exact)
            variables.append((key, text, True))
        except (TypeError, ValueError, RecursionError) as error:
            why = f"env has text and what JSON has: {key!r} is a {type(variable).__name__} ({error}); what Python answers is a binding"
            raise InvalidTypeError(why) from None
    return variables


def _exact(digits: str) -> int:
    if abs(value := int(digits)) > 2**53:
        raise ValueError(f"{digits} is beyond 2**53, where JavaScript's numbers lose digits")
    return value


def _consumers(name: str, value: Any) -> list[tuple[Any, ...]]:
    consumers = []
    for given in _list(name, value, "queues"):
        consumer = QueueConsumer(given) if isinstance(given, str) else given
        if not isinstance(consumer, QueueConsumer):
            raise InvalidTypeError(f"each of {name} is the name of a queue or a QueueConsumer, not {type(given).__name__}")
        consumers.append((
            text_of("queue", consumer.queue),
            number("batch", consumer.batch, 32),
            number("batch_wait_ms", consumer.batch_wait_ms),
            number("retries", consumer.retries, 32),
            number("retry_delay_ms", consumer.retry_delay_ms),
            number("concurrency", consumer.concurrency, 32),
            _text_or_none("dead_letters", consumer.dead_letters),
        ))
    return consumers


_READ: dict[str, Callable[[str, Any], Any]] = {
    "env": _env,
    "outbound": _text_or_none,
    "egress": text_of,
    "egress_allow": texts,
    "egress_deny": texts,
    "base_url": _text_or_none,
    "code_generation": flag,
    "random_seed": _seed,
    "crons": texts,
    "consumers": _consumers,
    "tail": texts,
    "lazy": flag,
}
_DEFAULTS: dict[str, Any] = {
    "env": None, "outbound": None, "egress": "public", "egress_allow": (), "egress_deny": (), "base_url": None, "code_generation": False,
    "random_seed": None, "crons": (), "consumers": (), "tail": (), "lazy": False,
}
# What `App.reload` may change, besides limits and bindings.
RELOADABLE = frozenset(_READ)


def _next_name(kind: str, text: str) -> str:
    stem = os.path.splitext(os.path.basename(os.path.abspath(text)))[0] if kind in ("file", "folder") else "app"
    return f"{stem}-{next(_counter)}"


def external_bytes(options: dict[str, Any]) -> int:
    given = options["limits"].get("external_bytes")
    return number("external_bytes", given) if given is not None else APP_LIMITS["external_bytes"]
