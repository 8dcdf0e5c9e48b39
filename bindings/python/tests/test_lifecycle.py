"""Beginnings and ends: closing, forking, leaving, interrupting."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pickle
import signal
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import HELLO, PATIENCE_S, URL

import nano_isolates as nano
from nano_isolates import Runtime

NEVER = "export default { fetch: () => new Promise(() => { setTimeout(() => {}, 1e9) }) }\nexport const here = () => 1"


@contextlib.contextmanager
def closed() -> Iterator[None]:
    """What is used in it is of a closed runtime, and says so."""
    with pytest.raises(nano.ShutdownError) as caught:
        yield
    assert (caught.value.name, caught.value.code) == ("NANO_E_SHUTDOWN", -13)


def test_closing_ends_what_is_pending_and_refuses_what_comes(run: Any) -> None:
    async def main() -> None:
        runtime = Runtime(threads=1)
        app = await runtime.aload(NEVER)
        tasks = [asyncio.create_task(app.fetch(URL)) for _ in range(3)]
        await app.invoke("here")
        await runtime.aclose()
        for task in tasks:
            with pytest.raises(nano.ShutdownError):
                await task
        assert runtime.closed
        await runtime.aclose()
        for use in (
            *(lambda: app.fetch(URL), lambda: app.invoke("here"), app.schedule, app.akill, app.aunload, app.areload),
            lambda: runtime.aload(HELLO),
        ):
            with closed():
                await use()
        for refused in (
            *(app.stats, app.kill, app.unload, app.reload, app.schedule_sync, lambda: app.fetch_sync(URL), lambda: app.invoke_sync("here")),
            *(runtime.stats, runtime.metrics, runtime.queues, runtime.drain, lambda: runtime.advance(1), lambda: runtime.load(HELLO)),
        ):
            with closed():
                refused()

    run(main())


def test_closing_wakes_threads_that_wait(runtime: Runtime) -> None:
    app = runtime.load(NEVER)
    caught: list[type[BaseException]] = []

    def wait(stream: bool) -> None:
        try:
            app.fetch_sync(URL, stream=stream)
        except nano.NanoError as error:
            caught.append(type(error))

    threads = [threading.Thread(target=wait, args=(stream,)) for stream in (True, False, True)]
    for thread in threads:
        thread.start()
    while app.stats()["in_flight"] < 3:
        pass
    runtime.close()
    for thread in threads:
        thread.join()
    assert caught == [nano.ShutdownError] * 3


def test_an_unloaded_app_and_an_ended_request_are_errors(runtime: Runtime) -> None:
    app = runtime.load(HELLO, name="one")
    with pytest.raises(nano.BusyError, match="one"):
        runtime.load(HELLO, name="one")
    response = app.fetch_sync(URL, stream=True)
    assert list(response.iter_bytes()) == [b"Hello from http://app.test/"]
    app.unload()
    with pytest.raises(nano.DrainingError):
        app.fetch_sync(URL)
    with pytest.raises(nano.NotFoundError):
        app.unload()
    assert runtime.load(HELLO, name="one").fetch_sync(URL).status == 200


def test_a_version_that_is_starting_may_call_what_only_it_is_given(runtime: Runtime) -> None:
    source = "import { env } from 'cloudflare:workers'; const said = await env.NAME(); export default { fetch: () => new Response(said) }"
    app = runtime.load(source.replace("NAME", "OLD"), bindings={"OLD": lambda: "old"})
    with pytest.raises(nano.AppError, match="no thanks"):
        app.reload(source.replace("NAME", "NO"), bindings={"NO": refuse})
    assert app.fetch_sync(URL).text == "old"
    app.reload(source.replace("NAME", "NEW"), bindings={"NEW": lambda: "new"})
    assert app.fetch_sync(URL).text == "new"


def refuse() -> None:
    raise ValueError("no thanks")


def test_what_a_canceled_task_was_loading_is_unloaded(run: Any) -> None:
    async def main() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            begun.set()
            await go_on.wait()

        async with Runtime(threads=1) as runtime:
            starts_late = "import { env } from 'cloudflare:workers'; await env.wait(); export default {}"
            task = asyncio.create_task(runtime.aload(starts_late, name="one", bindings={"wait": wait}))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(nano.BusyError):
                await runtime.aload(HELLO, name="one")
            go_on.set()
            await free(runtime)
            # One whose thread has ended, of which its task has not heard.
            task = asyncio.create_task(runtime.aload(HELLO, name="one"))
            await asyncio.sleep(0)
            while runtime.stats()["apps"] < 1:
                pass
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await free(runtime)

    async def free(runtime: Runtime) -> None:
        while True:
            with contextlib.suppress(nano.BusyError):
                app = await runtime.aload(HELLO, name="one")
                assert (await app.fetch(URL)).status == 200
                return await app.aunload()

    run(main())


def test_taking_what_has_come_for_others_runs_no_python(run: Any) -> None:
    # Between any two of Python's steps a signal's handler may raise, and what it raises would be somebody else's answer.
    ran: list[str] = []
    taking: list[object] = []

    async def main() -> None:
        source = """export const values = () => new Map([[new Set([1n]), [new Date(0), new Float32Array(1), new RangeError('no')]]]);
            export const boom = () => { throw new Error('bang'); };"""
        async with Runtime(threads=1) as runtime:
            app = await runtime.aload(source)
            native = runtime._hub.native

            def profile(frame: Any, event: str, arg: Any) -> None:
                if getattr(arg, "__self__", None) is native and arg.__name__ == "poll":
                    taking.append(event)
                elif event == "call" and taking and taking[-1] == "c_call":
                    ran.append(frame.f_code.co_name)

            sys.setprofile(profile)
            try:
                assert len(await app.invoke("values")) == 1
                with pytest.raises(nano.AppError, match="bang") as caught:
                    await app.invoke("boom")
            finally:
                sys.setprofile(None)
            assert (caught.value.args, caught.value.code, caught.value.http_status) == ((caught.value.message,), -9, 500)
            assert "boom" in caught.value.stack

    run(main())
    assert taking and not ran


class Version:
    """What a version of an app is given, and what of it is still there."""

    def __init__(self, name: str) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()
        self.refs: list[weakref.ref[Any]] = []
        self.name = name

    def bindings(self) -> dict[str, Any]:
        name, begun, go_on = self.name, self.begun, self.go_on

        def wait() -> None:
            begun.release()
            assert go_on.wait(PATIENCE_S)

        class Says:
            def say(self) -> str:
                return name

            def fetch(self, _: nano.Request) -> nano.Response:
                return nano.Response(self.pieces())

            async def pieces(self) -> AsyncIterator[bytes]:
                assert await asyncio.to_thread(go_on.wait, PATIENCE_S)
                yield name.encode()

        given = {"wait": wait, "say": lambda: name, "Box": type("Box", (Says,), {}), "OBJECT": Says()}
        self.refs = [weakref.ref(value) for value in given.values()]
        return given

    def is_kept(self) -> bool:
        gc.collect()
        return any(ref() is not None for ref in self.refs)

    def until_gone(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while self.is_kept():
            assert time.monotonic() < end, self.name
            time.sleep(0)


def test_each_version_is_answered_by_its_own_bindings_and_they_are_kept_no_longer(runtime: Runtime) -> None:
    source = """import { env } from 'cloudflare:workers';
        export async function ask() {
            const far = await env.OBJECT.fetch('http://far.test/');
            const early = new env.Box();
            await env.wait();
            return [await env.say(), await env.OBJECT.say(), await early.say(), await new env.Box().say(), await far.text()].join();
        }"""
    one, two, three = versions = Version("one"), Version("two"), Version("three")
    app = runtime.load(source, bindings=one.bindings())
    askers: list[threading.Thread] = []
    answers: dict[str, str] = {}

    def begin(app: nano.App, version: Version) -> None:
        def ask() -> None:
            answers[version.name] = app.invoke_sync("ask")

        askers.append(threading.Thread(target=ask))
        askers[-1].start()
        assert version.begun.acquire(timeout=PATIENCE_S)

    begin(app, one)
    for version in (two, three):
        app.reload(bindings=version.bindings())
        begin(app, version)
    broken, wrong = Version("broken"), Version("wrong")
    with pytest.raises(nano.CompileError):
        app.reload("export default {", bindings=broken.bindings())
    with pytest.raises(ValueError):
        app.reload(source, bindings=wrong.bindings(), egress="nowhere")
    broken.until_gone()
    wrong.until_gone()
    for version, asker in zip(versions, askers):
        assert version.is_kept()
        version.go_on.set()
        asker.join()
        assert answers[version.name] == ",".join([version.name] * 5)
        if version is not three:
            version.until_gone()
    assert three.is_kept()
    app.unload()
    del app
    three.until_gone()


def test_reloading_replaces_the_code_and_keeps_the_options(runtime: Runtime) -> None:
    source = "export default { fetch: (r, env) => new Response(env.A + '%d') }"
    app = runtime.load(source % 1, env={"A": "a"})
    app.reload(source % 2)
    assert app.fetch_sync(URL).text == "a2"
    app.reload(env={"A": "b"})
    assert app.fetch_sync(URL).text == "b2"
    with pytest.raises(nano.CompileError):
        app.reload("export default {")
    with pytest.raises(TypeError, match="no argument"):
        app.reload(unknown=1)  # type: ignore[call-arg]
    assert app.fetch_sync(URL).text == "b2"


CALL = "import { env } from 'cloudflare:workers'; export const call = () => env.whose();"


@contextlib.contextmanager
def busy(runtime: Runtime) -> Iterator[nano.App]:
    """An app that has the runtime's only thread: no instance of another one can be stopped."""
    begun = threading.Event()
    app = runtime.load("export default { fetch(r, env) { env.begun(); for (;;); } }", bindings={"begun": begun.set}, cpu_ms=600_000, wall_ms=600_000)
    asker = threading.Thread(target=lambda: pytest.raises(nano.CanceledError, app.fetch_sync, URL))
    asker.start()
    assert begun.wait(PATIENCE_S)
    try:
        yield app
    finally:
        app.kill()
        asker.join()


