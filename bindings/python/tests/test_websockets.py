"""WebSockets of apps: under ASGI servers, and from Python itself."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE_S
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from nano_isolates import CanceledError, InvalidError, Runtime, ShutdownError, WebSocket, WebSocketRefused, asgi, wsgi

CHAT = """
let tell, closed;
const reset = () => { closed = new Promise((resolve) => { tell = resolve; }); };
reset();
let sockets = 0;
export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname.endsWith('/closed')) { const said = await closed; reset(); return new Response(said); }
    if (url.pathname.endsWith('/throw')) throw new Error('the secret');
    if (url.pathname.endsWith('/wait')) { request.signal.addEventListener('abort', () => tell('aborted')); return new Promise(() => {}); }
    if (url.pathname.endsWith('/sockets')) return new Response(String(sockets));
    if (url.pathname.endsWith('/stream')) {
      let n = 0;
      return new Response(new ReadableStream({ async pull(c) { await null; if (n === 3) c.close(); else c.enqueue(new TextEncoder().encode(`${n++};`)); } }), { status: 409 });
    }
    if (request.headers.get('upgrade') !== 'websocket' || url.pathname.endsWith('/teapot')) return new Response('no chat here', { status: 418, headers: { 'x-own': 'yes' } });
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.binaryType = 'arraybuffer';
    sockets += 1;
    server.addEventListener('close', ({ code, reason, wasClean }) => { sockets -= 1; tell(`${code} ${reason} ${wasClean}`); });
    server.addEventListener('message', ({ data }) => {
      if (data === 'bye') server.close(4002, 'so long');
      else if (data === 'go') server.close();
      else if (data === 'url') server.send(`${request.method} ${request.url} ${request.headers.get('x-a')}`);
      else if (data === 'many') for (let n = 0; n < 300; n++) server.send(new Uint8Array(8192).fill(n));
      else if (data === 'large') server.send(new Uint8Array(3_000_000).fill(7));
      else server.send(data);
    });
    const protocols = (request.headers.get('sec-websocket-protocol') ?? '').split(', ');
    const headers = { 'x-own': 'yes' };
    if (protocols.includes('chat')) headers['sec-websocket-protocol'] = 'chat';
    return new Response(null, { status: 101, webSocket: client, headers });
  },
};
"""

SITE = """
import contextlib
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from nano_isolates import Runtime, asgi

@contextlib.asynccontextmanager
async def lifespan(site):
    async with Runtime(threads=1) as runtime:
        app = await runtime.aload(Path(__file__).with_name("chat.js").read_text())

        async def reload(request):
            await app.areload()
            return PlainTextResponse("reloaded")

        site.routes.append(Route("/reload", reload))
        site.routes.append(Mount("/apps/chat", asgi.App(app)))
        yield

