"""What apps find in `env`: functions, objects, classes and other apps."""

from __future__ import annotations

import asyncio
import functools
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
from conftest import PATIENCE_S, URL

import nano_isolates as nano
from nano_isolates import Request, Response, Runtime, Service
from nano_isolates._threads import Threads

CALL = "export const call = async (name, ...args) => (await import('cloudflare:workers')).env[name](...args);"
METHOD = "import { env } from 'cloudflare:workers'; export const call = (name, method, ...args) => env[name][method](...args);"


def test_functions_of_every_kind_answer_on_the_loop_that_loaded_the_app(run: Any) -> None:
    threads: list[threading.Thread] = []

    def add(a: int, b: int) -> int:
        threads.append(threading.current_thread())
        return a + b

    async def later(value: Any) -> Any:
        threads.append(threading.current_thread())
        await asyncio.sleep(0)
        return [value]

    class Callable:
        async def __call__(self) -> str:
            return "called"

    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            bindings = {"add": add, "later": later, "callable": Callable(), "partial": functools.partial(add, 1), "len": len}
            app = await runtime.aload(CALL, bindings=bindings)
            assert await app.invoke("call", "add", 2, 3) == 5
            assert await app.invoke("call", "later", {"a": 1}) == [{"a": 1}]
            assert await app.invoke("call", "callable") == "called"
            assert await app.invoke("call", "partial", 6) == 7
            assert await app.invoke("call", "len", "four") == 4
            with pytest.raises(RuntimeError, match="await fetch"):
                app.fetch_sync(URL)

    run(main())
    assert set(threads) == {threading.main_thread()}


def test_functions_answer_on_a_thread_of_the_runtime_s_where_there_is_no_loop(runtime: Runtime) -> None:
    threads: list[str] = []

    def name() -> str:
        threads.append(threading.current_thread().name)
        return "sync"

    async def later() -> str:
        threads.append(threading.current_thread().name)
        await asyncio.sleep(0)
        return "async"

    app = runtime.load(CALL, bindings={"name": name, "later": later})
    assert [app.invoke_sync("call", "name"), app.invoke_sync("call", "later")] == ["sync", "async"]
    assert threads[0].startswith("nano-calls") and threads[1] == "nano-loop"


def test_a_function_that_waits_does_not_keep_others_from_answering(runtime: Runtime) -> None:
    opened = threading.Event()

    def wait() -> bool:
        return opened.wait(60)

    app = runtime.load(
        "import { env } from 'cloudflare:workers'; export const both = async () => { const a = env.wait(); await env.open(); return a; }",
        bindings={"wait": wait, "open": opened.set},
    )
    assert app.invoke_sync("both") is True


def test_an_app_s_slow_functions_keep_no_other_app_s_from_answering(runtime: Runtime) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow() -> str:
        begun.release()
        assert go_on.wait(PATIENCE_S)
        return "slow"

    all_of = "import { env } from 'cloudflare:workers'; export const all = (name, n) => Promise.all(Array.from({ length: n }, () => env[name]()));"
    results: list[Any] = []
    threads = []
    # As many as may run, of one app and of two.
    for _ in range(2):
        app = runtime.load(all_of, bindings={"slow": slow}, subrequests_at_once=16)
        threads.append(threading.Thread(target=lambda app=app: results.append(app.invoke_sync("all", "slow", 8))))
        threads[-1].start()
        assert begun.acquire(timeout=PATIENCE_S)
        other = runtime.load(all_of, bindings={"quick": lambda: "quick"})
        assert other.invoke_sync("all", "quick", 6) == ["quick"] * 6
    go_on.set()
    for thread in threads:
        thread.join()
    assert results == [["slow"] * 8] * 2


def test_threads_for_functions_have_an_end() -> None:
    go_on = threading.Event()
    # Those of a test before it may still be ending.
    before = set(threading.enumerate())
    threads = Threads()
    futures = [threads.submit(f"app-{n % 200}", go_on.wait) for n in range(400)]
    assert sum(thread.name.startswith("nano-calls") for thread in set(threading.enumerate()) - before) == 64
    go_on.set()
    assert all(future.result(PATIENCE_S) for future in futures)
    threads.shutdown()


