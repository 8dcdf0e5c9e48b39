"""Event loops that end, stop, are left by a fork or by those who waited on them."""

from __future__ import annotations

import asyncio
import concurrent.futures
from typing import Any

import pytest
from conftest import PATIENCE_S, URL

from nano_isolates import Runtime


def test_a_loop_that_is_closed_with_requests_in_flight(program: Any) -> None:
    assert program("""
        with nano.Runtime(threads=1) as runtime:
            app = runtime.load(NEVER)
            for _ in range(3):
                loop = asyncio.new_event_loop()
                async def begin():
                    global task
                    task = asyncio.get_running_loop().create_task(app.fetch(URL))
                    await app.invoke("here")
                loop.run_until_complete(begin())
                loop.close()
                del task, loop
                gc.collect()
            print(asyncio.run(app.invoke("here")), app.invoke_sync("here"))
    """) == "1 1\n"


def test_a_loop_that_stops_before_it_has_woken_anybody(program: Any) -> None:
    assert program("""
        with nano.Runtime(threads=1) as runtime:
            app = runtime.load(HELLO)
            loop = asyncio.new_event_loop()
            async def begin():
                # It is sent off in the round in which the loop stops.
                return loop.create_task(app.fetch(URL))
            task = loop.run_until_complete(begin())
            # Another loop waits for nothing that the first one is to do, nor does the first one's own request.
            print(asyncio.run(app.fetch(URL)).text, app.stats()["in_flight"])
            print(loop.run_until_complete(task).text)
            loop.close()
    """) == "hello 0\nhello\n"


def test_what_comes_for_a_loop_that_is_closed_does_not_keep_it(program: Any) -> None:
    assert program("""
        with nano.Runtime(threads=1) as runtime:
            app = runtime.load(NEVER)
            for end in (lambda loop: (loop.close(), hub.drain(None)), lambda loop: (hub.drain(None), loop.close())):
                hub, loop = runtime._hub, asyncio.new_event_loop()
                async def begin():
                    task = asyncio.get_running_loop().create_task(app.fetch(URL))
                    await app.invoke("here")
                loop.run_until_complete(begin())
                app.kill()
                # Nobody on it is told any more.
                end(loop)
                kept, loop = weakref.ref(loop), None
                asyncio.run(app.invoke("here"))
                gc.collect()
                print(kept() is None)
    """) == "True\n" * 2


def test_a_request_that_is_let_go_in_any_moment_is_over_and_keeps_nothing(program: Any) -> None:
    assert program("""
        import select
        ENDLESS = "export default { fetch: () => new Response(new ReadableStream({ pull: () => new Promise(() => { setTimeout(() => {}, 1e9) }) })) }"
        with nano.Runtime(threads=1) as runtime:
            app, hub = runtime.load(ENDLESS), runtime._hub
            ready = select.poll()
            ready.register(hub.fd, select.POLLIN)
            async def begin():
                request = app.fetch(URL)
                request.send(None)
                asyncio.get_running_loop().remove_reader(hub.fd)
                return request
            # Another thread takes what comes, and it is let go at the n-th step of that.
            def drain():
                sys.setprofile(step)
                hub.drain(None)
                sys.setprofile(None)
                reached.set()
            def step(frame, event, arg):
                if "nano_isolates" in frame.f_code.co_filename and event in ("call", "return", "c_return"):
                    steps.append(frame.f_code.co_name)
                    if len(steps) == n:
                        reached.set()
                        let_go.wait()
            n, steps = 0, []
            while n <= len(steps):
                loop, steps, reached, let_go = asyncio.new_event_loop(), [], threading.Event(), threading.Event()
                request = loop.run_until_complete(begin())
                ready.poll()
                thread = threading.Thread(target=drain)
                thread.start()
                reached.wait()
                request.close()
                let_go.set()
                thread.join()
                until(lambda: not app.stats()["in_flight"])
                hub.drain(None)
                loop.close()
                kept, loop, request = weakref.ref(loop), None, None
                gc.collect()
                assert kept() is None, (n, steps)
                n += 1
        print(n > 10)
    """) == "True\n"


@pytest.mark.parametrize("runner", ["asyncio", "uvloop"])
def test_a_child_that_leaves_its_parent_s_loop_takes_nothing_from_it(program: Any, runner: str) -> None:
    assert program(f"""
        import {runner} as runner, select
        async def main():
            app = runtime.load("let answer; export default {{ fetch: () => new Promise((resolve) => {{ answer = resolve; setTimeout(() => {{}}, 1e9); }}) }};"
                "export const open = () => answer(new Response('late'))")
            task = asyncio.create_task(app.fetch(URL))
            await asyncio.sleep(0)
            app.invoke_sync("open")
            # The response is there, and the loop has not heard of it.
            ready = select.poll()
            ready.register(runtime._hub.fd, select.POLLIN)
            ready.poll()
            child = os.fork()
            if child == 0:
                return
            os.waitpid(child, 0)
            print((await task).text)
            runtime.close()
        runtime = nano.Runtime(threads=1)
        pid = os.getpid()
        runner.run(main())
        # The child, which has left, ends here, too.
        if os.getpid() != pid:
            os._exit(0)
    """) == "late\n"


def test_what_blocks_takes_no_threads_of_the_loop_which_apps_may_wait_for(run: Any) -> None:
    source = "import { env } from 'cloudflare:workers'; await env.ask(); export default { fetch: async () => new Response(await env.ask()) }"

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
        asked, gate = asyncio.Event(), asyncio.Event()
        gate.set()

        async def ask() -> str:
            asked.set()
            await gate.wait()
            return await asyncio.to_thread(str, "asked")

        async with Runtime(threads=1) as runtime:
            apps = await asyncio.gather(*(runtime.aload(source, bindings={"ask": ask}) for _ in range(5)))
            await asyncio.gather(*(app.areload() for app in apps))
            asked.clear()
            gate.clear()
            request = asyncio.create_task(apps[0].fetch(URL))
            await asked.wait()
            unloading = [asyncio.create_task(app.aunload(PATIENCE_S)) for app in apps]
            await asyncio.sleep(0)
            gate.set()
            assert (await request).text == "asked"
            await asyncio.gather(*unloading)

    run(main())