def test_a_name_is_nobody_s_until_its_app_has_ended(runtime: Runtime) -> None:
    first = runtime.load(CALL, name="one", bindings={"whose": lambda: "first"})
    with busy(runtime) as other:
        unloader = threading.Thread(target=first.unload, args=(PATIENCE_S,))
        unloader.start()
        with pytest.raises(nano.DrainingError):
            while True:
                with contextlib.suppress(nano.WallLimitError):
                    first.fetch_sync(URL, timeout=0.01)
        # It takes no more requests, and its instance is still there.
        with pytest.raises(nano.BusyError, match="unloaded"):
            runtime.load(CALL, name="one", bindings={"whose": lambda: "too early"}, lazy=True)
        other.kill()
        unloader.join()
        second = runtime.load(CALL, name="one", bindings={"whose": lambda: "second"})
        assert second.invoke_sync("call") == "second"


def test_a_name_is_free_also_if_an_instance_could_not_be_stopped_yet(runtime: Runtime) -> None:
    first = runtime.load(CALL, name="one", bindings={"whose": lambda: "first"})
    with busy(runtime):
        with pytest.raises(nano.TimedOutError):
            first.unload(grace=0)
        second = runtime.load(CALL, name="one", bindings={"whose": lambda: "second"}, lazy=True)
        with pytest.raises(nano.NotFoundError):
            first.unload()
    assert second.invoke_sync("call") == "second"


