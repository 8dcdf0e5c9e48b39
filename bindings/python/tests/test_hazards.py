"""What Python and its processes do to a library with threads of its own. A test per hazard, most in a process of its own."""

from __future__ import annotations

import sys
from typing import Any

import pytest

# Threads.


def test_threads_that_are_older_than_nano_use_it(program: Any) -> None:
    assert program("""
        begin, results = threading.Event(), []
        def use():
            begin.wait()
            results.append(app.fetch_sync(URL).text)
            with app.fetch_sync(URL, stream=True) as response:
                results.append(response.read().decode())
        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads: thread.start()
        with nano.Runtime(threads=2) as runtime:
            app = runtime.load(HELLO)
            begin.set()
            for thread in threads: thread.join()
        print(results == ["hello"] * 8)
    """) == "True\n"


def test_threads_with_the_smallest_stack_use_it(program: Any) -> None:
    assert program("""
        threading.stack_size(64 << 10)
        def use():
            with nano.Runtime(threads=1) as runtime:
                print(runtime.load(HELLO).fetch_sync(URL).text)
                try:
                    runtime.load("export default { fetch: (" + "(" * 100_000)
                except nano.CompileError:
                    print("refused")
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    """) == "hello\nrefused\n"


def test_who_waits_lets_other_threads_run(program: Any) -> None:
    assert program("""
        runtime = nano.Runtime(threads=1)
        app = runtime.load('''
            let open;
            const wait = () => new Promise((resolve) => { open = resolve; setTimeout(() => {}, 1e9); });
            export default { fetch: async () => new Response(await wait()) };
            export { wait };
            export const answer = () => open('late');
        ''')
        def answer():
            until(lambda: app.stats()["in_flight"] == 1)
            app.invoke_sync("answer")
        # Every way of waiting: nobody but the other thread can end it.
        for wait in (lambda: app.fetch_sync(URL).text, lambda: app.fetch_sync(URL, stream=True).read().decode(), lambda: app.invoke_sync("wait")):
            other = threading.Thread(target=answer)
            other.start()
            print(wait())
            other.join()
        runtime.close()
    """) == "late\n" * 3


def test_no_thread_of_nano_s_runs_python(program: Any) -> None:
    assert program("""
        ran = set()
        def note(*_):
            ran.add(threading.get_native_id())
            assert threading.current_thread() in known or threading.current_thread().name.startswith("nano-")
        class Noted:
            def __init__(self): note()
            def __del__(self): note()
            def method(self): note()
        known = set(threading.enumerate())
        runtime = nano.Runtime(threads=2, on_log=note, on_app=note)
        app = runtime.load('''
            import { env } from 'cloudflare:workers';
            export async function use() {
              console.log('heard');
              await env.note();
              using noted = await new env.Noted();
              await noted.method();
            }
        ''', bindings={"note": note, "Noted": Noted})
        for _ in range(3):
            app.invoke_sync("use")
        names = {int(task): open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")}
        ours = {thread.native_id for thread in threading.enumerate()}
        theirs = [task for task in names if task not in ours]
        # Python knows none of NANO's threads, and none of them has run anything of Python's.
        assert len(theirs) >= 2, names
        assert not ran & set(theirs)
        assert not set(sys._current_frames()) - {thread.ident for thread in threading.enumerate()}
        runtime.close()
        print(bool(ran))
    """) == "True\n"


