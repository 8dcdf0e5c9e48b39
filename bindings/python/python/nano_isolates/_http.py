"""Requests and responses as they travel between Python and apps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeAlias, Union, cast

from ._errors import InvalidError, InvalidTypeError
from ._options import text_of

HeadersInit: TypeAlias = Union["Headers", Mapping[str, str], Iterable[tuple[Union[str, bytes], Union[str, bytes]]]]
Body: TypeAlias = Union[bytes, bytearray, memoryview, str, Iterable[bytes], AsyncIterable[bytes], None]
Pairs: TypeAlias = list[tuple[bytes, bytes]]


class Account(NamedTuple):
    """What a request used."""

    cpu_us: int
    wall_us: int
    heap_bytes: int
    external_bytes: int
    subrequests: int
    bytes_in: int
    bytes_out: int


class Headers(Mapping[str, str]):
    """Headers by name, in any case; what came several times is joined by `, `, as `fetch` does it. `raw` has them one by one."""

    __slots__ = ("_flat", "_pairs")

    def __init__(self, headers: HeadersInit | None = None) -> None:
        self._flat: bytes | None = None
        self._pairs: Pairs | None = pairs_of(headers) or []

    @classmethod
    def from_flat(cls, flat: bytes) -> Headers:
        headers = cls.__new__(cls)
        headers._flat, headers._pairs = flat, None
        return headers

    @property
    def raw(self) -> Pairs:
        """Names, in lower case, and values as bytes, in their order."""
        if self._pairs is None:
            parts = self._flat.split(b"\n") if self._flat else []
            self._pairs = list(zip(parts[::2], parts[1::2], strict=True))
        return self._pairs

    def get_all(self, name: str) -> list[str]:
        """Every value of a header, one by one."""
        wanted = name.lower().encode("latin-1", "replace")
        return [value.decode("latin-1") for key, value in self.raw if key == wanted]

    def __getitem__(self, name: str) -> str:
        values = self.get_all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.decode("latin-1") for key, _ in self.raw))

    def __len__(self) -> int:
        return len({key for key, _ in self.raw})

    def __repr__(self) -> str:
        return f"Headers({[(key.decode('latin-1'), value.decode('latin-1')) for key, value in self.raw]!r})"


def pairs_of(headers: HeadersInit | None) -> Pairs | None:
    """Headers in any form as pairs of bytes."""
    if headers is None:
        return None
    if isinstance(headers, Headers):
        return headers.raw
    items = cast("Iterable[tuple[Any, Any]]", headers.items() if isinstance(headers, Mapping) else headers)
    try:
        return [(_bytes(name).lower(), _bytes(value)) for name, value in items]
    except InvalidError:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidTypeError("headers are a mapping, or pairs of a name and a value") from error


def _bytes(text: str | bytes) -> bytes:
    if isinstance(text, str):
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            raise InvalidError(f"the header text {text!r} has characters beyond U+00FF: encode it, and give bytes") from None
    if isinstance(text, (bytes, bytearray)):
        return bytes(text)
    raise InvalidTypeError(f"a header's name and value are str or bytes, not {type(text).__name__}")


class Request:
    """A request: what `App.fetch` takes, and what a binding's `fetch` is given.

    A binding reads the body by `await request.read()` or `async for chunk in request.aiter_bytes()`.
    """

    def __init__(self, url: str, *, method: str = "GET", headers: HeadersInit | None = None, body: Body = None) -> None:
        self.method = text_of("method", method)
        self.url = text_of("url", url)
        self.headers = headers if isinstance(headers, Headers) else Headers(headers)
        self.body = body

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in pieces."""
        body = self.body
        if body is None:
            return
        if isinstance(body, AsyncIterable):
            async for chunk in body:
                yield chunk
        elif isinstance(body, (bytes, bytearray, memoryview, str)):
            yield whole(body)
        else:
            for chunk in body:
                yield chunk

    async def read(self) -> bytes:
        """All of the body."""
        return b"".join([chunk async for chunk in self.aiter_bytes()])

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url})"