def test_whatever_is_not_async_may_wait_for_an_app(runtime: Runtime) -> None:
    other = runtime.load(CALL, bindings={"answer": lambda: "ok"})

    def ask() -> Any:
        return other.invoke_sync("call", "answer")

    class Waiting:
        kept: str

        def fetch(self, request: Request) -> Response:
            asked = ask().encode()
            return Response(ask().encode() + asked for _ in range(2))

        @property
        def member(self) -> str:
            return ask()

        @member.setter
        def member(self, value: str) -> None:
            self.kept = ask() + value

    source = """
    import { env } from 'cloudflare:workers';
    export async function use() {
      const object = await new env.Waiting();
      object.member = '!';
      return [await object.member, await object.kept];
    }
    export default { fetch: (request) => env.WAITING.fetch('http://x/', { method: request.method, body: request.body }) };
    """
    app = runtime.load(source, bindings={"Waiting": Waiting, "WAITING": Waiting()})
    assert app.invoke_sync("use") == ["ok", "ok!"]
    assert app.fetch_sync(URL).text == "ok" * 4
    assert app.fetch_sync(URL, method="POST", body=iter([b"a", b"b"])).text == "ok" * 4


def test_what_is_set_is_there_for_what_the_app_asks_next(runtime: Runtime) -> None:
    go_on = threading.Event()

    class Box:
        def __init__(self) -> None:
            self.seen: list[int] = []

        @property
        def value(self) -> list[int]:
            return self.seen

        @value.setter
        def value(self, value: int) -> None:
            assert go_on.wait(PATIENCE_S)
            self.seen.append(value)

        def count(self) -> int:
            return len(self.seen)

    source = """
    import { env } from 'cloudflare:workers';
    export async function use() {
      const [box, other] = [new env.Box(), new env.Box()];
      await box.count();
      for (const value of [1, 2, 3]) box.value = value;
      const asked = [box.value, box.count(), other.count()];
      const unset = await asked[2];
      await env.goOn();
      return [await asked[0], await asked[1], unset];
    }
    """
    app = runtime.load(source, bindings={"Box": Box, "goOn": go_on.set})
    assert app.invoke_sync("use") == [[1, 2, 3], 3, 0]


def test_a_loop_does_not_wait_for_its_own_answer(run: Any, runtime: Runtime) -> None:
    async def ask() -> Any:
        return other.invoke_sync("call", "answer")

    # The runtime's own loop.
    other = runtime.load(CALL, bindings={"answer": lambda: "ok"})
    app = runtime.load(CALL, bindings={"ask": ask})
    with pytest.raises(nano.AppError, match="RuntimeError: this thread's event loop"):
        app.invoke_sync("call", "ask")

    # One of the host's, by way of other apps.
    async def main() -> None:
        source = "import { env } from 'cloudflare:workers'; export default { fetch: (request) => env.NEXT.fetch(request) }"
        first = runtime.load(source, bindings={"NEXT": Service("second")})
        second = runtime.load(source, name="second", bindings={"NEXT": Service("third"), "FIRST": Service(first.name)})
        runtime.load(
            "import { env } from 'cloudflare:workers'; export default { fetch: async () => new Response(await env.here()) }",
            name="third",
            bindings={"here": lambda: "here"},
        )
        for each in (first, second):
            with pytest.raises(RuntimeError, match="await fetch"):
                each.fetch_sync(URL)
            assert (await each.fetch(URL)).text == "here"
        # From another thread it may be waited for.
        assert (await asyncio.to_thread(first.fetch_sync, URL)).text == "here"

    run(main())


@pytest.mark.parametrize("how", ["invoke_sync", "fetch_sync", "stream", "schedule_sync"])
def test_functions_that_wait_for_apps_leave_threads_to_those_that_these_call(runtime: Runtime, how: str) -> None:
    # As many as may run, all of them at once.
    together = threading.Barrier(4)

    def ask() -> Any:
        together.wait(60)
        if how == "invoke_sync":
            return other.invoke_sync("call", "answer")
        if how == "schedule_sync":
            return other.schedule_sync()["outcome"]
        return other.fetch_sync(URL, stream=how == "stream").read().decode()

    source = CALL + """
    export default {
      fetch: async (request, env) => new Response(await env.answer()),
      scheduled: (controller, env) => env.answer(),
    };
    """
    other = runtime.load(source, bindings={"answer": lambda: "ok"}, subrequests_at_once=8)
    app = runtime.load(
        "import { env } from 'cloudflare:workers'; export const all = (n) => Promise.all(Array.from({ length: n }, () => env.ask()));",
        bindings={"ask": ask},
        subrequests_at_once=8,
    )
    assert app.invoke_sync("all", 8) == ["ok"] * 8


