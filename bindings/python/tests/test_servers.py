"""Apps under ASGI and WSGI servers, as people mount them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest
from conftest import EXAMPLES, PATIENCE_S

import nano_isolates as nano
from nano_isolates import Runtime, asgi, wsgi

APP = """
let told = [], tell = () => {};
const gone = new Promise((resolve) => { tell = resolve; });
export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname.endsWith('/echo')) return new Response(request.body, { headers: { 'content-type': 'text/plain', 'x-url': request.url, 'x-a': request.headers.get('x-a') ?? '' } });
    if (url.pathname.endsWith('/stream')) {
      let n = 0;
      return new Response(new ReadableStream({ async pull(c) { await null; if (n === 5) c.close(); else c.enqueue(new TextEncoder().encode(`${n++};`)); } }), { headers: { 'content-type': 'text/plain' } });
    }
    if (url.pathname.endsWith('/cookies')) return new Response(null, { status: 204, headers: [['set-cookie', 'a=1'], ['set-cookie', 'b=2']] });
    if (url.pathname.endsWith('/throw')) throw new Error('the secret');
    if (url.pathname.endsWith('/wait')) { request.signal.addEventListener('abort', tell); return new Promise(() => {}); }
    if (url.pathname.endsWith('/go')) { tell(); return new Response('told'); }
    if (url.pathname.endsWith('/gone')) { await gone; return new Response('it went'); }
    return new Response('hello');
  },
};
"""


class Client:
    """One request to an ASGI application, by its own words."""

    def __init__(self, method: str, path: str, chunks: list[bytes] | None = None, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"q=1",
            "headers": [(b"host", b"app.test"), *(headers or [])],
        }
        if chunks:
            self.scope["headers"].append((b"content-length", str(sum(map(len, chunks))).encode()))
        self.chunks = list(chunks or [b""])
        self.left = asyncio.Event()
        self.listened = asyncio.Event()
        self.sent: list[Any] = []

    async def receive(self) -> Any:
        if self.chunks:
            chunk = self.chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(self.chunks)}
        self.listened.set()
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        assert not self.sent[-1].get("more_body")
        return b"".join(message["body"] for message in self.sent[1:])


@pytest.fixture
def mounted(run: Any) -> Any:
    """Runs a test's body on a loop of each kind, with an app of the source mounted."""

    def mounted(body: Any, source: str = APP) -> None:
        async def main() -> None:
            async with Runtime(threads=1) as runtime:
                await body(asgi.App(await runtime.aload(source)))

        run(main())

    return mounted


async def ask(app: asgi.App, *args: Any, **kwargs: Any) -> Client:
    client = Client(*args, **kwargs)
    await app(client.scope, client.receive, client.send)
    return client


