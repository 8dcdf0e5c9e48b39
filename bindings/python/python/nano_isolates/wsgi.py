"""Apps as WSGI applications: served by gunicorn, mounted under Django or Flask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from . import _runtime
from ._errors import InvalidError, NanoError
from ._http import Pairs, Request, Response
from ._mount import Mounted, headers_of, problem, report
from ._nano import request_url

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._options import AppOptions

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

# A body up to which it is read before the app is asked; longer ones are read as the app reads them.
_WHOLE_BYTES = 64 << 10

# What stays as it is in a query: all that is printed.
_QUERY = "".join(map(chr, range(33, 127)))


class App:
    """A WSGI application that an app answers.

    `app` is a loaded app, or the source of one that each process loads for itself at its first request, with the options of
    `Runtime.load`: under a server that forks its workers after it has imported the application only that works.
    """

    def __init__(self, app: _runtime.App | str | os.PathLike[str], **options: Unpack[AppOptions]) -> None:
        self._mounted = Mounted(app, options)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        name = self._mounted.name
        try:
            app = self._mounted.ready or self._mounted.load()
            name = app.name
            request = Request(_url(method, environ), method=method, headers=_headers(environ), body=_body(environ))
            response = app.fetch_sync(request, stream=True)
        except NanoError as error:
            report(name, error)
            status, pairs, body = problem(error)
            start_response(_status(status, ""), _native(pairs))
            return [b"" if method == "HEAD" else body]
        headers, is_bare = headers_of(method, response)
        start_response(_status(response.status, response.status_text), _native(headers))
        if is_bare:
            response.close()
            return []
        return _Chunks(name, response) if response.is_stream else [response.body]

    def close(self) -> None:
        """Closes the runtime that was made here."""
        self._mounted.close()


class _Chunks:
    """The body of a response while it comes. The server closes it, also when the client has gone."""

    def __init__(self, app: str, response: Response) -> None:
        self._app = app
        self._response = response
        self._chunks = response.iter_bytes()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except NanoError as error:
            report(self._app, error)
            raise

    def close(self) -> None:
        self._response.close()


def _status(status: int, text: str) -> str:
    if not text:
        try:
            text = HTTPStatus(status).phrase
        except ValueError:
            text = "Status"
    return f"{status} {text}"


def _native(pairs: Pairs) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]


def _url(method: str, environ: Environ) -> str:
    host = environ.get("HTTP_HOST")
    if not host:
        name = environ["SERVER_NAME"]
        host = f"{f'[{name}]' if ':' in name else name}:{environ['SERVER_PORT']}"
    elif "," in host:
        # As servers put several together.
        raise InvalidError("there is more than one Host header", http_status=400)
    path = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
    target = quote(path, safe=b"/:@!$&" + b"()*+,;=~-._" + bytes([39])) or "/"
    query = environ.get("QUERY_STRING", "")
    if query:
        target += "?" + quote(query.encode("latin-1"), safe=_QUERY)
    return request_url(method, target, host, environ["wsgi.url_scheme"])


def _headers(environ: Environ) -> Pairs:
    pairs = [
        (key[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    for key, name in (("CONTENT_TYPE", b"content-type"), ("CONTENT_LENGTH", b"content-length")):
        if environ.get(key):
            pairs.append((name, environ[key].encode("latin-1")))
    return pairs


def _body(environ: Environ) -> bytes | Iterator[bytes] | None:
    given = environ.get("CONTENT_LENGTH")
    if given:
        length = _length(given)
        chunks = _read(environ["wsgi.input"], length)
        return chunks if length > _WHOLE_BYTES else b"".join(chunks) or None
    if not environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    if not environ.get("wsgi.input_terminated"):
        raise InvalidError("the server does not tell where a body without a content-length ends: send the length", http_status=411)
    return _read(environ["wsgi.input"], None)


def _length(given: str) -> int:
    # What int takes besides, such as a sign, no server should have let through; nor one of more than 64 bits.
    if not (given.isascii() and given.isdigit() and len(given) < 20):
        raise InvalidError("the request's content-length is no number", http_status=400)
    return int(given)


def _read(stream: Any, left: int | None) -> Iterator[bytes]:
    """A body of this length; its end is the stream's own if it is not known."""
    while left is None or left > 0:
        chunk = stream.read(_WHOLE_BYTES if left is None else min(left, _WHOLE_BYTES))
        if not chunk:
            if left is not None:
                # What has come is not the body that the client means: no app takes the one for the other.
                raise InvalidError(f"the request's body broke off {left} bytes before its end", http_status=400)
            return
        if left is not None:
            left -= len(chunk)
        yield chunk