def test_what_a_function_raises_rejects_the_app_s_promise(runtime: Runtime) -> None:
    def failing() -> None:
        raise LookupError("nothing here")

    def typed() -> None:
        raise TypeError

    source = """import { env } from 'cloudflare:workers';
        const said = (e) => [e.constructor.name, e.name, e.message];
        export const f = (name) => env[name]().catch(said);
        export const h = () => env.OBJECT.fetch('http://x/').catch(said);
        export const g = () => env.bad();"""
    bindings = {"failing": failing, "typed": typed, "bad": lambda: object(), "OBJECT": type("Fetches", (), {"fetch": lambda *_: failing()})()}
    app = runtime.load(source, bindings=bindings)
    assert app.invoke_sync("f", "failing") == ["Error", "LookupError", "nothing here"]
    assert app.invoke_sync("f", "typed") == ["TypeError", "TypeError", ""]
    assert app.invoke_sync("h") == ["TypeError", "TypeError", "LookupError: nothing here"]
    with pytest.raises(nano.AppError, match="cannot cross"):
        app.invoke_sync("g")


def leave() -> None:
    raise SystemExit(3)


async def leave_later() -> None:
    raise SystemExit(3)


def test_what_means_to_end_the_program_fails_its_call_and_no_other(runtime: Runtime) -> None:
    class Leaving:
        async def fetch(self, request: Request) -> Response:
            async def chunks() -> AsyncIterator[bytes]:
                yield b"begun"
                raise SystemExit(3)

            return Response(chunks())

    async def leave_by_a_task() -> None:
        await asyncio.gather(asyncio.create_task(leave_later()), return_exceptions=True)

    async def stop() -> None:
        asyncio.get_running_loop().stop()

    source = CALL + "export default { fetch: (request, env) => env.LEAVING.fetch(request) }"
    bindings = {"leave": leave, "later": leave_later, "task": leave_by_a_task, "stop": stop, "len": len, "LEAVING": Leaving()}
    app = runtime.load(source, bindings=bindings)
    for name in ("leave", "later"):
        with pytest.raises(nano.AppError, match="SystemExit: 3"):
            app.invoke_sync("call", name)
        assert app.invoke_sync("call", "len", "four") == 4
    for name in ("task", "stop"):
        assert app.invoke_sync("call", name) is None
        assert app.invoke_sync("call", "len", "four") == 4
    with pytest.raises(nano.AppError):
        app.fetch_sync(URL)
    assert app.invoke_sync("call", "len", "four") == 4


@pytest.mark.parametrize("name", ["leave", "later"])
def test_what_means_to_end_the_program_ends_the_host_s_loop_and_its_call(runtime: Runtime, name: str) -> None:
    loop = asyncio.new_event_loop()
    try:
        app = loop.run_until_complete(runtime.aload(CALL, bindings={"leave": leave, "later": leave_later}))
        task = loop.create_task(app.invoke("call", name))
        with pytest.raises(SystemExit):
            loop.run_until_complete(task)
        with pytest.raises(nano.AppError, match="SystemExit: 3"):
            loop.run_until_complete(task)
    finally:
        loop.close()


class OddError(BaseException):
    """What is no `Exception`, and does not mean to end the program either."""


def odd() -> None:
    raise OddError("odd")


async def odd_later() -> None:
    raise OddError("odd")


def test_of_whatever_else_a_function_raises_the_app_alone_is_told(run: Any) -> None:
    noise: list[Any] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
        async with Runtime(threads=1) as runtime:
            app = await runtime.aload(CALL, bindings={"odd": odd, "later": odd_later})
            for name in ("odd", "later"):
                with pytest.raises(nano.AppError, match="OddError: odd"):
                    await app.invoke("call", name)
        gc.collect()

    run(main())
    assert noise == []


def test_a_function_that_is_at_the_end_of_an_iterator_fails_its_call(runtime: Runtime) -> None:
    app = runtime.load(CALL, bindings={"next": functools.partial(next, iter([]))})
    with pytest.raises(nano.AppError, match="StopIteration"):
        app.invoke_sync("call", "next")


