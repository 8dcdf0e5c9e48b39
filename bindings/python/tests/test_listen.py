"""The runtime's own HTTP server, asked from outside."""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from conftest import HELLO, PATIENCE_S, URL
from websockets.sync.client import connect

import nano_isolates as nano
from nano_isolates import Listener, ListenLimits, Runtime, _nano

TLS = Path(__file__).parents[3] / "tests" / "tls"
ECHO = """
export default { async fetch(request) {
  const said = { method: request.method, url: request.url, a: request.headers.get('x-a'), from: request.headers.get('cf-connecting-ip') };
  return Response.json({ ...said, body: await request.text() }, { status: 201, headers: { 'x-b': 'b' } });
} };
"""
ASKS = "export default { fetch: async (request, env) => new Response(await env.ask(new URL(request.url).pathname)) }"
LOUD = "export default { fetch() { console.warn('heard'); return new Response('said') } }"
Answer = tuple[int, str]


def pem(name: str) -> tuple[bytes, bytes]:
    return (TLS / f"{name}.pem").read_bytes(), (TLS / f"{name}.key").read_bytes()


def ask(address: str, path: str = "/", **headers: str) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, None, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def dial(address: str, sent: bytes = b"") -> socket.socket:
    host, _, port = address.rpartition(":")
    client = socket.create_connection((host, int(port)), PATIENCE_S)
    client.sendall(sent)
    return client


def rest(client: socket.socket) -> bytes:
    """What comes until the other side closes."""
    with client:
        return b"".join(iter(lambda: client.recv(65536), b""))


class Gate:
    """A binding whose calls wait until they may go on."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.may_go = threading.Event()

    def ask(self, path: str) -> str:
        self.asked.release()
        assert self.may_go.wait(PATIENCE_S)
        return f"after {path}"

    def wait(self) -> None:
        assert self.asked.acquire(timeout=PATIENCE_S)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.may_go.set()


class Client(threading.Thread):
    """Asks while the test goes on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self._ask: Callable[[], Answer] = lambda: ask(*args, **kwargs)
        self._answer: Answer | OSError | http.client.HTTPException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._answer = self._ask()
        except (OSError, http.client.HTTPException) as error:
            self._answer = error

    def answer(self) -> Any:
        self.join(PATIENCE_S)
        return self._answer


def test_one_app_gets_every_request(runtime: Runtime) -> None:
    with runtime.listen("127.0.0.1:0", runtime.load(ECHO)) as listener:
        host, port = listener.address.split(":")
        assert host == "127.0.0.1" and int(port) > 0
        connection = http.client.HTTPConnection(listener.address, timeout=PATIENCE_S)
        for body in ("", "some text"):
            connection.request("POST", "/a/b?c=d", body, {"host": "any.example", "x-a": "a"})
            response = connection.getresponse()
            assert (response.status, response.headers["x-b"]) == (201, "b")
            url = "http://any.example/a/b?c=d"
            assert json.load(response) == {"method": "POST", "url": url, "a": "a", "from": "127.0.0.1", "body": body}
        assert listener.connections == 1
        connection.close()
        while listener.connections:
            pass


def test_requests_go_by_host_and_path(runtime: Runtime) -> None:
    apps = {name: runtime.load(f"export default {{ fetch: () => new Response('{name}') }}") for name in ("one", "two", "six", "path", "rest")}
    places = {"a.example": apps["one"], "A.example/api": apps["two"], "[::1]": apps["six"], "/path/": apps["path"], "": apps["rest"]}
    with runtime.listen("127.0.0.1:0", places) as listener:
        for host, path, app in (
            ("a.example", "/", "one"),
            ("A.EXAMPLE:81", "/apis", "one"),
            ("a.example", "/api", "two"),
            ("a.example", "/api/x?y", "two"),
            ("[::1]:8080", "/", "six"),
            ("b.example", "/path/x", "path"),
            ("b.example", "/", "rest"),
        ):
            assert ask(listener.address, path, host=host) == (200, app)