def test_finalizers_and_handlers_may_use_the_runtime_in_the_middle_of_anything(program: Any) -> None:
    assert program("""
        runtime = nano.Runtime(threads=1)
        app = runtime.load(HELLO)
        used = []
        def use():
            used.append(app.fetch_sync(URL, stream=True).read())
        # Where the interpreter runs them: when a function of the package's begins, or one of C's that it calls has returned; once at each.
        seen = set()
        def profile(frame, event, arg):
            where = (frame.f_code, event, arg.__qualname__ if event == "c_return" else "")
            if "nano_isolates" in frame.f_code.co_filename and event in ("call", "c_return") and where not in seen:
                seen.add(where)
                use()
        async def main():
            await app.fetch(URL, method="POST", body=iter([b"x"]))
            try:
                await app.fetch("no url")
            except nano.InvalidError:
                pass
        before = None
        while before != len(seen):
            before = len(seen)
            sys.setprofile(profile)
            use()
            app.fetch_sync(URL, method="POST", body=iter([b"x"]))
            asyncio.run(main())
            sys.setprofile(None)
        assert set(used) == {b"hello"} and {"_pass", "take"} <= {code.co_name for code, _, _ in seen}
        # And a signal's handler, while its thread waits.
        def handler(*_):
            use()
            raise InterruptedError
        signal.signal(signal.SIGUSR1, handler)
        never = runtime.load(NEVER)
        def interrupt():
            until(lambda: never.stats()["in_flight"] == 1)
            os.kill(os.getpid(), signal.SIGUSR1)
        threading.Thread(target=interrupt).start()
        try:
            never.fetch_sync(URL, stream=True)
        except InterruptedError:
            print("interrupted")
        runtime.close()
    """) == "interrupted\n"


# Signals.


def test_ctrl_c_ends_a_loop_s_requests(program: Any) -> None:
    assert program("""
        runtime = nano.Runtime(threads=1)
        app = runtime.load(NEVER)
        async def main():
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
            await app.fetch(URL)
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        until(lambda: not app.stats()["in_flight"])
        runtime.close()
    """) == "interrupted\n"


@pytest.mark.parametrize("what", ["load", "reload", "unload", "drain"])
def test_ctrl_c_ends_the_waiting_for_a_change(program: Any, what: str) -> None:
    assert program(f"""
        what = {what!r}
        runtime = nano.Runtime(threads=1)
        begun, go = threading.Event(), threading.Event()
        def hold():
            begun.set()
            go.wait()
            return 1
        SLOW = "import {{ env }} from 'cloudflare:workers'; await env.hold(); export const version = () => 2"
        app = runtime.load("export const hold = () => env.hold(); import {{ env }} from 'cloudflare:workers'; export const version = () => 1", bindings={{"hold": hold}})
        if what in ("unload", "drain"):
            threading.Thread(target=lambda: app.invoke_sync("hold")).start()
            begun.wait()
        main = threading.get_ident()
        def refused():
            try: app.invoke_sync("version")
            except nano.DrainingError: return True
        def interrupt():
            # When it waits for nothing but the change.
            begun.wait()
            until(lambda: sys._current_frames()[main].f_code.co_name in ("_load", what))
            if what == "unload": until(refused)
            os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=interrupt).start()
        try:
            if what == "load": runtime.load(SLOW, name="other", bindings={{"hold": hold}})
            elif what == "reload": app.reload(SLOW)
            elif what == "unload": app.unload(3600)
            else: runtime.drain(3600)
        except KeyboardInterrupt:
            print("interrupted")
        go.set()
        # What comes through afterwards is nobody's.
        if what == "load": until(lambda: runtime.stats()["apps"] == 1)
        if what == "reload": until(lambda: app.invoke_sync("version") == 2)
        if what == "unload": until(lambda: runtime.stats()["apps"] == 0)
        if what == "unload": runtime.load(HELLO, name=app.name)
        runtime.close()
    """) == "interrupted\n"