site = Starlette(lifespan=lifespan)
"""

# Many bytes, and none like its neighbours.
LARGE = bytes((at * at >> 7) & 255 for at in range(900_000))


@pytest.fixture(
    params=[
        ["uvicorn", "chat_site:site", "--fd", "{fd}", "--ws", "websockets-sansio"],
        ["uvicorn", "chat_site:site", "--fd", "{fd}", "--ws", "wsproto", "--loop", "uvloop"],
        ["hypercorn", "chat_site:site", "--bind", "fd://{fd}"],
    ],
    ids=["uvicorn", "uvicorn-wsproto-uvloop", "hypercorn"],
)
def served(request: pytest.FixtureRequest, serve: Any, listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "chat.js").write_text(CHAT)
    (tmp_path / "chat_site.py").write_text(SITE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return serve([part.format(fd=listener.fileno()) for part in request.param], listener)


def end_of(chat: Any) -> tuple[int, str] | None:
    """The last word of the server."""
    with pytest.raises(ConnectionClosed) as ended:
        chat.recv(PATIENCE_S)
    return (ended.value.rcvd.code, ended.value.rcvd.reason) if ended.value.rcvd else None


def test_a_server_relays_the_websockets_of_an_app_that_it_mounts(served: Any, listener: socket.socket) -> None:
    host = f"127.0.0.1:{listener.getsockname()[1]}"

    def dial(path: str, **options: Any) -> Any:
        return connect(f"ws://{host}/apps/chat{path}", max_size=None, open_timeout=PATIENCE_S, close_timeout=PATIENCE_S, **options)

    with dial("/?q=1", subprotocols=["talk", "chat"], additional_headers={"X-A": "1"}) as chat:
        assert (chat.subprotocol, chat.response.headers["x-own"]) == ("chat", "yes")
        chat.send("url")
        assert chat.recv() == f"GET http://{host}/apps/chat/?q=1 1"
        for message in ("gr\xfc\xdf dich", b"\x00\xff", "", LARGE):
            chat.send(message)
            assert chat.recv() == message
        chat.send("large")
        assert chat.recv() == b"\x07" * 3_000_000
        chat.close(3001, "enough")
    # hypercorn tells no code of a client's.
    assert served("/apps/chat/closed") == (b"1006  false" if "hypercorn" in served.server.args else b"3001 enough true")

    with dial("/") as chat:
        assert chat.subprotocol is None
        chat.send("bye")
        assert end_of(chat) == (4002, "so long")
    assert served("/apps/chat/closed") == b"4002  true"
    with dial("/") as chat:
        chat.send("go")
        assert end_of(chat) == (1000, "")
    served("/apps/chat/closed")

    # Larger than an app takes.
    with dial("/") as chat:
        chat.send(bytes(2 << 20))
        assert end_of(chat) == (1009, "the message is too large")
    served("/apps/chat/closed")

    # One that vanishes.
    chat = dial("/")
    chat.send("here")
    assert chat.recv() == "here"
    chat.socket.shutdown(socket.SHUT_RDWR)
    assert served("/apps/chat/closed") == b"1006  false"

    for path, status, body in (("/teapot", 418, b"no chat here"), ("/stream", 409, b"0;1;2;")):
        with pytest.raises(InvalidStatus) as refused:
            dial(path)
        assert (refused.value.response.status_code, refused.value.response.body) == (status, body)
    with pytest.raises(InvalidStatus) as refused:
        dial("/throw")
    assert json.loads(refused.value.response.body) == {"title": "Internal Server Error", "status": 500, "code": "EXCEPTION"}

    with dial("/") as chat:
        chat.send("here")
        assert chat.recv() == "here"
        assert served("/reload") == b"reloaded"
        assert end_of(chat) == (1012, "RELOAD")


class Client:
    """One WebSocket of an ASGI server, by its own words."""

    def __init__(self, path: str, **scope: Any) -> None:
        self.scope = {
            "type": "websocket",
            "scheme": "wss",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"app.test"), (b"sec-websocket-key", b"theirs"), (b"sec-websocket-extensions", b"permessage-deflate")],
            "subprotocols": [],
            "extensions": {},
            **scope,
        }
        self.says: asyncio.Queue[Any] = asyncio.Queue()
        self.told: asyncio.Queue[Any] = asyncio.Queue()
        self.taken = 0
        self.say("connect")

    def say(self, kind: str, **more: Any) -> None:
        self.says.put_nowait({"type": f"websocket.{kind}", **more})

    async def receive(self) -> Any:
        said = await self.says.get()
        self.taken += 1
        return said

    async def send(self, message: Any) -> None:
        self.told.put_nowait(message)

    def start(self, app: asgi.App) -> asyncio.Task[None]:
        return asyncio.create_task(app(self.scope, self.receive, self.send))  # type: ignore[arg-type]


@pytest.fixture
def mounted(run: Any) -> Any:
    """Runs a test's body on a loop of each kind, with the chat mounted."""

    def mounted(body: Callable[[asgi.App, Any, Runtime], Any]) -> None:
        async def main() -> None:
            async with Runtime(threads=1) as runtime:
                loaded = await runtime.aload(CHAT)

                async def asked(path: str) -> str:
                    return (await loaded.fetch(f"http://app.test{path}")).text

                await body(asgi.App(loaded), asked, runtime)
            assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and "isten" in str(task.get_coro())]

        run(main())

    return mounted