def test_asgi_requests_and_responses(mounted: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(app: asgi.App) -> None:
        hello = await ask(app, "GET", "/")
        assert (hello.status, hello.headers[b"content-length"], hello.body) == (200, b"5", b"hello")
        head = await ask(app, "HEAD", "/")
        assert (head.status, head.body) == (200, b"")
        whole = await ask(app, "POST", "/echo", [b"whole"], [(b"x-a", b"1")])
        assert (whole.body, whole.headers[b"x-url"], whole.headers[b"x-a"]) == (b"whole", b"http://app.test/echo?q=1", b"1")
        assert (await ask(app, "POST", "/echo", [b"in ", b"", b"pieces"])).body == b"in pieces"
        stream = await ask(app, "GET", "/stream")
        assert (stream.body, len(stream.sent) > 2) == (b"0;1;2;3;4;", True)
        cookies = await ask(app, "GET", "/cookies")
        assert cookies.sent[0]["headers"].count((b"set-cookie", b"b=2")) == 1 and b"content-length" not in cookies.headers
        failed = await ask(app, "GET", "/throw")
        problem = {"title": "Internal Server Error", "status": 500, "code": "EXCEPTION"}
        assert (failed.status, json.loads(failed.body)) == (500, problem)
        assert failed.headers[b"content-type"] == b"application/problem+json"

    mounted(body)
    assert "the secret" in caplog.text


def test_asgi_scopes_of_every_form(mounted: Any) -> None:
    async def body(app: asgi.App) -> None:
        async def url_of(**scope: Any) -> bytes:
            client = Client("POST", "/echo", [b"x"])
            client.scope.update(scope)
            client.scope = {name: value for name, value in client.scope.items() if value is not None}
            await app(client.scope, client.receive, client.send)
            assert client.body == b"x"
            return client.headers[b"x-url"]

        assert await url_of(headers=[[b"host", b"app.test"]]) == b"http://app.test/echo?q=1"
        assert await url_of(scheme="https", query_string=None) == b"https://app.test/echo"
        assert await url_of(scheme=None, query_string=b"") == b"http://app.test/echo"
        assert await url_of(raw_path=b"/%C3%BC/echo?not=this") == b"http://app.test/%C3%BC/echo?q=1"
        assert await url_of(raw_path=None, path="/\xfc 1/echo") == b"http://app.test/%C3%BC%201/echo?q=1"
        for server, host in ((("::1", 8080), b"[::1]:8080"), (("10.0.0.1", 8080), b"10.0.0.1:8080"), (("10.0.0.1", None), b"10.0.0.1"), (None, b"localhost")):
            assert await url_of(headers=[(b"x-a", b"1")], server=server) == b"http://%s/echo?q=1" % host
        # A body that a method of a question has, and one that is announced and empty.
        get = Client("GET", "/", [b"x"])
        await app(get.scope, get.receive, get.send)
        assert (get.status, get.chunks) == (200, [])
        empty = await ask(app, "POST", "/echo", None, [(b"content-length", b"0")])
        assert (empty.status, empty.body) == (200, b"")
        wrong = await ask(app, "GET", "/", None, [(b"not a token", b"1")])
        assert (wrong.status, json.loads(wrong.body)["code"]) == (400, "INVALID")

    mounted(body)


# What servers let through, by which a client would choose another host or path than those that stood in front of the app have looked at.
WRONG_HOSTS = ["x/shop/admin?", "a#", "a\\admin?", "u@evil.test", "a b", "[::1", "a:x", "\xe4"]
WRONG_TARGETS = [
    "@evil.test/", ".evil.test/", "*", "http://app.test/", "http://evil.test/", "app.test:80", "/a#b", "/a/../admin", "/a/%2E%2e/admin", "/a/.%2e", "/./a", "/a\\b",
]


def test_asgi_refuses_what_is_no_host_or_path(mounted: Any) -> None:
    async def body(app: asgi.App) -> None:
        wrong = [(host, "/public") for host in WRONG_HOSTS] + [("app.test", target) for target in WRONG_TARGETS]
        for host, target in wrong:
            for chunks in (None, [b"in ", b"pieces"]):
                client = Client("POST", target, chunks)
                client.scope.update(headers=[(b"host", host.encode("latin-1")), (b"content-length", b"9")])
                await app(client.scope, client.receive, client.send)
                problem = {key: json.loads(client.body)[key] for key in ("status", "code")}
                assert (client.status, problem) == (400, {"status": 400, "code": "INVALID"}), (host, target)
                assert client.headers[b"content-type"] == b"application/problem+json"
        connect = await ask(app, "CONNECT", "/")
        assert connect.status == 501
        # What is about the server as a whole is no app's.
        options = Client("OPTIONS", "*")
        options.scope["query_string"] = b""
        await app(options.scope, options.receive, options.send)
        assert (options.status, options.headers, options.body) == (204, {}, b"")
        # Decoded by the server: encoded again, and never what a URL leaves out.
        raw = Client("POST", "/", [b"x"])
        raw.scope.update(raw_path="/gr\xfc\tn\xa0/a b/echo".encode("latin-1"), query_string=b"q=\xfc")
        await app(raw.scope, raw.receive, raw.send)
        assert raw.headers[b"x-url"] == b"http://app.test/gr%FC%09n%A0/a%20b/echo?q=%FC"
        plain = Client("POST", "/", [b"x"], [(b"x-a", b"1")])
        plain.scope.update(raw_path=b"/.well-known/...//%2f/echo", query_string=b"../a", headers=[(b"host", b"APP.test:80"), (b"content-length", b"1")])
        await app(plain.scope, plain.receive, plain.send)
        assert plain.headers[b"x-url"] == b"http://app.test/.well-known/...//%2f/echo?../a"

    mounted(body)


def test_asgi_responses_keep_nothing_of_a_connection_and_have_their_length(mounted: Any) -> None:
    source = """
    export default {
      fetch(request) {
        const headers = { connection: 'close', 'keep-alive': '1', upgrade: 'x', te: 'x', 'x-kept': '1' };
        if (request.url.includes('length')) headers['content-length'] = '2';
        return new Response('ok', { headers });
      },
    };
    """

    async def body(app: asgi.App) -> None:
        for path in ("/", "/length"):
            names = sorted(name for name, _ in (await ask(app, "GET", path)).sent[0]["headers"])
            assert names == [b"content-length", b"content-type", b"x-kept"]

    mounted(body, source)


@pytest.mark.parametrize("chunks", [None, [b"whole"], [b"in ", b"pieces"]])
def test_asgi_a_client_that_goes_away_cancels_its_request(mounted: Any, chunks: list[bytes] | None) -> None:
    async def body(app: asgi.App) -> None:
        client = Client("POST" if chunks else "GET", "/wait", chunks)
        task = asyncio.create_task(app(client.scope, client.receive, client.send))
        client.left.set()
        # By itself: no other request has anybody look after clients.
        await task
        assert (await ask(app, "GET", "/gone")).body == b"it went"
        # Nobody reads it; middleware wants it.
        assert (client.status, client.body) == (499, b"")

    mounted(body)


def test_asgi_a_response_that_takes_long_is_like_any_other(mounted: Any) -> None:
    async def body(app: asgi.App) -> None:
        client = Client("GET", "/gone")
        task = asyncio.create_task(app(client.scope, client.receive, client.send))
        # Its client is listened to meanwhile, and no more when it has been answered.
        await client.listened.wait()
        await ask(app, "GET", "/go")
        await task
        assert (client.body, len(client.sent), client.headers[b"content-length"]) == (b"it went", 2, b"7")
        assert not [task for task in asyncio.all_tasks() if "listen" in str(task.get_coro())]

    mounted(body)


@pytest.mark.parametrize("late", [False, True])
def test_asgi_a_task_that_is_canceled_cancels_its_request(mounted: Any, late: bool) -> None:
    async def body(app: asgi.App) -> None:
        client = Client("GET", "/wait")
        task = asyncio.create_task(app(client.scope, client.receive, client.send))
        # Behind it, so that it has been begun.
        await (client.listened.wait() if late else ask(app, "GET", "/"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await ask(app, "GET", "/gone")).body == b"it went"
        assert not [task for task in asyncio.all_tasks() if "listen" in str(task.get_coro())]

    mounted(body)


def test_asgi_a_thread_that_waits_takes_what_a_loop_waits_for(mounted: Any) -> None:
    async def body(app: asgi.App) -> None:
        loaded = app._mounted.ready
        assert loaded is not None
        clients = [Client("GET", path) for path in ("/", "/stream", "/throw")]
        tasks = [asyncio.create_task(app(client.scope, client.receive, client.send)) for client in clients]
        fetched = asyncio.create_task(loaded.fetch("http://app.test/"))
        await asyncio.sleep(0)
        # In the loop's own thread, which takes the events of those before it without the loop.
        assert loaded.fetch_sync("http://app.test/", stream=True).read() == b"hello"
        await asyncio.gather(*tasks)
        assert [(client.status, client.body[:10]) for client in clients] == [(200, b"hello"), (200, b"0;1;2;3;4;"), (500, b'{"title": ')]
        assert (await fetched).body == b"hello"

    mounted(body)


def test_asgi_a_client_that_goes_away_cancels_a_stream_that_stands_still(mounted: Any) -> None:
    source = """
    let tell, gone = new Promise((resolve) => { tell = resolve; });
    export default {
      async fetch(request) {
        if (request.url.includes('gone')) return new Response(await gone);
        return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1)); return new Promise(() => {}); }, cancel() { tell('it went'); } }));
      },
    };
    """

    async def body(app: asgi.App) -> None:
        client = Client("GET", "/")
        task = asyncio.create_task(app(client.scope, client.receive, client.send))
        client.left.set()
        assert (await ask(app, "GET", "/gone")).body == b"it went"
        await task

    mounted(body, source)


@pytest.mark.parametrize("path", ["/", "/wait"])
def test_asgi_a_loop_that_is_closed_is_forgotten(runtime: Runtime, path: str) -> None:
    app = asgi.App(runtime.load(APP))
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []
    for _ in range(3):
        loop = asyncio.new_event_loop()
        client = Client("GET", path)
        request = loop.create_task(app(client.scope, client.receive, client.send))
        if path == "/wait":
            # Somebody watches it, and whoever waited for it is gone.
            loop.run_until_complete(client.listened.wait())
            request.cancel()
        loop.run_until_complete(asyncio.gather(request, return_exceptions=True))
        # Behind it, so that its end has been told.
        loop.run_until_complete(ask(app, "GET", "/"))
        loop.close()
        loops.append(weakref.ref(loop))
        del loop, client, request
    gc.collect()
    assert [loop() for loop in loops] == [None] * 3


def test_asgi_lifespan_loads_and_closes_its_own_runtime(run: Any) -> None:
    async def main() -> None:
        messages: asyncio.Queue[Any] = asyncio.Queue()
        sent: asyncio.Queue[Any] = asyncio.Queue()
        app = asgi.App(APP, name="own")
        life = asyncio.create_task(app({"type": "lifespan"}, messages.get, sent.put))
        await messages.put({"type": "lifespan.startup"})
        assert (await sent.get())["type"] == "lifespan.startup.complete"
        assert (await ask(app, "GET", "/")).body == b"hello"
        await messages.put({"type": "lifespan.shutdown"})
        assert (await sent.get())["type"] == "lifespan.shutdown.complete"
        await life
        broken = asgi.App("export default {")
        life = asyncio.create_task(broken({"type": "lifespan"}, messages.get, sent.put))
        await messages.put({"type": "lifespan.startup"})
        assert "NANO_E_COMPILE" in (await sent.get())["message"]
        await life

    run(main())


@pytest.mark.parametrize("path", ["/wait", "/"])
def test_asgi_middleware_bears_a_client_that_leaves_early(run: Any, path: str) -> None:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware

    async def passes(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            app = Starlette(middleware=[Middleware(BaseHTTPMiddleware, dispatch=passes)])
            app.mount("/", asgi.App(await runtime.aload(APP)))
            client = Client("POST" if path == "/" else "GET", path, None, [(b"content-length", b"9")])
            if path == "/":
                # Before anything of its body has come.
                client.chunks.clear()
            client.left.set()
            # Raises if there is no response.
            await app(client.scope, client.receive, client.send)

    run(main())


def test_a_source_that_does_not_load_is_answered_and_not_read_for_each_request(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "index.js"
    source.write_text("export default {")
    made: list[Runtime] = []
    runtime_of = nano._runtime.Runtime
    monkeypatch.setattr("nano_isolates._mount.Runtime", lambda: made.append(runtime_of()) or made[-1])

    async def main() -> None:
        app = asgi.App(source, name="broken")
        for _ in range(2):
            client = await ask(app, "GET", "/")
            assert (client.status, json.loads(client.body)["code"]) == (500, "COMPILE")
        for extensions in ({}, {"websocket.http.response": {}}):
            messages = iter([{"type": "websocket.connect"}])
            sent: asyncio.Queue[Any] = asyncio.Queue()

            async def receive() -> Any:
                return next(messages)

            await app({"type": "websocket", "extensions": extensions}, receive, sent.put)
            said = sent.get_nowait()
            assert (said.get("status"), said.get("code")) == ((500, None) if extensions else (None, 1011))
        served = wsgi.App(source)
        assert ask_wsgi(served, environ_of("GET", "/"))[0] == "500 Internal Server Error"
        # Mended, and noticed when it is tried again.
        source.write_text(APP)
        assert (await ask(app, "GET", "/")).status == 500
        clock[0] += 10.0
        assert (await ask(app, "GET", "/")).body == b"hello"
        assert ask_wsgi(served, environ_of("GET", "/"))[2] == b"hello"
        app._mounted.close()
        served.close()

    clock = [0.0]
    monkeypatch.setattr("nano_isolates._mount.time", types.SimpleNamespace(monotonic=lambda: clock[0]))
    run(main())
    assert len(made) == 2
    assert "broken: NANO_E_COMPILE" in caplog.text


def test_asgi_an_app_that_is_loaded_there_is_answered_on_the_server_s_loop(run: Any) -> None:
    source = """
    import { env } from 'cloudflare:workers';
    const first = await env.here();
    export default { fetch: async (request, env) => Response.json([first, await env.here()]) };
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        # Of this loop, as a pool of connections is.
        known = loop.create_future()
        known.set_result(True)

        async def here() -> bool:
            return asyncio.get_running_loop() is loop and await asyncio.shield(known)

        app = asgi.App(source, bindings={"here": here})
        try:
            assert json.loads((await ask(app, "GET", "/")).body) == [True, True]
        finally:
            app._mounted.close()

    run(main())


def test_asgi_requests_that_wait_for_the_first_load_take_no_threads_of_the_loop(run: Any) -> None:
    source = """
    import { env } from 'cloudflare:workers';
    await env.first();
    export default { fetch: () => new Response('hello') };
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
        loads: list[object] = []
        asked, gate = asyncio.Event(), asyncio.Event()

        async def first() -> None:
            loads.append(await asyncio.to_thread(object))
            asked.set()
            await gate.wait()

        app = asgi.App(source, bindings={"first": first})
        elsewhere: concurrent.futures.Future[Client] = concurrent.futures.Future()

        def ask_elsewhere() -> None:
            elsewhere.set_result(asyncio.run(ask(app, "GET", "/")))

        try:
            requests = [asyncio.create_task(ask(app, "GET", "/")) for _ in range(10)]
            await asked.wait()
            # Who has begun it gives up, and others come, also on another loop.
            requests[0].cancel()
            thread = threading.Thread(target=ask_elsewhere)
            thread.start()
            requests.append(asyncio.create_task(ask(app, "GET", "/")))
            await asyncio.sleep(0)
            gate.set()
            given_up, *answered = await asyncio.gather(*requests, return_exceptions=True)
            answered.append(await asyncio.wrap_future(elsewhere))
            thread.join()
            assert isinstance(given_up, asyncio.CancelledError)
            assert [client.body for client in answered if isinstance(client, Client)] == [b"hello"] * 11
            assert len(loads) == 1
        finally:
            app._mounted.close()

    run(main())


def test_asgi_a_load_that_fails_while_nobody_waits_is_told_to_who_comes_next(run: Any, tmp_path: Path) -> None:
    source = tmp_path / "index.js"
    source.write_text("import { env } from 'cloudflare:workers'; await env.first(); throw new Error('no');")

    async def main() -> None:
        asked, gate = asyncio.Event(), asyncio.Event()

        async def first() -> None:
            asked.set()
            await gate.wait()

        app = asgi.App(source, bindings={"first": first})
        try:
            request = asyncio.create_task(ask(app, "GET", "/"))
            await asked.wait()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            late = asyncio.create_task(ask(app, "GET", "/"))
            gate.set()
            assert ((await late).status, json.loads(late.result().body)["code"]) == (500, "EXCEPTION")
            # Known, and not tried again for the moment.
            asked.clear()
            assert (await ask(app, "GET", "/")).status == 500
            assert not asked.is_set()
        finally:
            app._mounted.close()

    run(main())


def environ_of(method: str, path: str, body: bytes = b"", **more: Any) -> dict[str, Any]:
    """A request as WSGI has it."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "q=1",
        "SERVER_NAME": "app.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "app.test",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return {**environ, **more}


def ask_wsgi(app: Any, environ: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    started: list[Any] = []
    chunks = app(environ, lambda status, headers, _=None: started.append((status, headers)) or (lambda _: None))
    try:
        data = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, headers = started[0]
    return status, dict(headers), data


def test_wsgi_keeps_to_the_letter_of_its_standard(runtime: Runtime) -> None:
    app = validator(wsgi.App(runtime.load(APP)))

    def ask(*args: Any, **more: str) -> tuple[str, dict[str, str], bytes]:
        return ask_wsgi(app, environ_of(*args, **more))

    assert ask("GET", "/")[::2] == ("200 OK", b"hello")
    status, headers, body = ask("POST", "/echo", b"x" * 200_000, HTTP_X_A="1")
    assert (status, headers["x-url"], headers["x-a"], len(body)) == ("200 OK", "http://app.test/echo?q=1", "1", 200_000)
    assert ask("GET", "/stream")[2] == b"0;1;2;3;4;"
    status, _, body = ask("GET", "/throw")
    assert (status, json.loads(body)["code"]) == ("500 Internal Server Error", "EXCEPTION")
    assert ask("GET", "/gr\xc3\xbc\xc3\x9fe/echo")[1]["x-url"] == "http://app.test/gr%C3%BC%C3%9Fe/echo?q=1"


def test_wsgi_refuses_what_is_no_host_or_path(runtime: Runtime) -> None:
    app = wsgi.App(runtime.load(APP))
    wrong = [environ_of("GET", "/public", HTTP_HOST=host) for host in WRONG_HOSTS]
    # What PATH_INFO has is decoded: the number sign and the backslash are the path's own.
    for target in ("@evil.test/", ".evil.test/", "*", "http://app.test/", "/a/../admin", "/./a"):
        wrong.append(environ_of("GET", target))
    for environ in wrong:
        status, headers, body = ask_wsgi(app, environ)
        assert (status, headers["content-type"], json.loads(body)["code"]) == ("400 Bad Request", "application/problem+json", "INVALID"), environ
    assert ask_wsgi(app, environ_of("OPTIONS", "*", QUERY_STRING="")) == ("204 No Content", {}, b"")
    headers = ask_wsgi(app, environ_of("GET", "/a#b\\c/echo", QUERY_STRING="q=\xfc"))[1]
    assert headers["x-url"] == "http://app.test/a%23b%5Cc/echo?q=%FC"


@pytest.mark.parametrize("length", [100, 60_000, 70_000, 300_000])
def test_wsgi_a_body_that_breaks_off_is_none(runtime: Runtime, length: int) -> None:
    source = """
    let had = [];
    export default {
      async fetch(request) {
        if (request.method === 'GET') return Response.json(had);
        const body = await request.arrayBuffer();
        had.push(body.byteLength);
        return new Response('taken');
      },
    };
    """
    app = wsgi.App(runtime.load(source))
    status, _, body = ask_wsgi(app, environ_of("POST", "/", b"x" * (length - 1), CONTENT_LENGTH=str(length)))
    assert (status, json.loads(body)["code"]) == ("400 Bad Request", "INVALID")
    assert json.loads(ask_wsgi(app, environ_of("GET", "/"))[2]) == []
    assert ask_wsgi(app, environ_of("POST", "/", b"x" * length))[2] == b"taken"
    assert json.loads(ask_wsgi(app, environ_of("GET", "/"))[2]) == [length]
    for wrong in ("-1", "+1", "x", "1_0", "1" * 5_000, "18446744073709551616"):
        assert ask_wsgi(app, environ_of("POST", "/", b"x", CONTENT_LENGTH=wrong))[0] == "400 Bad Request"


def test_options_are_for_apps_that_are_not_loaded(runtime: Runtime) -> None:
    with pytest.raises(TypeError, match="loaded already"):
        asgi.App(runtime.load(APP), env={"A": "b"})


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "server:app", "--fd", "{fd}", "--loop", "asyncio"],
        ["uvicorn", "server:app", "--fd", "{fd}", "--loop", "uvloop"],
        ["hypercorn", "server:app", "--bind", "fd://{fd}"],
        ["gunicorn", "server:app", "--bind", "fd://{fd}", "--worker-class", "uvicorn_worker.UvicornWorker"],
        ["gunicorn", "server:app", "--bind", "fd://{fd}", "--worker-class", "asgi"],
    ],
    ids=["uvicorn", "uvicorn-uvloop", "hypercorn", "gunicorn-uvicorn", "gunicorn-asgi"],
)
def test_the_example_server_mounts_apps_under_fastapi(serve: Any, listener: socket.socket, command: list[str]) -> None:
    ask = serve([part.format(fd=listener.fileno()) for part in command], listener)
    assert json.loads(ask("/")) == {"apps": ["greeter", "shouter"]}
    assert ask("/apps/greeter/?name=world") == b"Hello, world: visit 1\n"
    assert ask("/apps/greeter/?name=you") == b"Hello, you: visit 2\n"
    assert ask("/apps/shouter/", b"quiet " * 20_000) == b"QUIET " * 20_000
    assert ask("/apps/nobody/", expect=404)
    # gunicorn passes Ctrl-C on to its workers as SIGQUIT, which this one notes and never looks at, whatever it serves.
    ask.server.send_signal(signal.SIGTERM if "uvicorn_worker.UvicornWorker" in command else signal.SIGINT)
    ask.server.wait(PATIENCE_S)
    # Of gunicorn's workers that do not end by themselves.
    assert "SIGKILL" not in ask.log.read_text()


# The application of an example, which also says in a header whose process it was.
SAYS_WHO_WSGI = """
import os
from {module} import {name} as inner

def {name}(environ, start_response):
    return inner(environ, lambda status, headers, *more: start_response(status, [*headers, ("x-pid", str(os.getpid()))], *more))
"""
SAYS_WHO_ASGI = """
import os
from {module} import {name} as inner

async def {name}(scope, receive, send):
    async def send_with_pid(message):
        if message["type"] == "http.response.start":
            message = {{**message, "headers": [*message["headers"], (b"x-pid", b"%d" % os.getpid())]}}
        await send(message)
    await inner(scope, receive, send_with_pid)
"""


@pytest.fixture
def serve_saying_who(serve: Any, listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`serve` for a command that names a WSGI or ASGI application of the examples, each answer of which has an `x-pid`."""

    def serve_saying_who(command: list[str]) -> Any:
        module, name = command[1].split(":")
        text = SAYS_WHO_ASGI if name == "application" else SAYS_WHO_WSGI
        (tmp_path / "says_who.py").write_text(text.format(module=module, name=name))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
        return serve([command[0], f"says_who:{name}", *(part.format(fd=listener.fileno()) for part in command[2:])], listener)

    return serve_saying_who


def ask_every_worker(ask: Any, workers: int, ask_once: Callable[[], object]) -> dict[str, list[Any]]:
    """What each worker has answered, once each has answered twice. Which of them takes a connection is the kernel's choice."""
    answers: dict[str, list[Any]] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(answers) < workers or min(map(len, answers.values())) < 2:
        assert time.monotonic() < deadline, (answers, ask.log.read_text())
        answer = ask_once()
        answers.setdefault(ask.headers["x-pid"], []).append(answer)
    # None died and was replaced, and it was none that only waits for its workers.
    assert len(answers) == workers and (workers == 1) == (str(ask.server.pid) in answers), (answers, ask.server.pid)
    return answers


@pytest.mark.parametrize("preload", [False, True], ids=["", "preload"])
def test_gunicorn_forks_workers_that_have_a_runtime_each(serve_saying_who: Any, preload: bool) -> None:
    command = ["gunicorn", "wsgi_server:app", "--bind", "fd://{fd}", "--workers", "2"]
    ask = serve_saying_who(command + (["--preload"] if preload else []))
    for said in ask_every_worker(ask, 2, lambda: ask("/")).values():
        # Each counts for itself.
        assert said == [b"Hello from worker with %d visits\n" % (n + 1) for n in range(len(said))]


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "django_site:application", "--fd", "{fd}"],
        ["gunicorn", "django_site:application", "--bind", "fd://{fd}", "--workers", "2", "--preload", "--worker-class", "uvicorn_worker.UvicornWorker"],
        ["gunicorn", "django_site:wsgi_application", "--bind", "fd://{fd}", "--workers", "2"],
        ["gunicorn", "django_site:wsgi_application", "--bind", "fd://{fd}", "--workers", "2", "--preload", "--threads", "2"],
    ],
    ids=["uvicorn", "gunicorn-uvicorn-preload", "gunicorn", "gunicorn-threads-preload"],
)
def test_the_example_site_has_apps_beside_django_s_views(serve_saying_who: Any, command: list[str]) -> None:
    ask = serve_saying_who(command)
    workers = 2 if "--workers" in command else 1
    for said in ask_every_worker(ask, workers, lambda: ask("/apps/shouter/loud", b"quiet")).values():
        assert set(said) == {b"QUIET at /apps/shouter/loud\n"}
    for said in ask_every_worker(ask, workers, lambda: ask("/price/3")).values():
        assert all(json.loads(each) == {"price": 6} for each in said)
    assert ask("/nowhere", expect=404)


def test_the_example_script(python: Any) -> None:
    done = subprocess.run([sys.executable, EXAMPLES / "script.py"], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert done.stdout.splitlines() == (EXAMPLES / "script.txt").read_text().splitlines()


def test_the_fixtures_of_the_pytest_plugin(nano_app: Any, nano_runtime: nano.Runtime) -> None:
    app = nano_app("export default { fetch: (r, env) => new Response(env.NAME) }", env={"NAME": "value"})
    assert app.fetch_sync("http://app.test/").text == "value"
    assert nano_runtime.stats()["apps"] == 1