def test_ctrl_c_in_any_moment_loses_nobody_s_events(program: Any) -> None:
    assert program("""
        runtime = nano.Runtime(threads=1)
        app = runtime.load('''
            const pieces = () => { let n = 0; return new ReadableStream({ async pull(c) { await null; c.enqueue(new Uint8Array(100)); if (++n === 5) c.close(); } }); };
            export default { fetch: () => new Response(pieces()) };
        ''')
        class Stop(BaseException): pass
        class After:
            # Raises where the interpreter runs handlers of signals: when a function begins, or one of C's has returned, the n-th from here.
            def __init__(self, n): self.left = n
            def __call__(self, frame, event, arg):
                if "nano_isolates" in frame.f_code.co_filename and event in ("call", "c_return"):
                    self.left -= 1
                    if self.left < 0: raise Stop
        good, stops, n = [], 0, 0
        while True:
            # What comes for this thread is taken by the interrupted one as often as not.
            other = threading.Thread(target=lambda: good.append(len(app.fetch_sync(URL, stream=True).read())))
            other.start()
            try:
                sys.setprofile(after := After(n))
                app.fetch_sync(URL, stream=True).read()
            except Stop:
                stops += 1
            finally:
                sys.setprofile(None)
                other.join()
            n += 1
            if after.left >= 0:
                break
        assert good == [500] * n, good
        gc.collect()
        until(lambda: not app.stats()["in_flight"])
        runtime.close()
        print(stops > 50)
    """) == "True\n"


def test_ctrl_c_in_any_moment_of_its_beginning_or_end_leaves_an_app_or_frees_its_name(program: Any) -> None:
    assert program("""
        runtime = nano.Runtime(threads=1)
        class Stop(BaseException): pass
        class After:
            def __init__(self, n): self.left = n
            def __call__(self, frame, event, arg):
                if "nano_isolates" in frame.f_code.co_filename and event in ("call", "c_return"):
                    self.left -= 1
                    if self.left == -1: raise Stop
        def load(name="one"):
            return runtime.load(CALL, name="one", bindings={"one": lambda: 1})
        for use in (load, lambda: app.unload(0)):
            n = 0
            while True:
                app = None if use is load else load()
                try:
                    sys.setprofile(after := After(n))
                    made = use()
                except Stop:
                    pass
                else:
                    app = made
                finally:
                    sys.setprofile(None)
                if app is not None:
                    try:
                        assert app.invoke_sync("call", "one") == 1
                        app.unload(0)
                    except nano.DrainingError:
                        pass
                n += 1
                if after.left >= 0:
                    break
            print(n > 3)
    """) == "True\nTrue\n"


def test_a_profiler_s_signals_disturb_nothing(program: Any) -> None:
    assert program("""
        ticks = 0
        def tick(*_):
            global ticks
            ticks += 1
        signal.signal(signal.SIGPROF, tick)
        signal.setitimer(signal.ITIMER_PROF, 0.001, 0.001)
        with nano.Runtime(threads=2) as runtime:
            app = runtime.load("export const spin = () => { let n = 0; while (n < 1e5) n++; return n; }", cpu_ms=10_000)
            async def main():
                while ticks < 20:
                    assert await app.invoke("spin") == 100_000
            while ticks < 10:
                assert app.invoke_sync("spin") == 100_000
            asyncio.run(main())
        signal.setitimer(signal.ITIMER_PROF, 0)
        print("ticked")
    """) == "ticked\n"


def test_signals_handlers_and_masks_stay_the_host_s(program: Any) -> None:
    assert program("""
        def dispositions():
            lines = [line.split() for line in open("/proc/self/status") if line.startswith(("SigIgn", "SigCgt", "SigBlk"))]
            # The two that the C library keeps for its threads are its own business.
            return {name: int(mask, 16) & ~(3 << 31) for name, mask in lines}
        before = dispositions()
        runtime = nano.Runtime(threads=2)
        runtime.load(HELLO).fetch_sync(URL)
        assert dispositions() == before, (before, dispositions())
        # None of its threads takes a signal that is for the host.
        ours = {thread.native_id for thread in threading.enumerate()}
        for task in os.listdir("/proc/self/task"):
            if int(task) not in ours:
                blocked = int(open(f"/proc/self/task/{task}/status").read().split("SigBlk:")[1].split()[0], 16)
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGALRM, signal.SIGUSR1, signal.SIGPROF):
                    assert blocked >> (number - 1) & 1, (task, number)
        runtime.close()
        print("untouched")
    """) == "untouched\n"


