"""The runtime's own HTTP server: where it listens, and which requests are whose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Union

from ._errors import InvalidError, InvalidTypeError, ShutdownError
from ._options import flag, text_of

if TYPE_CHECKING:
    from . import _nano
    from ._runtime import App, Runtime

# A certificate with those that vouch for it, and its key, each as PEM.
Certificate: TypeAlias = tuple[Union[str, bytes], Union[str, bytes]]


class ListenLimits(TypedDict, total=False):
    """What a listener bears from its clients; docs/embedding-c.md says what each does."""

    connections: int
    connections_of_app: int
    head_ms: int
    idle_ms: int
    body_ms: int
    head_bytes: int
    headers: int
    handshake_ms: int


class Listener:
    """An HTTP server of a runtime's: `runtime.listen(...)` makes it. It listens until it is closed, or its runtime is."""

    def __init__(self, runtime: Runtime, native: _nano.Listener) -> None:
        self.runtime = runtime
        self._hub = runtime._hub
        self._native = native

    @property
    def address(self) -> str:
        """What clients connect to, with the port that port 0 has become."""
        return self._native.address

    @property
    def connections(self) -> int:
        """How many are open, also of one that is closed."""
        self._hub.check()
        return self._native.connections

    def set_certificates(self, certificates: Iterable[Certificate]) -> None:
        """Other certificates for the connections to come; those there are keep theirs. If one of them cannot be used nothing changes."""
        self._hub.check()
        if self._native.closed:
            raise ShutdownError("the listener is closed", http_status=503)
        self._native.set_certificates(_certificates(certificates))

    @property
    def closed(self) -> bool:
        """Whether it takes no more connections."""
        return self._hub.closed or self._native.closed

    def close(self) -> None:
        """Takes no more connections. Those there are end with the request they are at; it does not wait for them, `Runtime.drain` does. A
        second close does nothing."""
        self._native.close()
        self._hub.listeners.discard(self._native)

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Listener {self.address!r}{' closed' if self.closed else ''}>"


def options_of(
    runtime: Runtime,
    address: str,
    apps: App | Mapping[str, App],
    certificates: Iterable[Certificate] | None,
    behind_proxy: bool,
    limits: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """A listener's options as the native half takes them. The numbers are read there."""
    by_place = apps if isinstance(apps, Mapping) else {"": apps}
    if limits is not None and not isinstance(limits, Mapping):
        raise InvalidTypeError(f"limits is a mapping of names to numbers, not {type(limits).__name__}")
    return {
        "address": text_of("address", address),
        "routes": [(*_place(place), _native_of(runtime, app)) for place, app in by_place.items()],
        "certificates": None if certificates is None else _certificates(certificates),
        "behind_proxy": flag("behind_proxy", behind_proxy),
        "limits": {text_of("the name of a limit", name): value for name, value in (limits or {}).items()},
    }


def _place(place: str) -> tuple[str, str]:
    """Host and path of what is HOST, HOST/path, /path or nothing."""
    host, slash, path = text_of("what an app listens for", place).partition("/")
    # Behind an address of IPv6, which has colons itself.
    if ":" in host.rpartition("]")[2]:
        raise InvalidError(f'"{place}" has a port or a scheme: an app listens for HOST, HOST/path, /path or ""')
    return host, slash + path


def _native_of(runtime: Runtime, app: App) -> _nano.App:
    from ._runtime import App

    if not isinstance(app, App):
        raise InvalidTypeError(f"who answers is an App, or a mapping of hosts and paths to Apps, not {type(app).__name__}")
    if app.runtime is not runtime:
        raise InvalidError(f'the app "{app.name}" is another runtime\'s')
    return app._native


def _certificates(certificates: Iterable[Certificate]) -> list[tuple[bytes, bytes]]:
    if isinstance(certificates, (str, bytes)) or not isinstance(certificates, Iterable):
        raise InvalidTypeError(f"certificates is a list of pairs of a chain and a key, not {type(certificates).__name__}")
    pairs = []
    for pair in certificates:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise InvalidTypeError("each of certificates is a pair of a chain and a key")
        pairs.append((_pem("a chain", pair[0]), _pem("a key", pair[1])))
    return pairs


def _pem(name: str, value: str | bytes) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise InvalidTypeError(f"{name} is PEM as str or bytes, not {type(value).__name__}")
    return bytes(value)


__all__ = ["Certificate", "ListenLimits", "Listener"]