class Response:
    """A response: what `App.fetch` gives, and what a binding's `fetch` may return.

    `status`, `status_text`, `headers`; `body`, `text` and `json()` once it is whole; `account` says what the request used. With
    `stream=True` the body is read piece by piece, by `aiter_bytes()` or `iter_bytes()`, or `aread()` and `read()` in one go, and the
    response is closed when it is left alone before its end. Reading a closed one raises `CanceledError`, and pieces that have been read
    come no second time (`InvalidError`); what `aread()` and `read()` gave stays.
    """

    __slots__ = ("__weakref__", "_account", "_body", "_flat", "_headers", "_source", "status", "status_text")

    def __init__(
        self,
        body: Body = None,
        *,
        status: int = 200,
        status_text: str = "",
        headers: HeadersInit | None = None,
    ) -> None:
        self.status = status
        self.status_text = status_text
        self._headers: Headers | None = headers if isinstance(headers, Headers) else Headers(headers)
        self._flat = b""
        self._account: tuple[int, ...] | None = None
        self._source: Any = None
        self._body: bytes | None = None
        if body is None or isinstance(body, (bytes, bytearray, memoryview, str)):
            self._body = whole(body or b"")
        else:
            self._source = body

    @classmethod
    def of_json(cls, value: Any, *, status: int = 200, headers: HeadersInit | None = None) -> Response:
        """A value as JSON, with the type that says so."""
        pairs = list(pairs_of(headers) or [])
        if not any(name == b"content-type" for name, _ in pairs):
            pairs.append((b"content-type", b"application/json"))
        return cls(json.dumps(value), status=status, headers=pairs)

    @property
    def headers(self) -> Headers:
        """Its headers."""
        headers = self._headers
        if headers is None:
            headers = self._headers = Headers.from_flat(self._flat)
        return headers

    @headers.setter
    def headers(self, headers: HeadersInit) -> None:
        self._headers = headers if isinstance(headers, Headers) else Headers(headers)

    @property
    def account(self) -> Account | None:
        """What the request used, once it has ended."""
        account = self._account
        return None if account is None else Account(*account)

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status <= 299

    @property
    def body(self) -> bytes:
        """All of the body."""
        if self._body is None:
            raise RuntimeError("the body is a stream that has not been read: call read() or await aread() first")
        return self._body

    @property
    def text(self) -> str:
        """The body as text, which is UTF-8 as everywhere in `fetch`."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def is_stream(self) -> bool:
        """Whether there is a body that has not been read."""
        return self._body is None

    def iter_bytes(self) -> Iterator[bytes]:
        """The body in pieces."""
        if self._body is not None:
            return iter([self._body] if self._body else [])
        if isinstance(self._source, AsyncIterable):
            raise InvalidTypeError("the body comes on an event loop: read it by aiter_bytes() or aread()")
        return iter(self._unread())

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """The body in pieces."""
        if self._body is None and isinstance(self._source, AsyncIterable):
            return cast("AsyncIterable[bytes]", self._unread()).__aiter__()
        return from_iterable(self.iter_bytes())

    def _unread(self) -> Any:
        """Where the body comes from. An app's comes once: reading it again raises."""
        check = getattr(self._source, "check_unread", None)
        if check is not None:
            check()
        return self._source

    def read(self) -> bytes:
        """Reads what is left of the body, and keeps it. Whoever asks meanwhile gets the same."""
        if self._body is None:
            with getattr(self._source, "turn", nullcontext)():
                if self._body is None:
                    self._body = b"".join(self.iter_bytes())
        return self._body

    async def aread(self) -> bytes:
        """Reads what is left of the body, and keeps it. Whoever asks meanwhile gets the same."""
        if self._body is None:
            if not isinstance(self._source, AsyncIterable):
                return self.read()
            async with getattr(self._source, "aturn", nullcontext)():
                if self._body is None:
                    self._body = b"".join([chunk async for chunk in self.aiter_bytes()])
        return self._body

    def close(self) -> None:
        """Reads no more: an app that still writes is told so."""
        close = getattr(self._source, "close", None)
        if close is not None:
            close()

    async def aclose(self) -> None:
        """Reads no more: an app that still writes is told so."""
        self.close()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Response:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Response({self.status})"


async def from_iterable(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Pieces that are there, for who waits for each."""
    for chunk in chunks:
        yield chunk


def response_of(head: tuple[int, str, bytes], body: bytes | None, source: Any, account: tuple[int, ...] | None) -> Response:
    """The response that the native half tells of. Most of it is looked at by nobody, and made when somebody does."""
    response = _new(Response)
    response.status, response.status_text, response._flat = head
    response._headers = None
    response._body = body
    response._source = source
    response._account = account
    return response


_new = object.__new__


def whole(body: bytes | bytearray | memoryview[Any] | str) -> bytes:
    """A body that is all there, as bytes."""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else bytes(body)


def chunk_of(chunk: object) -> bytes:
    """A piece of a body."""
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    raise InvalidTypeError(f"a body yields bytes, not {type(chunk).__name__}")


async def close_iterator(chunks: object) -> None:
    """Lets a body's iterator clean up that is left before its end."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