@pytest.mark.parametrize("when", ["before", "after"])
def test_faulthandler_works_beside_it(program: Any, when: str) -> None:
    enable = "faulthandler.enable(open('/dev/stdout', 'w'))"
    printed = program(f"""
        import ctypes
        faulthandler.disable()
        {enable if when == "before" else ""}
        runtime = nano.Runtime(threads=1)
        app = runtime.load(NEVER)
        in_background(app.fetch_sync, URL)
        until(lambda: app.stats()["in_flight"] == 1)
        {enable if when == "after" else ""}
        faulthandler.dump_traceback(open("/dev/stdout", "w"))
        ctypes.string_at(0)
    """, status=-11)
    assert "Fatal Python error: Segmentation fault" in printed
    # All threads of Python's, also the one that waits.
    assert printed.count("fetch_sync") >= 2


def test_a_deadly_signal_kills_as_ever(program: Any) -> None:
    program("""
        runtime = nano.Runtime(threads=1)
        app = runtime.load(NEVER)
        def kill():
            until(lambda: app.stats()["in_flight"] == 1)
            os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=kill).start()
        app.fetch_sync(URL)
    """, status=-15)


# Forks.


def test_a_fork_from_a_thread_with_requests_in_flight_ends_well(program: Any) -> None:
    assert program("""
        runtime = nano.Runtime(threads=2)
        app = runtime.load(NEVER, bindings={"f": len})
        for stream in (False, True, True):
            in_background(app.fetch_sync, URL, stream=stream)
        until(lambda: app.stats()["in_flight"] == 3)
        def fork():
            child = os.fork()
            if child == 0:
                try:
                    app.fetch_sync(URL, stream=True)
                except nano.ForkedError:
                    # Everything that was made is collected in the child, too.
                    globals().pop("runtime"), globals().pop("app")
                    gc.collect()
                    os._exit(7)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        codes = []
        for _ in range(5):
            thread = threading.Thread(target=fork)
            thread.start()
            thread.join()
        assert app.invoke_sync("here") == 1
        print(codes)
    """) == "[7, 7, 7, 7, 7]\n"