def test_what_no_app_is_named_for_is_404(runtime: Runtime) -> None:
    with runtime.listen("127.0.0.1:0", {"a.example/api": runtime.load(HELLO)}) as listener:
        assert ask(listener.address, "/api", host="a.example")[0] == 200
        for host, path in (("a.example", "/"), ("b.example", "/api")):
            status, body = ask(listener.address, path, host=host)
            assert (status, json.loads(body)["code"]) == (404, "NO_APP")


def test_a_proxy_is_believed_if_there_is_one(runtime: Runtime) -> None:
    app = runtime.load(ECHO)
    for behind_proxy, url, sender in ((False, "http://a.example/", "127.0.0.1"), (True, "https://a.example/", "192.0.2.1")):
        with runtime.listen("127.0.0.1:0", app, behind_proxy=behind_proxy) as listener:
            _, body = ask(listener.address, host="a.example", x_forwarded_for="192.0.2.1", x_forwarded_proto="https")
            said = json.loads(body)
            assert (said["url"], said["from"]) == (url, sender)


def test_listeners_are_anywhere_and_as_many_as_one_likes(runtime: Runtime, tmp_path: Path) -> None:
    app = runtime.load(HELLO)
    with socket.socket() as bound, socket.socket(socket.AF_UNIX) as client:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        with (
            runtime.listen(f"unix:{tmp_path}/socket", app) as local,
            runtime.listen(f"fd:{bound.fileno()}", app) as inherited,
            runtime.listen("[::1]:0", app) as six,
        ):
            assert local.address == f"unix:{tmp_path}/socket"
            client.settimeout(PATIENCE_S)
            client.connect(str(tmp_path / "socket"))
            client.sendall(b"GET /local HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
            assert rest(client).endswith(b"Hello from http://a.example/local")
            assert ask("127.0.0.1:%d" % bound.getsockname()[1], "/bound", host="b.example") == (200, "Hello from http://b.example/bound")
            assert inherited.address == "127.0.0.1:%d" % bound.getsockname()[1]
            assert ask(six.address, "/six")[1] == f"Hello from http://{six.address}/six"


def test_an_address_that_cannot_be_had_is_an_os_error(runtime: Runtime, listener: socket.socket) -> None:
    app = runtime.load(HELLO)
    taken = "127.0.0.1:%d" % listener.getsockname()[1]
    for address in (taken, "203.0.113.1:80", "unix:/no/such/folder/socket", "fd:1000000"):
        with pytest.raises(OSError, match=address) as caught:
            runtime.listen(address, app)
        assert isinstance(caught.value, nano.FileError) and caught.value.name == "NANO_E_IO"
    for address in ("", "127.0.0.1", "localhost:80", "fd:x", "unix:"):
        with pytest.raises(nano.InvalidError, match="cannot listen on"):
            runtime.listen(address, app)


def secure(address: str, name: str, protocols: list[str]) -> tuple[Answer, str | None]:
    """One request by TLS to whoever is vouched for by that name, and what was agreed on."""
    context = ssl.create_default_context(cafile=str(TLS / "authority.pem"))
    context.set_alpn_protocols(protocols)
    with context.wrap_socket(dial(address), server_hostname=name) as client:
        agreed = client.selected_alpn_protocol()
        if agreed == "h2":
            return (0, ""), agreed
        client.sendall(f"GET /x HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        response = http.client.HTTPResponse(client)
        response.begin()
        return (response.status, response.read().decode()), agreed


def test_tls_with_certificates_by_name(runtime: Runtime) -> None:
    one, two = pem("one"), pem("two")
    given = [one, (two[0].decode(), two[1].decode())]
    with runtime.listen("127.0.0.1:0", runtime.load(HELLO), certificates=given, limits={"handshake_ms": 60_000}) as listener:
        for name in ("one.test", "two.test"):
            assert secure(listener.address, name, ["http/1.1"]) == ((200, f"Hello from https://{name}/x"), "http/1.1")
        assert secure(listener.address, "one.test", ["h2", "http/1.1"])[1] == "h2"
        status, _ = ask(listener.address)
        assert status == 400


def test_certificates_are_replaced_and_stay_if_the_new_ones_are_no_good(runtime: Runtime) -> None:
    app = runtime.load(HELLO)
    with runtime.listen("127.0.0.1:0", app, certificates=[pem("one")]) as listener:

        def serves(name: str, other: str) -> None:
            assert secure(listener.address, name, ["http/1.1"])[0][0] == 200
            with pytest.raises(ssl.SSLCertVerificationError):
                secure(listener.address, other, ["http/1.1"])

        serves("one.test", "two.test")
        listener.set_certificates([pem("two")])
        serves("two.test", "one.test")
        for wrong in ([], [(b"", b"")], [pem("one"), (pem("one")[0], pem("two")[1])], [("/a/path", "/another")]):
            with pytest.raises(nano.InvalidError):
                listener.set_certificates(wrong)
            with pytest.raises(nano.InvalidError):
                runtime.listen("127.0.0.1:0", app, certificates=wrong)
        serves("two.test", "one.test")
    with runtime.listen("127.0.0.1:0", app) as plain, pytest.raises(nano.InvalidError, match="does not speak TLS"):
        plain.set_certificates([pem("one")])


def test_heads_beyond_the_limits_are_431(runtime: Runtime) -> None:
    app = runtime.load(HELLO)
    with (
        runtime.listen("127.0.0.1:0", app) as usual,
        runtime.listen("127.0.0.1:0", app, limits={"head_bytes": 500}) as short,
        runtime.listen("127.0.0.1:0", app, limits={"headers": 8}) as few,
        runtime.listen("127.0.0.1:0", app, limits={"headers": 128, "head_bytes": 2**32 - 1}) as many,
    ):
        long, lots = {"x-a": "a" * 600}, {f"x-{n}": "a" for n in range(9)}
        for listener, headers, status in ((usual, long, 200), (usual, lots, 200), (short, long, 431), (short, lots, 200), (few, long, 200), (few, lots, 431)):
            assert ask(listener.address, **headers)[0] == status
        assert ask(many.address, **{f"x-{n}": "a" for n in range(200)})[0] == 431
    with pytest.raises(nano.InvalidError, match="headers is 129; the most is 128"):
        runtime.listen("127.0.0.1:0", app, limits={"headers": 129})


def test_connections_of_one_app_are_bounded(runtime: Runtime, gate: Gate) -> None:
    slow, other = runtime.load(ASKS, bindings={"ask": gate.ask}), runtime.load(HELLO)
    with runtime.listen("127.0.0.1:0", {"slow": slow, "other": other}, limits={"connections": 10, "connections_of_app": 2}) as listener:
        clients = [Client(listener.address, f"/{n}", host="slow") for n in range(2)]
        for _ in clients:
            gate.wait()
        status, body = ask(listener.address, host="slow")
        assert (status, json.loads(body)["code"]) == (503, "TOO_MANY_CONNECTIONS")
        assert ask(listener.address, host="other")[0] == 200
        gate.may_go.set()
        assert [client.answer() for client in clients] == [(200, "after /0"), (200, "after /1")]
        assert ask(listener.address, "/2", host="slow") == (200, "after /2")


def test_beyond_the_connections_one_waits_for_another_s_end(runtime: Runtime, gate: Gate) -> None:
    app = runtime.load(ASKS, bindings={"ask": gate.ask})
    with runtime.listen("127.0.0.1:0", app, limits={"connections": 1}) as listener:
        clients = [Client(listener.address, f"/{n}") for n in range(3)]
        gate.wait()
        # The kernel has taken the others, and the listener looks for them whenever it looks after anything.
        for _ in range(100):
            assert app.stats()["in_flight"] == listener.connections == 1
        gate.may_go.set()
        assert sorted(client.answer() for client in clients) == [(200, f"after /{n}") for n in range(3)]


# What a client sends who then stands still, and what it is told.
STILL = {
    "head_ms": (b"GET / HTTP/1.1\r\nHost:", rb"HTTP/1.1 408 .*"),
    "idle_ms": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", rb"HTTP/1.1 200 .*"),
    "body_ms": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nwhat", rb".*broke off"),
    "handshake_ms": (b"\x16", rb""),
}


@pytest.mark.parametrize("name", STILL)
def test_who_stands_still_is_sent_away(manual: Runtime, name: str) -> None:
    sent, answer = STILL[name]
    app = manual.load("export default { fetch: async (request) => new Response(await request.text().catch(() => 'broke off')) }")
    certificates = [pem("one")] if name == "handshake_ms" else None
    limits: Any = {name: 5_000}
    with manual.listen("127.0.0.1:0", app, certificates=certificates, limits=limits) as listener:
        client = dial(listener.address, sent)
        said = client.recv(65536) if name == "idle_ms" else b""
        while not listener.connections or (name == "body_ms" and not app.stats()["in_flight"]):
            pass
        # Whoever answers this, by a connection that came later, has done with what it was about.
        with manual.listen("127.0.0.1:0", app) as other:
            assert ask(other.address)[0] == 200
        # Half of what is the shortest time by default.
        manual.advance(5_000)
        said += rest(client)
        assert re.fullmatch(answer, said, re.S)


def calls_come(runtime: Runtime, listener: Listener, heard: list[Any]) -> None:
    """An app's function and a word on its console, while nobody waits for anything of the runtime's."""
    assert ask(listener.address, "/called", host="asks") == (200, "answer to /called")
    assert ask(listener.address, host="loud") == (200, "said")
    while not heard:
        pass
    assert [line[1:3] for line in heard] == [("warn", "heard")]


def test_bindings_answer_and_logs_are_told_while_nobody_waits() -> None:
    heard: list[Any] = []
    with Runtime(threads=1, on_log=lambda *line: heard.append(line)) as runtime:
        places = {"asks": runtime.load(ASKS, bindings={"ask": lambda path: f"answer to {path}"}), "loud": runtime.load(LOUD)}
        with runtime.listen("127.0.0.1:0", places) as listener:
            calls_come(runtime, listener, heard)


def test_bindings_answer_and_logs_are_told_on_the_loop_that_runs(run: Any) -> None:
    heard: list[Any] = []
    threads: set[int] = set()

    def on_log(*line: Any) -> None:
        threads.add(threading.get_ident())
        heard.append(line)

    async def answer(path: str) -> str:
        await asyncio.sleep(0)
        threads.add(threading.get_ident())
        return f"answer to {path}"

    async def main() -> None:
        async with Runtime(threads=1, on_log=on_log) as runtime:
            places = {"asks": await runtime.aload(ASKS, bindings={"ask": answer}), "loud": await runtime.aload(LOUD)}
            with runtime.listen("127.0.0.1:0", places) as listener:
                await asyncio.to_thread(calls_come, runtime, listener, heard)
                answers = await asyncio.gather(*(asyncio.to_thread(ask, listener.address, f"/{n}", host="asks") for n in range(50)))
                assert answers == [(200, f"answer to /{n}") for n in range(50)]
                assert (await places["loud"].fetch(URL)).text == "said"

    run(main())
    assert threads == {threading.get_ident()}


def test_bindings_answer_and_logs_are_told_when_the_loop_has_ended(run: Any) -> None:
    heard: list[Any] = []

    async def answer(path: str) -> str:
        return f"answer to {path}"

    async def begin() -> tuple[Runtime, Listener]:
        runtime = Runtime(threads=1, on_log=lambda *line: heard.append(line))
        places = {"asks": await runtime.aload(ASKS, bindings={"ask": answer}), "loud": await runtime.aload(LOUD)}
        return runtime, runtime.listen("127.0.0.1:0", places)

    async def go_on(runtime: Runtime, listener: Listener) -> None:
        await asyncio.to_thread(calls_come, runtime, listener, heard)

    runtime, listener = run(begin())
    with runtime:
        calls_come(runtime, listener, heard)
        heard.clear()
        run(go_on(runtime, listener))
        heard.clear()
        calls_come(runtime, listener, heard)


def test_logs_alone_are_told_on_the_loop_that_runs_or_else_by_a_thread_of_the_runtime_s(run: Any) -> None:
    told = threading.Semaphore(0)
    threads: list[bool] = []

    def on_log(*_: Any) -> None:
        threads.append(threading.current_thread() is threading.main_thread())
        told.release()

    def hear(listener: Listener) -> None:
        assert ask(listener.address) == (200, "said")
        assert told.acquire(timeout=PATIENCE_S)

    async def begin() -> tuple[Runtime, Listener]:
        runtime = Runtime(threads=1, on_log=on_log)
        return runtime, runtime.listen("127.0.0.1:0", await runtime.aload(LOUD))

    async def begin_again(runtime: Runtime, app: nano.App) -> None:
        with runtime.listen("127.0.0.1:0", app) as listener:
            await asyncio.to_thread(hear, listener)

    runtime, listener = run(begin())
    with runtime:
        hear(listener)
        run(begin_again(runtime, runtime.load(LOUD)))
        hear(listener)
    assert threads == [False, True, False]


def test_who_is_answered_by_no_loop_of_the_host_s_is_so_also_while_one_stands_still(run: Any) -> None:
    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            with runtime.listen("127.0.0.1:0", await runtime.aload(HELLO)) as listener:
                app = await asyncio.to_thread(runtime.load, ASKS, bindings={"ask": lambda path: f"answer to {path}"})
                assert app.fetch_sync(URL, timeout=PATIENCE_S).text == "answer to /"
                assert (await asyncio.to_thread(ask, listener.address))[0] == 200

    run(main())


def test_a_websocket_by_the_listener_talks(runtime: Runtime) -> None:
    source = """
    export default { fetch(request, env) {
      const { 0: client, 1: socket } = new WebSocketPair();
      socket.accept();
      socket.addEventListener("message", async ({ data }) => socket.send(await env.shout(data)));
      return new Response(null, { status: 101, webSocket: client });
    } };
    """
    app = runtime.load(source, bindings={"shout": str.upper})
    with runtime.listen("127.0.0.1:0", app) as listener, connect(f"ws://{listener.address}/", open_timeout=PATIENCE_S) as client:
        client.send("quiet")
        assert client.recv(PATIENCE_S) == "QUIET"


def test_what_is_in_flight_ends_after_close_and_nothing_more_comes_in(runtime: Runtime, gate: Gate) -> None:
    listener = runtime.listen("127.0.0.1:0", runtime.load(ASKS, bindings={"ask": gate.ask}), certificates=None)
    assert (listener.closed, repr(listener)) == (False, f"<Listener '{listener.address}'>")
    client = Client(listener.address, "/late")
    gate.wait()
    with listener:
        pass
    assert (listener.closed, repr(listener)) == (True, f"<Listener '{listener.address}' closed>")
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        while True:
            dial(listener.address).close()
    assert listener.connections >= 1
    with pytest.raises(nano.ShutdownError, match="the listener is closed"):
        listener.set_certificates([pem("one")])
    gate.may_go.set()
    assert client.answer() == (200, "after /late")


def test_a_listener_that_nobody_keeps_listens(runtime: Runtime) -> None:
    address = runtime.listen("127.0.0.1:0", runtime.load(HELLO)).address
    gc.collect()
    assert ask(address)[0] == 200
    runtime.close()
    with pytest.raises(ConnectionRefusedError):
        dial(address)


def test_a_listener_keeps_its_runtime() -> None:
    runtime = Runtime(threads=1)
    listener = runtime.listen("127.0.0.1:0", runtime.load(HELLO))
    hub = runtime._hub
    del runtime
    gc.collect()
    assert ask(listener.address)[0] == 200
    del listener
    gc.collect()
    assert hub.closed


def test_closing_the_runtime_closes_its_listeners(runtime: Runtime, gate: Gate) -> None:
    app = runtime.load(ASKS, bindings={"ask": gate.ask})
    listener = runtime.listen("127.0.0.1:0", app, certificates=None)
    client = Client(listener.address)
    gate.wait()
    runtime.close()
    answer = client.answer()
    # Whether it can still be told why is a matter of luck.
    assert answer[0] == 503 if isinstance(answer, tuple) else isinstance(answer, (OSError, http.client.HTTPException))
    assert (listener.closed, repr(listener)) == (True, f"<Listener '{listener.address}' closed>")
    with pytest.raises(ConnectionRefusedError):
        dial(listener.address)
    listener.close()
    for use in (
        lambda: listener.connections,
        lambda: listener.set_certificates([pem("one")]),
        lambda: runtime.listen("127.0.0.1:0", app),
    ):
        with pytest.raises(nano.ShutdownError) as caught:
            use()
        assert (caught.value.name, str(caught.value.message)) == ("NANO_E_SHUTDOWN", "the runtime is closed")


def test_a_drain_waits_for_what_came_by_listeners(runtime: Runtime, gate: Gate) -> None:
    app = runtime.load(ASKS, bindings={"ask": gate.ask})
    listener = runtime.listen("127.0.0.1:0", app)
    client = Client(listener.address)
    gate.wait()
    for wrong in (-1.0, "soon"):
        with pytest.raises((TypeError, ValueError)):
            runtime.drain(wrong)  # type: ignore[arg-type]
    assert not listener.closed
    drained: list[bool] = []
    drainer = threading.Thread(target=lambda: drained.append(runtime.drain(PATIENCE_S)))
    drainer.start()
    with pytest.raises(ConnectionRefusedError):
        while True:
            dial(listener.address).close()
    assert drained == []
    gate.may_go.set()
    assert client.answer() == (200, "after /")
    drainer.join(PATIENCE_S)
    assert (drained, listener.closed) == ([True], True)
    with pytest.raises(nano.DrainingError):
        runtime.listen("127.0.0.1:0", app)


def test_what_is_reloaded_and_unloaded_is_so_by_the_listener(runtime: Runtime) -> None:
    app = runtime.load("export default { fetch: () => new Response('old') }")
    with runtime.listen("127.0.0.1:0", app) as listener:
        assert ask(listener.address) == (200, "old")
        app.reload("export default { fetch: () => new Response('new') }")
        assert ask(listener.address) == (200, "new")
        app.unload()
        assert ask(listener.address)[0] == 503


def test_each_argument_is_told_what_is_wrong(runtime: Runtime) -> None:
    app = runtime.load(HELLO)
    with Runtime(threads=1) as other:
        theirs = other.load(HELLO, name="theirs")
    for apps, given, error, why in (
        (app, {"address": 5}, TypeError, "address is a str, not int"),
        (None, {}, TypeError, "an App, or a mapping of hosts and paths to Apps, not NoneType"),
        ([app], {}, TypeError, "not list"),
        ({"": HELLO}, {}, TypeError, "not str"),
        ({5: app}, {}, TypeError, "what an app listens for is a str, not int"),
        ({"a.example": theirs}, {}, ValueError, "the app \"theirs\" is another runtime's"),
        (theirs, {}, ValueError, "is another runtime's"),
        ({"a.example:80": app}, {}, ValueError, "has a port or a scheme"),
        ({"http://a.example/": app}, {}, ValueError, "has a port or a scheme"),
        ({"*.example": app}, {}, ValueError, "not the name of one host"),
        ({"a.example": app, "A.example/": app}, {}, nano.AlreadyError, "two apps answer"),
        (app, {"behind_proxy": 1}, TypeError, "behind_proxy is a bool, not int"),
        (app, {"certificates": pem("one")[0]}, TypeError, "a list of pairs of a chain and a key, not bytes"),
        (app, {"certificates": 5}, TypeError, "a list of pairs of a chain and a key, not int"),
        (app, {"certificates": [pem("one")[0]]}, TypeError, "a pair of a chain and a key"),
        (app, {"certificates": [(TLS, pem("one")[1])]}, TypeError, "a chain is PEM as str or bytes, not PosixPath"),
        (app, {"certificates": [(pem("one")[0], 5)]}, TypeError, "a key is PEM as str or bytes, not int"),
        (app, {"certificates": []}, ValueError, "not 0"),
        (app, {"limits": 5}, TypeError, "limits is a mapping of names to numbers, not int"),
        (app, {"limits": {5: 5}}, TypeError, "the name of a limit is a str"),
        (app, {"limits": {"head_mss": 5}}, TypeError, "there is no limit \"head_mss\""),
        (app, {"limits": {"linger_ms": 5}}, TypeError, "there is no limit"),
        *((app, {"limits": {name: 0}}, ValueError, f"{name} is 0") for name in _nano.listen_limits()),
        *((app, {"limits": {name: value}}, ValueError, f"{name}: ") for name in _nano.listen_limits() for value in (-1, 2**32)),
        *((app, {"limits": {name: "x"}}, TypeError, f"{name}: ") for name in _nano.listen_limits()),
    ):
        with pytest.raises(error, match=why) as caught:
            runtime.listen(**{"address": "127.0.0.1:0", "apps": apps, **given})  # type: ignore[arg-type]
        assert isinstance(caught.value, (nano.InvalidError, nano.AlreadyError))
    assert runtime._hub.listeners == set()


def test_limits_that_type_checkers_know_are_those_of_the_native_half() -> None:
    assert list(get_type_hints(ListenLimits)) == list(_nano.listen_limits())


def test_a_forked_child_is_refused_and_takes_nothing_from_its_parent(python: Any) -> None:
    assert python("""
        import gc, http.client, os, signal, sys, nano_isolates as nano
        runtime = nano.Runtime(threads=1)
        app = runtime.load("export default { fetch: () => new Response('parent') }")
        listener = runtime.listen("127.0.0.1:0", app)
        address = listener.address
        def ask():
            client = http.client.HTTPConnection(address, timeout=60)
            client.request("GET", "/")
            return client
        child = os.fork()
        if child == 0:
            refused = 0
            for use in (lambda: listener.connections, lambda: listener.set_certificates([]), lambda: runtime.listen("127.0.0.1:0", app)):
                try:
                    use()
                except nano.ForkedError:
                    refused += 1
            # While the parent stands still, who asks waits in the kernel: whoever is first may take them.
            parent = os.getppid()
            os.kill(parent, signal.SIGSTOP)
            threads = [f"/proc/{parent}/task/{thread}/stat" for thread in os.listdir(f"/proc/{parent}/task")]
            while any(open(thread).read().rpartition(")")[2].split()[0] != "T" for thread in threads):
                pass
            client = ask()
            with listener:
                pass
            runtime._hub.listeners.clear()
            del listener, use
            gc.collect()
            runtime.close()
            os.kill(parent, signal.SIGCONT)
            refused += client.getresponse().read() == b"parent"
            # By the interpreter's whole end.
            sys.exit(refused)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4
        assert ask().getresponse().read() == b"parent"
        print("both well")
    """) == "both well\n"


def test_the_interpreter_ends_while_it_listens(python: Any) -> None:
    assert python("""
        import asyncio, http.client, nano_isolates as nano
        runtime = nano.Runtime(threads=1)
        async def forever():
            print("asked", flush=True)
            asked.set()
            await asyncio.Event().wait()
        import threading
        asked = threading.Event()
        app = runtime.load("export default { fetch: (request, env) => env.forever() }", bindings={"forever": forever})
        listener = runtime.listen("127.0.0.1:0", app)
        client = http.client.HTTPConnection(listener.address)
        client.request("GET", "/")
        asked.wait()
        print("leaving")
    """) == "asked\nleaving\n"


def test_nothing_is_left_of_many_listeners(python: Any) -> None:
    assert python("""
        import os, urllib.request, nano_isolates as nano
        def use(keep):
            with nano.Runtime(threads=1) as runtime:
                app = runtime.load("export default { fetch: async (request, env) => new Response(await env.f()) }", bindings={"f": lambda: "x"})
                for _ in range(3):
                    listener = runtime.listen("127.0.0.1:0", app)
                    urllib.request.urlopen(f"http://{listener.address}/").read()
                    if not keep:
                        listener.close()
        use(True)
        before = len(os.listdir("/proc/self/fd"))
        for n in range(10):
            use(n % 2)
        # A thread that has stopped lets go of its descriptors when the kernel has it do so.
        while len(os.listdir("/proc/self/fd")) > before:
            os.sched_yield()
        print("none is left", len(os.listdir("/proc/self/task")))
    """).startswith("none is left")