def test_a_name_is_whose_loading_has_begun(runtime: Runtime) -> None:
    class Meanwhile:
        """A limit that is looked at while the app is being loaded."""

        def __index__(self) -> int:
            with pytest.raises(nano.BusyError, match="loaded"):
                runtime.load(CALL, name="one", bindings={"whose": lambda: "another"})
            raise LookupError("no limit")

    with pytest.raises(LookupError, match="no limit"):
        runtime.load(CALL, name="one", bindings={"whose": lambda: "first"}, cpu_ms=Meanwhile())  # type: ignore[arg-type]
    assert runtime.load(CALL, name="one", bindings={"whose": lambda: "second"}).invoke_sync("call") == "second"


def test_what_is_refused_leaves_an_app_its_bindings(runtime: Runtime) -> None:
    app = runtime.load(CALL, name="one", bindings={"whose": lambda: "first"})
    with pytest.raises(nano.BusyError):
        runtime.load(CALL, name="one", bindings={"whose": lambda: "second"})
    for grace, error in ((-1.0, ValueError), ("soon", TypeError), (10**400, ValueError), (float("nan"), ValueError)):
        with pytest.raises(error):
            app.unload(grace)  # type: ignore[arg-type]
    with pytest.raises(nano.CompileError):
        app.reload("export default {", bindings={"whose": lambda: "third"})
    assert app.invoke_sync("call") == "first"
    app.reload(bindings={"whose": lambda: "fourth"})
    assert app.invoke_sync("call") == "fourth"
    app.unload()
    assert runtime.load(CALL, name="one", bindings={"whose": lambda: "fifth"}).invoke_sync("call") == "fifth"