def test_subprocesses_are_no_forks(program: Any) -> None:
    assert program("""
        import subprocess
        with nano.Runtime(threads=1) as runtime:
            app = runtime.load(HELLO)
            subprocess.run(["true"], check=True, preexec_fn=lambda: None)
            print(subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True, text=True).stdout.strip(), app.fetch_sync(URL).text)
    """) == "child hello\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(python: Any, tmp_path: Any, method: str) -> None:
    (tmp_path / "work.py").write_text("""
import nano_isolates as nano

def work(n):
    try:
        with nano.Runtime(threads=1) as runtime:
            return runtime.load("export const twice = (n) => 2 * n").invoke_sync("twice", n)
    except nano.NanoError as error:
        return error
""")
    (tmp_path / "main.py").write_text(f"""
import multiprocessing, sys
import nano_isolates as nano
import work

if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with nano.Runtime(threads=1) as runtime:
        with context.Pool(2) as pool:
            print(*pool.map(work.work, [1, 2, 3]), sep="\\n")
        print(runtime.load("export const twice = (n) => 2 * n").invoke_sync("twice", 4))
""")
    printed = python(f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = [{str(tmp_path / 'main.py')!r}]; runpy.run_path(sys.argv[0], run_name='__main__')").splitlines()
    if method == "fork":
        assert all(line.startswith("NANO_E_FORKED") for line in printed[:3]) and printed[3] == "8"
    else:
        assert printed == ["2", "4", "6", "8"]


# Ends.


def test_exit_while_an_app_loops_and_many_times(program: Any) -> None:
    assert program("""
        codes = []
        for _ in range(10):
            child = os.fork()
            if child == 0:
                runtime = nano.Runtime(threads=1)
                app = runtime.load(LOOP, cpu_ms=60_000)
                in_background(app.fetch_sync, URL)
                until(lambda: app.stats()["in_flight"] == 1)
                sys.exit(3)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        print(codes == [3] * 10)
    """) == "True\n"


def test_exit_while_functions_of_python_s_run_for_apps(program: Any) -> None:
    assert program("""
        begun = threading.Barrier(4)
        def block():
            begun.wait()
            threading.Event().wait()
        async def forever():
            # Not on the loop, which has the others to begin.
            await asyncio.to_thread(begun.wait)
            await asyncio.Event().wait()
        def ask():
            begun.wait()
            other.fetch_sync(URL)
        runtime = nano.Runtime(threads=2)
        other = runtime.load(NEVER)
        app = runtime.load(CALL, bindings={"block": block, "ask": ask, "forever": forever})
        for name in ("block", "ask", "forever"):
            in_background(app.invoke_sync, "call", name)
        begun.wait()
        print("leaving")
    """) == "leaving\n"


def test_what_runs_at_exit_may_still_use_it_and_close_it(program: Any) -> None:
    assert program("""
        import atexit
        runtime = nano.Runtime(threads=1)
        app = runtime.load(HELLO)
        def use():
            try:
                print(app.fetch_sync(URL).text)
            except nano.ShutdownError as error:
                print(error.name)
        # The last one runs first, and all of them before the runtime's own end.
        atexit.register(use)
        atexit.register(runtime.close)
        atexit.register(use)
    """) == "hello\nNANO_E_SHUTDOWN\n"


def test_an_exception_that_ends_the_program_leaves_nothing_behind(program: Any) -> None:
    program("""
        runtime = nano.Runtime(threads=1, on_log=print)
        app = runtime.load(NEVER)
        async def main():
            task = asyncio.create_task(app.fetch(URL))
            async for chunk in (await app.fetch(URL, stream=True)).aiter_bytes():
                pass
        async def break_off():
            task = asyncio.create_task(main())
            await app.invoke("here")
            raise SystemExit(5)
        asyncio.run(break_off())
    """, status=5)


def test_closing_from_wherever(program: Any) -> None:
    assert program("""
        # From a function that an app calls, from a loop that has requests, from a finalizer, and from two threads at once.
        runtime = nano.Runtime(threads=1)
        app = runtime.load(CALL, bindings={"close": lambda: runtime.close()})
        try:
            app.invoke_sync("call", "close")
        except nano.ShutdownError:
            print("closed by a function")
        async def main():
            runtime = nano.Runtime(threads=1)
            app = await runtime.aload(CALL, bindings={"close": lambda: runtime.close()})
            try:
                await app.invoke("call", "close")
            except nano.ShutdownError:
                print("closed on its loop")
        asyncio.run(main())
        runtime = nano.Runtime(threads=1)
        app = runtime.load(NEVER)
        in_background(app.fetch_sync, URL)
        until(lambda: app.stats()["in_flight"] == 1)
        threads = [threading.Thread(target=runtime.close) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(runtime.closed)
    """) == "closed by a function\nclosed on its loop\nTrue\n"


# Garbage.


def test_what_is_forgotten_is_collected_and_ended(program: Any) -> None:
    assert program("""
        # A runtime in a circle with its app and its bindings.
        class Circle:
            def f(self): return 1
        circle = Circle()
        circle.runtime = nano.Runtime(threads=1)
        circle.app = circle.runtime.load("import { env } from 'cloudflare:workers'; export const f = () => env.CIRCLE.f()", bindings={"CIRCLE": circle})
        assert circle.app.invoke_sync("f") == 1
        # Requests and bodies that nobody holds.
        runtime = nano.Runtime(threads=1)
        app = runtime.load(NEVER)
        async def main():
            app.fetch(URL).close()
            asyncio.create_task(app.fetch(URL))
            await app.invoke("here")
            body = runtime.load("export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(9)) } })) }", name="endless")
            chunks = (await body.fetch(URL, stream=True)).aiter_bytes()
            await chunks.__anext__()
            await body.fetch(URL, stream=True)
            del chunks
            gc.collect()
            while body.stats()["in_flight"]:
                await asyncio.sleep(0)
        asyncio.run(main())
        until(lambda: not app.stats()["in_flight"])
        reference = weakref.ref(runtime)
        hub = runtime._hub
        del runtime, app
        gc.collect()
        assert reference() is None and hub.closed
        print("collected")
    """) == "collected\n"


def test_references_are_not_lost_nor_kept(program: Any) -> None:
    assert program("""
        with nano.Runtime(threads=1) as runtime:
            app = runtime.load("export const echo = (v) => v; export default { fetch: (r) => new Response(r.body) }")
            def use():
                asyncio.run(app.fetch(URL, method="POST", body=iter([b"x" * 1000])))
                app.fetch_sync(URL, method="POST", body=iter([b"x"]), stream=True).read()
                app.invoke_sync("echo", {"a": [1, "b", 2**70, {3}]})
                for wrong in (object(), [object()]):
                    try: app.invoke_sync("echo", wrong)
                    except TypeError: pass
            for _ in range(20): use()
            gc.collect()
            before = len(gc.get_objects())
            for _ in range(50): use()
            gc.collect()
            print(len(gc.get_objects()) - before < 50)
    """) == "True\n"


# Interpreters and other guests of the process.


def test_subinterpreters_are_refused_in_plain_words(program: Any) -> None:
    modern = sys.version_info >= (3, 13)
    assert program(f"""
        import {"_interpreters" if modern else "_xxsubinterpreters"} as interpreters
        code = '''
        try:
            import nano_isolates
        except ImportError as error:
            assert "main interpreter" in str(error), error
        else:
            raise SystemExit("it was imported")
        '''
        # And the native half, whoever gets that far.
        native = f'''
        import importlib.machinery, importlib.util
        path = {{nano._nano.__file__!r}}
        spec = importlib.util.spec_from_loader("_nano", importlib.machinery.ExtensionFileLoader("_nano", path))
        try:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        except ImportError as error:
            assert "interpreter" in str(error), error
        else:
            raise SystemExit("it was imported")
        '''
        for code in (code, code, native):
            inner = interpreters.create()
            failed = interpreters.{"exec" if modern else "run_string"}(inner, code)
            assert not failed, failed
            interpreters.destroy(inner)
        with nano.Runtime(threads=1) as runtime:
            print(runtime.load(HELLO).fetch_sync(URL).text)
    """) == "hello\n"


def test_importing_it_anew_does_no_harm(program: Any) -> None:
    assert program("""
        import importlib
        runtime = nano.Runtime(threads=1)
        app = runtime.load(HELLO)
        for name in [name for name in sys.modules if name.startswith("nano_isolates")]:
            if name != "nano_isolates._nano":
                del sys.modules[name]
        again = importlib.import_module("nano_isolates")
        assert again is not nano
        with again.Runtime(threads=1) as other:
            print(app.fetch_sync(URL).text, other.load(HELLO).fetch_sync(URL).text)
        runtime.close()
    """) == "hello hello\n"


@pytest.mark.parametrize("first", ["nano", "racer"])
def test_another_v8_in_the_process(program: Any, first: str) -> None:
    pytest.importorskip("py_mini_racer")
    use = {
        "nano": "runtime = nano.Runtime(threads=1); app = runtime.load(HELLO); print(app.fetch_sync(URL).text)",
        "racer": "from py_mini_racer import MiniRacer; racer = MiniRacer(); print(racer.eval('6 * 7'))",
    }
    second = "racer" if first == "nano" else "nano"
    printed = program(f"""
        {use[first]}
        {use[second]}
        print(app.fetch_sync(URL).text, racer.eval("[1, 2].map((n) => n * 2).join()"))
        runtime.close()
    """)
    assert sorted(printed.splitlines()) == ["42", "hello", "hello 2,4"]


@pytest.mark.parametrize(
    ("without_gil", "error", "told"),
    [
        (1, 'SystemError("bad module definition")', "ImportError: built for Python with a GIL"),
        # Anything else that goes wrong is told as it is.
        (0, 'SystemError("bad module definition")', "SystemError: bad module definition"),
        (1, 'ImportError("no such library")', "ImportError: no such library"),
    ],
)
def test_a_python_without_a_gil_is_refused_in_plain_words(python: Any, without_gil: int, error: str, told: str) -> None:
    # As such a Python is: it says so in its configuration, and cannot take the native half in.
    assert python(f"""
        import sys, sysconfig
        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name == "nano_isolates._nano":
                    raise {error}
        sys.meta_path.insert(0, Refuse())
        sysconfig.get_config_vars()["Py_GIL_DISABLED"] = {without_gil}
        try:
            import nano_isolates
        except (ImportError, SystemError) as error:
            print(f"{{type(error).__name__}}: {{error}}".replace("this nano_isolates is ", "").split(" (abi3)")[0])
    """) == told + "\n"


def test_descriptors_beyond_what_select_can_watch(program: Any) -> None:
    assert program("""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        kept = [os.open("/dev/null", os.O_RDONLY) for _ in range(1500)]
        with nano.Runtime(threads=1) as runtime:
            assert runtime._hub.fd > 1024
            app = runtime.load(HELLO)
            print(app.fetch_sync(URL, stream=True).read().decode(), asyncio.run(app.fetch(URL)).text)
    """) == "hello hello\n"


def test_too_little_address_space_is_an_error(program: Any) -> None:
    assert program("""
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        try:
            nano.Runtime(threads=1)
        except nano.AddressSpaceError as error:
            print(error.name)
    """) == "NANO_E_ADDRESS_SPACE\n"


def test_recursion_without_end_on_either_side(program: Any) -> None:
    assert program("""
        def deep(n):
            return deep(n + 1)
        with nano.Runtime(threads=1) as runtime:
            app = runtime.load(CALL + "; export const down = (n = 0) => down(n + 1) + 1", bindings={"deep": deep})
            for export, args in (("down", ()), ("call", ("deep", 0))):
                try:
                    app.invoke_sync(export, *args)
                except nano.AppError as error:
                    print("RangeError" in error.message, "RecursionError" in error.message)
            value = []
            for _ in range(100_000):
                value = [value]
            try:
                app.invoke_sync("down", value)
            except nano.TooLargeError as error:
                print(error.name)
    """) == "True False\nFalse True\nNANO_E_TOO_LARGE\n"


def test_python_s_own_checks_find_nothing(program: Any) -> None:
    assert program("""
        import subprocess
        code = '''
        import asyncio, nano_isolates as nano
        async def main():
            async with nano.Runtime(threads=1) as runtime:
                app = await runtime.aload("import { env } from 'cloudflare:workers'; export const f = (v) => env.f(v); export default { fetch: (r) => new Response(r.body) }", bindings={"f": lambda v: v})
                assert await app.invoke("f", {"a": [1]}) == {"a": [1]}
                assert (await app.fetch("http://a.test/", method="POST", body=iter([b"x"]))).body == b"x"
                async with await app.fetch("http://a.test/", method="POST", body=b"y", stream=True) as response:
                    assert await response.aread() == b"y"
        with nano.Runtime(threads=1) as runtime:
            app = runtime.load("export default { fetch: (r) => new Response(r.body) }")
            assert app.fetch_sync("http://a.test/", method="POST", body=iter([b"x"]), stream=True).read() == b"x"
        asyncio.run(main())
        '''
        done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", code], capture_output=True, text=True)
        print(done.returncode, done.stderr)
    """) == "0 \n"
