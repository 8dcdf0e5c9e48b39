"""What goes between Python's servers and their clients: whose response ends where, and whose request has a host and a body."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

from test_servers import ask, ask_wsgi, environ_of

from nano_isolates import Runtime, asgi, wsgi

# A response of which a part looks like another one.
FORGED = b"abcHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL"
APP = f"""
const FORGED = {FORGED.decode()!r};
const pieces = () => {{
  const left = [FORGED.slice(0, 3), FORGED.slice(3)];
  const pull = async (c) => {{ await null; left.length ? c.enqueue(new TextEncoder().encode(left.shift())) : c.close(); }};
  return new ReadableStream({{ pull }});
}};
const length = (...all) => ({{ headers: all.map((value) => ['content-length', value]) }});
const ANSWERS = {{
  short: () => new Response(FORGED, length('3')),
  'short-pieces': () => new Response(pieces(), length('3')),
  long: () => new Response('abc', length('300')),
  'long-pieces': () => new Response(pieces(), length('300')),
  twice: () => new Response('abc', length('3', '7')),
  odd: () => new Response('abc', length('+3')),
  empty: () => new Response(null, length('5')),
  none: () => new Response(null, {{ status: 204, ...length('5') }}),
  reset: () => new Response(null, {{ status: 205, ...length('5') }}),
  same: () => new Response(null, {{ status: 304, ...length('5') }}),
}};
export default {{ fetch: (request) => ANSWERS[new URL(request.url).pathname.slice(1)]() }};
"""
# The lengths that go out, and the body.
WHOLE = [b"%d" % len(FORGED)]
ANSWERS: list[tuple[str, str, list[bytes], bytes]] = [
    ("GET", "/short", WHOLE, FORGED),
    ("GET", "/short-pieces", [], FORGED),
    ("GET", "/long", [b"3"], b"abc"),
    ("GET", "/long-pieces", [], FORGED),
    ("GET", "/twice", [b"3"], b"abc"),
    ("GET", "/odd", [b"3"], b"abc"),
    ("GET", "/empty", [b"0"], b""),
    ("GET", "/none", [], b""),
    ("GET", "/reset", [b"0"], b""),
    ("GET", "/same", [], b""),
    # What a GET would have: the app's own word counts for what it does not send.
    ("HEAD", "/empty", [b"5"], b""),
    ("HEAD", "/long-pieces", [b"300"], b""),
    ("HEAD", "/none", [], b""),
    ("HEAD", "/same", [], b""),
]


def test_asgi_a_response_ends_where_its_body_does_whatever_length_the_app_names(run: Any) -> None:
    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            app = asgi.App(await runtime.aload(APP))
            for method, path, lengths, body in ANSWERS:
                client = await ask(app, method, path)
                assert (lengths_of(client.sent[0]["headers"]), client.body) == (lengths, body), (method, path)
            # In pieces that are answered, too.
            client = await ask(app, "POST", "/short", [b"in ", b"pieces"])
            assert (lengths_of(client.sent[0]["headers"]), client.body) == (WHOLE, FORGED)
            # Instead of a WebSocket.
            for path, lengths, body in (("/short", WHOLE, FORGED), ("/short-pieces", [], FORGED), ("/none", [], b"")):
                sent = await ask_for_websocket(app, path)
                assert (lengths_of(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])) == (lengths, body), path

    run(main())


async def ask_for_websocket(app: asgi.App, path: str, headers: list[tuple[bytes, bytes]] | None = None) -> list[Any]:
    """What a server is sent that asks for a WebSocket."""
    sent: list[Any] = []
    messages = iter([{"type": "websocket.connect"}])

    async def receive() -> Any:
        for message in messages:
            return message
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    extensions: dict[str, Any] = {"websocket.http.response": {}}
    scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "headers": headers or [(b"host", b"app.test")], "extensions": extensions}
    await app(scope, receive, send)
    return sent


def lengths_of(headers: list[tuple[bytes, bytes]]) -> list[bytes]:
    return [value for name, value in headers if name == b"content-length"]


def test_wsgi_a_response_ends_where_its_body_does_whatever_length_the_app_names(runtime: Runtime) -> None:
    app = wsgi.App(runtime.load(APP))
    for method, path, lengths, body in ANSWERS:
        started: list[list[tuple[str, str]]] = []
        chunks = app(environ_of(method, path), lambda status, headers, started=started: started.append(headers))
        assert b"".join(chunks) == body, (method, path)
        assert lengths_of([(name.encode(), value.encode()) for name, value in started[0]]) == lengths, (method, path)


def test_asgi_a_request_names_one_host(run: Any) -> None:
    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            loaded = await runtime.aload(APP)
            app = asgi.App(loaded)
            for second in (b"other.test", b"app.test", b""):
                hosts = [(b"host", b"app.test"), (b"host", second)]
                for chunks in (None, [b"in ", b"pieces"]):
                    client = await ask(app, "POST", "/short", chunks, hosts[1:])
                    assert refusal_of(client.status, client.body) == (400, "INVALID", "there is more than one Host header")
                sent = await ask_for_websocket(app, "/short", hosts)
                assert refusal_of(sent[0]["status"], sent[1]["body"]) == (400, "INVALID", "there is more than one Host header")
            assert loaded.stats()["requests"] == 0

    run(main())


def test_wsgi_a_request_names_one_host(runtime: Runtime) -> None:
    loaded = runtime.load(APP)
    # As servers put them together.
    status, _, body = ask_wsgi(wsgi.App(loaded), environ_of("GET", "/short", HTTP_HOST="app.test,other.test"))
    assert refusal_of(int(status[:3]), body) == (400, "INVALID", "there is more than one Host header")
    assert loaded.stats()["requests"] == 0


def test_wsgi_a_body_whose_end_nobody_knows_is_not_left_out(runtime: Runtime) -> None:
    loaded = runtime.load("export default { fetch: async (request) => new Response(await request.text()) }")
    app = wsgi.App(loaded)

    def ask_in_chunks(**more: Any) -> tuple[str, dict[str, str], bytes]:
        return ask_wsgi(app, environ_of("POST", "/", **{"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(b"in pieces"), **more}))

    status, headers, body = ask_in_chunks()
    assert (status, headers["content-type"]) == ("411 Length Required", "application/problem+json")
    assert refusal_of(411, body)[1:] == ("INVALID", "the server does not tell where a body without a content-length ends: send the length")
    assert loaded.stats()["requests"] == 0
    assert ask_in_chunks(**{"wsgi.input_terminated": True})[::2] == ("200 OK", b"in pieces")
    # Of a server that has put it together.
    assert ask_in_chunks(CONTENT_LENGTH="9")[::2] == ("200 OK", b"in pieces")


def refusal_of(status: int, body: bytes) -> tuple[int, str, str]:
    problem = json.loads(body)
    return status, problem["code"], problem["detail"]