def test_the_messages_of_asgi(mounted: Any) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        client = Client("/", subprotocols=["chat"])
        task = client.start(app)
        accepted = {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-own", b"yes")]}
        assert await client.told.get() == accepted
        client.say("receive", text="url")
        assert await client.told.get() == {"type": "websocket.send", "text": "GET https://app.test/ null"}
        client.say("receive", text=None, bytes=b"\x00")
        assert await client.told.get() == {"type": "websocket.send", "bytes": b"\x00"}
        client.say("disconnect", code=1001, reason="elsewhere")
        await task
        assert (await asked("/closed"), client.told.empty()) == ("1001 elsewhere true", True)
        # The app's last word, and the client's answer to it.
        client = Client("/")
        task = client.start(app)
        await client.told.get()
        client.say("receive", text="bye")
        assert await client.told.get() == {"type": "websocket.close", "code": 4002, "reason": "so long"}
        await task
        assert (await asked("/closed"), client.told.empty()) == ("4002  true", True)
        # An end without a code.
        client = Client("/")
        task = client.start(app)
        await client.told.get()
        client.say("disconnect", code=1005, reason="")
        await task
        assert await asked("/closed") == "1005  true"
        # None at all, as uvicorn says it.
        client = Client("/")
        task = client.start(app)
        await client.told.get()
        client.say("disconnect", code=1005)
        await task
        assert await asked("/closed") == "1006  false"

    mounted(body)


def test_servers_without_responses_close(mounted: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        for path, code, reason in (("/teapot", 1000, ""), ("/stream", 1000, ""), ("/throw", 1011, "EXCEPTION")):
            client = Client(path)
            await client.start(app)
            assert client.told.get_nowait() == {"type": "websocket.close", "code": code, "reason": reason}
            assert client.told.empty()
        # Subprotocols that are none.
        client = Client("/", subprotocols=["a", "a"], extensions={"websocket.http.response": {}})
        await client.start(app)
        assert client.told.get_nowait()["status"] == 400

    mounted(body)
    assert "the secret" in caplog.text


def test_what_is_no_host_or_path_is_refused(mounted: Any) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        for host, target in (("a/admin?", "/"), ("a\\admin?", "/"), ("app.test", "@evil.test/"), ("app.test", "/a/../admin")):
            client = Client(target, headers=[(b"host", host.encode())], extensions={"websocket.http.response": {}})
            await client.start(app)
            assert client.told.get_nowait()["status"] == 400
            client = Client(target, headers=[(b"host", host.encode())])
            await client.start(app)
            assert client.told.get_nowait()["type"] == "websocket.close"
            assert client.told.empty()
        assert await asked("/sockets") == "0"

    mounted(body)


def test_a_client_that_leaves_before_the_answer_is_none_any_more(mounted: Any) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        client = Client("/wait")
        task = client.start(app)
        await asyncio.sleep(0)
        # Behind it, so that it has been begun.
        await asked("/sockets")
        client.say("disconnect", code=1006)
        await task
        assert (await asked("/closed"), client.told.empty()) == ("aborted", True)

    mounted(body)


def test_a_task_that_is_canceled_leaves_nothing_behind(mounted: Any) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        client = Client("/")
        task = client.start(app)
        await client.told.get()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await asked("/closed"), await asked("/sockets")) == ("1006  false", "0")

    mounted(body)


def test_a_runtime_that_is_closed_says_so(mounted: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        client = Client("/")
        task = client.start(app)
        await client.told.get()
        await runtime.aclose()
        await task
        closed = await client.told.get()
        assert (closed, client.told.empty()) == ({"type": "websocket.close", "code": 1001, "reason": "SHUTDOWN"}, True)

    mounted(body)
    assert [record.name for record in caplog.records] == ["nano_isolates"]


def test_a_client_that_does_not_read_is_not_waited_for_when_the_app_has_ended(
    mounted: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nano_isolates._relay._LAST_WORDS_S", 0.0)

    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        client = Client("/")
        stuck = asyncio.Event()

        async def send(message: Any) -> None:
            client.told.put_nowait(message)
            if message["type"] == "websocket.send":
                stuck.set()
                await asyncio.get_running_loop().create_future()

        client.send = send  # type: ignore[method-assign]
        task = client.start(app)
        await client.told.get()
        client.say("receive", text="here")
        await stuck.wait()
        await runtime.aclose()
        await task
        assert (client.told.get_nowait(), client.told.empty()) == ({"type": "websocket.send", "text": "here"}, True)

    mounted(body)
    assert [record.name for record in caplog.records] == ["nano_isolates"]


def test_a_server_that_fails_ends_it(mounted: Any) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        client = Client("/")
        task = client.start(app)
        await client.told.get()
        client.says.put_nowait({"type": "websocket.receive", "text": 1})
        with pytest.raises(TypeError):
            await task
        assert await asked("/closed") == "1006  false"
        # One that knows before it says so that nobody is there.
        client = Client("/")
        task = client.start(app)
        await client.told.get()

        async def broken(message: Any) -> None:
            client.say("disconnect", code=1006)
            raise ConnectionResetError

        client.send = broken  # type: ignore[method-assign]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asked("/closed")
        task = client.start(app)
        client.say("connect")
        await task
        assert await asked("/closed") == "1006  false"

    mounted(body)


def test_what_a_client_has_not_read_is_counted_as_the_app_s(mounted: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        client = Client("/")
        may_go = asyncio.Event()
        may_go.set()

        async def slow(message: Any) -> None:
            await may_go.wait()
            client.told.put_nowait(message)

        client.send = slow  # type: ignore[method-assign]
        task = client.start(app)
        await client.told.get()
        # Who reads gets more than may ever wait.
        for _ in range(3):
            client.say("receive", text="many")
            assert [(await client.told.get())["bytes"] for _ in range(300)] == [bytes([n % 256]) * 8192 for n in range(300)]
        may_go.clear()
        for _ in range(3):
            client.say("receive", text="many")
        assert await asked("/closed") == "1006  false"
        may_go.set()
        await task
        told = [client.told.get_nowait() for _ in range(client.told.qsize())]
        assert 300 <= len(told) < 900 and told[-1] == {"type": "websocket.close", "code": 1011, "reason": "CANCELED"}

    mounted(body)
    assert "more waits to be sent" in caplog.text


def test_nothing_is_received_while_the_app_has_no_room(mounted: Any) -> None:
    async def body(app: asgi.App, asked: Any, runtime: Runtime) -> None:
        source = """
        let go; const may = new Promise((resolve) => { go = resolve; });
        export default { async fetch(request) {
          if (request.url.endsWith('/go')) { go(); return new Response('gone'); }
          if (request.headers.get('upgrade') === null) return new Response('here');
          const [client, server] = Object.values(new WebSocketPair());
          may.then(() => { server.accept(); });
          server.addEventListener('message', ({ data }) => server.send(String(data.length ?? data.size)));
          return new Response(null, { status: 101, webSocket: client });
        } }
        """
        slow = await runtime.aload(source, name="slow")
        client = Client("/")
        task = client.start(asgi.App(slow))
        await client.told.get()
        for _ in range(40):
            client.say("receive", text="x" * 50_000)
        # More rounds of the loop than it takes to receive them all.
        for _ in range(200):
            await asyncio.sleep(0)
        assert client.taken < 20
        await slow.fetch("http://app.test/go")
        assert [(await client.told.get())["text"] for _ in range(40)] == ["50000"] * 40
        client.say("disconnect", code=1000)
        await task

    mounted(body)


def test_python_talks_to_an_app(run: Any) -> None:
    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            app = await runtime.aload(CHAT)

            async def closed() -> str:
                return (await app.fetch("http://app.test/closed")).text

            async with app.websocket("wss://app.test/x", subprotocols=["chat"], headers={"X-A": "1"}) as chat:
                assert (chat.subprotocol, chat.headers["x-own"]) == ("chat", "yes")
                await chat.send("url")
                assert await chat.receive() == "GET https://app.test/x 1"
                await chat.send(LARGE)
                assert await chat.receive() == LARGE
                await chat.send("bye")
                assert [message async for message in chat] == []
                assert (chat.close_code, chat.close_reason, await chat.receive()) == (4002, "so long", None)
                with pytest.raises(InvalidError, match="closed"):
                    await chat.send("more")
            assert await closed() == "4002  true"
            async with app.websocket("http://app.test/") as chat:
                for wrong in ((1001, ""), (5000, ""), (1000, "x" * 124)):
                    with pytest.raises(InvalidError):
                        await chat.close(*wrong)
                await chat.close(3001, "enough")
                assert chat.close_code == 3001
            assert await closed() == "3001 enough true"
            async with app.websocket("http://app.test/"):
                pass
            assert await closed() == "1000  true"
            with pytest.raises(KeyError):
                async with app.websocket("http://app.test/"):
                    raise KeyError
            assert await closed() == "1006  false"
            with pytest.raises(WebSocketRefused, match="418") as refused:
                async with app.websocket("http://app.test/teapot"):
                    pass
            assert (refused.value.response.text, refused.value.response.headers["x-own"]) == ("no chat here", "yes")
            with pytest.raises(InvalidError, match="subprotocol"):
                async with app.websocket("http://app.test/", subprotocols=["a b"]):
                    pass
            opening = asyncio.create_task(app.websocket("http://app.test/wait").__aenter__())
            await asyncio.sleep(0)
            await app.fetch("http://app.test/sockets")
            opening.cancel()
            assert await closed() == "aborted"
            async with app.websocket("http://app.test/") as chat:
                await app.akill()
                with pytest.raises(CanceledError):
                    await chat.receive()
                assert (await chat.receive(), chat.close_code) == (None, 1006)
            unopened: WebSocket = app.websocket("http://app.test/")
            with pytest.raises(RuntimeError, match="open the WebSocket first"):
                await unopened.send("x")
            async with app.websocket("http://app.test/") as chat:
                await runtime.aclose()
                with pytest.raises(ShutdownError):
                    await chat.receive()
                assert (await chat.receive(), chat.close_code, chat.close_reason) == (None, 1001, "SHUTDOWN")

    run(main())


def test_a_websocket_is_closed_while_a_task_receives(run: Any) -> None:
    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            app = await runtime.aload(CHAT)
            async with app.websocket("http://app.test/") as chat:

                async def read() -> list[str | bytes]:
                    return [message async for message in chat]

                reader = asyncio.create_task(read())
                await asyncio.sleep(0)
                for n in range(5):
                    await chat.send(str(n))
                await chat.close(3001, "enough")
                # What was on its way is its reader's.
                assert (await reader, chat.close_code) == ([str(n) for n in range(5)], 3001)
            async with app.websocket("http://app.test/") as chat:
                readers = [asyncio.create_task(read()) for _ in range(3)]
                await asyncio.sleep(0)
            # Leaving the block closes it, too.
            assert await asyncio.gather(*readers) == [[], [], []]
            async with app.websocket("http://app.test/") as chat:
                both = [asyncio.create_task(chat.receive()) for _ in range(2)]
                await asyncio.sleep(0)
                await chat.send("one")
                await chat.send("two")
                assert set(await asyncio.gather(*both)) == {"one", "two"}

    run(main())


def test_receiving_that_is_given_up_leaves_nothing_behind(run: Any) -> None:
    def futures() -> int:
        gc.collect()
        return sum(isinstance(each, asyncio.Future) for each in gc.get_objects())

    async def give_up(socket: WebSocket) -> None:
        receiving = asyncio.create_task(socket.receive())
        # It waits then.
        await asyncio.sleep(0)
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving

    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            app = await runtime.aload(CHAT)
            async with app.websocket("ws://app.test/") as socket:
                await give_up(socket)
                before = futures()
                for _ in range(50):
                    await give_up(socket)
                assert futures() == before
                # What comes then is for whoever asks next.
                await socket.send("there")
                assert await socket.receive() == "there"

    run(main())


def test_a_websocket_that_is_dropped_is_over(run: Any) -> None:
    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            app = await runtime.aload(CHAT)
            opened = await app.websocket("http://app.test/").__aenter__()
            await opened.send("url")
            assert await opened.receive() == "GET http://app.test/ null"
            assert runtime._hub.open_now()
            del opened
            gc.collect()
            assert (await app.fetch("http://app.test/closed")).text == "1006  false"
            while runtime._hub.open_now():
                await asyncio.sleep(0)

    run(main())


def test_wsgi_has_none(runtime: Runtime) -> None:
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "app.test",
        "HTTP_UPGRADE": "websocket",
        "HTTP_CONNECTION": "upgrade",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    started: list[Any] = []
    list(wsgi.App(runtime.load(CHAT))(environ, lambda *args: started.append(args)))
    assert started[0][0] == "501 Not Implemented"