def test_an_app_that_does_not_load_says_where(runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(nano.CompileError, match=r"index\.js") as caught:
        runtime.load("export default {\n  fetch() { return 1 +; },\n};")
    assert caught.value.code == -10 and caught.value.name == "NANO_E_COMPILE"
    with pytest.raises(OSError):
        runtime.load(tmp_path / "missing.js")
    for mistyped in ("/nope/x.js", "nope/index.js", "./apps/shop", "../w\u00f6rker.mts", "index.ts"):
        with pytest.raises(nano.FileError) as raised:
            runtime.load(mistyped)
        assert mistyped in raised.value.message
    for text in ("hello", "// hello.js", "hello.world", 'f("a/b.js")'):
        with pytest.raises(nano.NanoError) as failed:
            runtime.load(text)
        assert not isinstance(failed.value, nano.FileError)
    with pytest.raises(nano.CompileError):
        runtime.load("/nope/x.js", kind="text")
    (tmp_path / "index.ts").write_text("const n: number = 3; export default { fetch: () => new Response(String(n)) }")
    assert runtime.load(tmp_path).fetch_sync(URL).text == "3"
    assert runtime.load(str(tmp_path / "index.ts")).fetch_sync(URL).text == "3"
    for wrong in ({"heap_bits": 1}, {"cpu_ms": "x"}, {"cpu_ms": -1}, {"egress": "perhaps"}, {"kind": "perl"}):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            runtime.load(HELLO, **wrong)  # type: ignore[arg-type]


def test_logs_and_states_are_told(run: Any) -> None:
    logs: list[tuple[Any, ...]] = []
    states: list[tuple[Any, ...]] = []

    async def main() -> None:
        async with Runtime(threads=1, on_log=lambda *line: logs.append(line), on_app=lambda *what: states.append(what)) as runtime:
            app = await runtime.aload("export default { fetch() { console.warn('hear', 1); return new Response() } }", name="loud")
            await app.fetch(URL)

    run(main())
    assert ("loud", "warn", "hear 1", 0) in logs
    assert ("loud", "loaded", "") in states


def test_a_runtime_that_nobody_holds_closes_itself() -> None:
    app = Runtime(threads=1).load(HELLO)
    gc.collect()
    assert app.fetch_sync(URL).status == 200
    hub = app._hub
    del app
    gc.collect()
    assert hub.closed


def test_errors_cross_processes_whole() -> None:
    error = nano.AppError("broke", stack="at index.js", http_status=500)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.stack, copy.code) == (nano.AppError, "NANO_E_EXCEPTION: broke", "at index.js", -9)
    assert issubclass(nano.WallLimitError, TimeoutError) and issubclass(nano.InvalidError, ValueError)