def test_an_error_whose_text_cannot_be_told_fails_its_call(runtime: Runtime) -> None:
    class WithoutWordsError(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    def half() -> None:
        raise LookupError("half \ud800 of it")

    def none() -> None:
        raise WithoutWordsError

    app = runtime.load(CALL, bindings={"half": half, "none": none})
    with pytest.raises(nano.AppError, match=r"LookupError: half \? of it"):
        app.invoke_sync("call", "half")
    with pytest.raises(nano.AppError, match="WithoutWordsError"):
        app.invoke_sync("call", "none")


class Store:
    """An object whose public methods apps call."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def put(self, key: str, value: str) -> None:
        self.rows[key] = value

    async def get(self, key: str) -> str | None:
        return self.rows.get(key)

    def _secret(self) -> str:
        return "secret"

    async def fetch(self, request: Request) -> Response:
        body = await request.read()
        return Response.of_json({"url": request.url, "body": body.decode(), "x": request.headers.get("x-a")}, status=201)


def test_objects_answer_by_their_public_methods_and_by_fetch(runtime: Runtime) -> None:
    source = METHOD + """
    export default { fetch: (request) => env.STORE.fetch('http://store/path', { method: 'POST', body: request.body ?? 'x', headers: { 'x-a': '1' } }) };
    """
    store = Store()
    app = runtime.load(source, bindings={"STORE": store})
    assert app.invoke_sync("call", "STORE", "put", "k", "v") is None
    assert app.invoke_sync("call", "STORE", "get", "k") == "v"
    assert app.invoke_sync("call", "STORE", "get", "other") is None
    for hidden in ("_secret", "__class__", "rows", "missing"):
        with pytest.raises(nano.AppError):
            app.invoke_sync("call", "STORE", hidden)
    response = app.fetch_sync(URL)
    assert (response.status, response.json()) == (201, {"url": "http://store/path", "body": "x", "x": "1"})
    response = app.fetch_sync(URL, method="POST", body=iter([b"in ", b"pieces"]))
    assert response.json()["body"] == "in pieces"


def test_answers_stream_and_end_when_nobody_reads_on(run: Any) -> None:
    ended = []

    class Endless:
        async def fetch(self, request: Request) -> Response:
            async def chunks() -> AsyncIterator[bytes]:
                try:
                    while True:
                        yield b"x" * 10_000
                finally:
                    ended.append(request.url)

            return Response(chunks())

    async def main() -> None:
        async with Runtime(threads=1) as runtime:
            app = await runtime.aload("export default { fetch: (r, env) => env.ENDLESS.fetch(r) }", bindings={"ENDLESS": Endless()})
            async with await app.fetch(URL, stream=True) as response:
                have = 0
                async for chunk in response.aiter_bytes():
                    have += len(chunk)
                    if have > 1_000_000:
                        break
            while not ended:
                await asyncio.sleep(0)

    run(main())
    assert ended == [URL]


def test_a_fetch_that_is_not_async_is_given_the_whole_body(runtime: Runtime) -> None:
    class Plain:
        def fetch(self, request: Request) -> str:
            assert isinstance(request.body, bytes)
            return request.body.decode().upper()

    app = runtime.load("export default { fetch: (r, env) => env.PLAIN.fetch('http://x/', { method: 'POST', body: r.body }) }", bindings={"PLAIN": Plain()})
    assert app.fetch_sync(URL, method="POST", body=iter([b"a", b"b"])).text == "AB"


def test_the_global_fetch_is_a_binding_s_to_answer(runtime: Runtime) -> None:
    class Network:
        def fetch(self, request: Request) -> str:
            return f"{request.method} {request.url}"

    app = runtime.load("export default { fetch: () => fetch('http://elsewhere/') }", bindings={"NET": Network()}, outbound="NET")
    assert app.fetch_sync(URL).text == "GET http://elsewhere/"


class Counter:
    """A class that apps make objects of."""

    alive: "weakref.WeakSet[Counter]" = weakref.WeakSet()
    step: int

    def __init__(self, start: int = 0) -> None:
        self.count = start
        self.step = 1
        self.alive.add(self)

    def add(self) -> int:
        self.count += self.step
        return self.count

    async def add_later(self) -> int:
        return self.add()

    @property
    def double(self) -> int:
        return self.count * 2

    def same(self, other: Any) -> bool:
        return other is self


def release_of(counter: Counter) -> threading.Event:
    """When nobody holds it any more."""
    event = threading.Event()
    weakref.finalize(counter, event.set)
    return event


def test_classes_make_objects_that_apps_use_and_give_back(runtime: Runtime) -> None:
    app = runtime.load(
        """
        import { env } from 'cloudflare:workers';
        export async function use() {
          const counter = await new env.Counter(40);
          await counter.add();
          const results = [await counter.add_later(), await counter.double, await counter.same(counter)];
          counter.step = 10;
          results.push(await counter.add());
          return results;
        }
        let kept;
        export async function keep() { kept = await env.make(); return kept.add(); }
        export async function again() { return kept.add(); }
        """,
        bindings={"Counter": Counter, "make": lambda: Counter(100)},
        name="counting",
    )
    assert app.invoke_sync("use") == [42, 84, True, 52]
    assert app.invoke_sync("keep") == 101
    assert app.invoke_sync("again") == 102
    # The one that the app keeps, and perhaps the other, if JavaScript's collector has not come by.
    released = [release_of(counter) for counter in list(Counter.alive)]
    assert released
    app.unload(grace=0)
    # Their release is told by events: the runtime's own thread takes them.
    assert all(event.wait(PATIENCE_S) for event in released)


def test_apps_answer_apps(runtime: Runtime) -> None:
    runtime.load("export default { fetch: () => new Response('the other') }\nexport const inner = { fetch: () => new Response('inner') }", name="other")
    app = runtime.load("export default { fetch: (r, env) => env.OTHER.fetch(r) }", bindings={"OTHER": Service("other")})
    assert app.fetch_sync(URL).text == "the other"
    assert app.stats()["requests"] == 1


def test_variables_may_be_what_json_has(runtime: Runtime) -> None:
    values = {"TEXT": "5", "NUMBER": 5, "LARGE": [2**53, -(2**53), 1e300], "YES": True, "NONE": None, "LIST": [1, "\U0001f600"], "TABLE": {"a": {"b": 0.5}}}
    app = runtime.load("import { env } from 'cloudflare:workers'; export const all = () => ({ ...env })", env=values)
    assert app.invoke_sync("all") == values
    app.reload(env={"NUMBER": [6]})
    assert app.invoke_sync("all") == {"NUMBER": [6]}


def test_bindings_that_cannot_work_are_refused(runtime: Runtime) -> None:
    for wrong in ({"A": "text"}, {"A": None}, {"A": 5}):
        with pytest.raises(TypeError, match="A is a"):
            runtime.load("export default {}", bindings=wrong)
    for value in (len, {1, 2}, float("nan"), {"deep": object()}, b"bytes"):
        with pytest.raises(TypeError, match="env has text and what JSON has: 'A' is a"):
            runtime.load("export default {}", env={"A": value})
    for value in (2**53 + 1, -(2**70), [{"deep": 2**64}]):
        with pytest.raises(nano.InvalidError, match="'A' is a .*beyond 2\\*\\*53") as raised:
            runtime.load("export default {}", env={"A": value})
        assert isinstance(raised.value, TypeError)
    with pytest.raises(TypeError, match="the names in env are text"):
        runtime.load("export default {}", env={5: "A"})  # type: ignore[dict-item]
    with pytest.raises(nano.InvalidError, match="two entries"):
        runtime.load("export default {}", env={"A": "x"}, bindings={"A": len})


def test_a_call_that_nobody_waits_for_is_canceled(run: Any) -> None:
    begun = asyncio.Event
    canceled: list[bool] = []

    async def main() -> None:
        started = begun()
        over = asyncio.Event()

        async def forever() -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                canceled.append(True)
                over.set()
                raise

        async with Runtime(threads=1) as runtime:
            app = await runtime.aload("export default { fetch: (r, env) => env.forever() }", bindings={"forever": forever})
            task = asyncio.create_task(app.fetch(URL))
            await started.wait()
            await app.aunload(grace=0)
            with pytest.raises(nano.DrainingError):
                await task
            await over.wait()

    run(main())
    assert canceled == [True]
