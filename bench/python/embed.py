"""What a request costs Python: fetch_sync, asyncio and invoke of the smallest app, beside mini-racer's eval: embed.py nano|mini-racer REQUESTS"""

import asyncio
import json
import sys
import time
from collections.abc import Callable

HELLO = "export default { fetch() { return new Response('Hello World'); } }; export const hello = () => 'Hello World';"
URL = "http://app.test/"
# Requests at once on a loop: as many as a server of this size has.
AT_ONCE = 64


def report(name: str, count: int, work: Callable[[int], None], note: str) -> None:
    """Prints one figure for the runner to collect."""
    # What is done only once is done before.
    work(max(1, count // 10))
    began = time.perf_counter()
    work(count)
    value = count / (time.perf_counter() - began)
    print(json.dumps({"name": name, "value": value, "unit": "requests/s", "runs": 1, "note": note}), flush=True)


def nano(count: int) -> None:
    import nano_isolates

    with nano_isolates.Runtime(threads=1) as runtime:
        app = runtime.load(HELLO)

        def fetch(count: int) -> None:
            for _ in range(count):
                app.fetch_sync(URL)

        def invoke(count: int) -> None:
            for _ in range(count):
                app.invoke_sync("hello")

        async def client(count: int) -> None:
            for _ in range(count):
                await app.fetch(URL)

        async def clients(count: int) -> None:
            await asyncio.gather(*(client(max(1, count // AT_ONCE)) for _ in range(AT_ONCE)))

        report("python.fetch_sync", count, fetch, "one thread of Python's, one of NANO's, one request after another")
        report("python.asyncio", count // AT_ONCE * AT_ONCE or AT_ONCE, lambda count: asyncio.run(clients(count)), f"{AT_ONCE} tasks on one loop of asyncio's")
        report("python.invoke_sync", count, invoke, "a function that returns a text")


def racer(count: int) -> None:
    from py_mini_racer import MiniRacer

    context = MiniRacer()
    context.eval("const hello = () => 'Hello World'")

    def call(count: int) -> None:
        for _ in range(count):
            if context.eval("hello()") != "Hello World":
                raise RuntimeError("a wrong answer")

    report("python.invoke_sync", count, call, "mini-racer: eval of the same function, no web APIs")


{"nano": nano, "mini-racer": racer}[sys.argv[1]](int(sys.argv[2]))