def test_a_fork_is_refused_and_ends_well(python: Any) -> None:
    assert python("""
        import asyncio, os, sys, nano_isolates as nano
        runtime = nano.Runtime(threads=1)
        app = runtime.load("export default { fetch: () => new Response('parent') }")
        assert app.fetch_sync("http://a.test/").text == "parent"
        child = os.fork()
        if child == 0:
            refused = 0
            for use in (
                lambda: app.fetch_sync("http://a.test/"), lambda: app.fetch_sync("http://a.test/", stream=True),
                lambda: asyncio.run(app.fetch("http://a.test/")), lambda: app.invoke_sync("x"), lambda: app.unload(),
                lambda: runtime.load("export default {}"), lambda: nano.Runtime(), lambda: runtime.stats(),
            ):
                try:
                    use()
                except nano.ForkedError:
                    refused += 1
            runtime.close()
            # By the interpreter's whole end.
            sys.exit(refused)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 8
        assert app.fetch_sync("http://a.test/").text == "parent"
        print("both well")
    """) == "both well\n"


def test_a_runtime_made_after_the_fork_works(python: Any) -> None:
    assert python("""
        import os, sys, nano_isolates as nano
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                with nano.Runtime(threads=1) as runtime:
                    app = runtime.load("export default { fetch: () => new Response('child') }")
                    sys.exit(app.fetch_sync("http://a.test/").text != "child")
            children.append(child)
        print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    """) == "[0, 0]\n"


@pytest.mark.parametrize("threads", [1, 2])
def test_the_interpreter_ends_with_everything_going_on(python: Any, threads: int) -> None:
    assert python(f"""
        import asyncio, contextlib, threading, nano_isolates as nano
        runtime = nano.Runtime(threads={threads})
        app = runtime.load('''
            import {{ env }} from 'cloudflare:workers';
            export default {{ fetch: (r) => r.url.endsWith('loop') ? env.forever() : new Promise(() => {{ setTimeout(() => {{}}, 1e9) }}) }};
        ''', bindings={{"forever": asyncio.Event().wait, "n": len}})
        def ask(path, stream):
            # What daemon threads print at the end may find that nobody prints any more, which Python does not bear.
            with contextlib.suppress(nano.NanoError):
                app.fetch_sync("http://a.test/" + path, stream=stream)
        for path in ("", "loop"):
            for stream in (False, True):
                threading.Thread(target=ask, args=(path, stream), daemon=True).start()
        while app.stats()["in_flight"] < 4:
            pass
        async def main():
            task = asyncio.create_task(app.fetch("http://a.test/"))
            await asyncio.sleep(0)
        asyncio.run(main())
        print("leaving")
    """) == "leaving\n"


@pytest.mark.parametrize("how", ["app.fetch_sync(URL)", "app.fetch_sync(URL, stream=True)", "app.invoke_sync('never')"])
def test_ctrl_c_interrupts_a_thread_that_waits(python: Any, how: str) -> None:
    assert python(f"""
        import os, signal, threading, nano_isolates as nano
        URL = "http://a.test/"
        with nano.Runtime(threads=1) as runtime:
            app = runtime.load("export const never = () => new Promise(() => {{ setTimeout(() => {{}}, 1e9) }}); export default {{ fetch: never }}")
            def interrupt():
                while app.stats()["in_flight"] < 1:
                    pass
                os.kill(os.getpid(), signal.SIGINT)
            threading.Thread(target=interrupt).start()
            try:
                {how}
            except KeyboardInterrupt:
                print("interrupted")
            while app.stats()["in_flight"]:
                pass
    """) == "interrupted\n"


def test_importing_starts_nothing(python: Any) -> None:
    assert python("""
        import os, nano_isolates
        print(len(os.listdir("/proc/self/task")))
    """) == "1\n"


def test_many_runtimes_one_after_another(python: Any) -> None:
    assert python("""
        import os, nano_isolates as nano
        def use():
            with nano.Runtime(threads=1) as runtime:
                app = runtime.load("export default { fetch: () => new Response('x') }", bindings={"f": len})
                with app.fetch_sync("http://a.test/", stream=True) as response:
                    assert response.read() == b"x"
        use()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            use()
        # A thread that has stopped lets go of its descriptors when the kernel has it do so.
        while len(os.listdir("/proc/self/fd")) > before:
            os.sched_yield()
        print("none is left")
    """) == "none is left\n"


def test_signals_of_the_host_s_are_left_alone(runtime: Runtime) -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert runtime.stats()["parked"] == 0
