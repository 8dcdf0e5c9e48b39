"""What a request costs Python: fetch_sync, asyncio and invoke of the smallest app, beside mini-racer's eval: embed.py nano|mini-racer REQUESTS.
And what an app costs there: embed.py density|start APPS"""

import asyncio
import json
import pathlib
import statistics
import sys
import time
from collections.abc import Callable

HELLO = "export default { fetch() { return new Response('Hello World'); } }; export const hello = () => 'Hello World';"
URL = "http://app.test/"
# Requests at once on a loop: as many as a server of this size has.
AT_ONCE = 64
IDLE_S = 3
# Idle apps are what is measured: they must not be evicted under the measurement.
IDLE_MS = 3_600_000


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


def density(count: int) -> None:
    import nano_isolates

    with nano_isolates.Runtime(threads=1) as runtime:
        runtime.load(HELLO, idle_ms=IDLE_MS).fetch_sync(URL)
        before = resident_kb()
        kept = [runtime.load(HELLO, idle_ms=IDLE_MS) for _ in range(count)]
        time.sleep(IDLE_S)
        one("python.idle_rss_kb", (resident_kb() - before) / len(kept), "KB", f"{count} apps, one process, smaps Rss")


def start(count: int) -> None:
    import nano_isolates

    with nano_isolates.Runtime(threads=1) as runtime:
        runtime.load(HELLO).fetch_sync(URL)
        kept = []
        spent = []
        for _ in range(count):
            began = time.process_time()
            kept.append(runtime.load(HELLO, lazy=True, idle_ms=IDLE_MS))
            kept[-1].fetch_sync(URL)
            spent.append((time.process_time() - began) * 1000)
        one("python.start_cpu_ms", statistics.median(spent), "ms", "load of a small app to its first response, CPU of all threads")


def one(name: str, value: float, unit: str, note: str) -> None:
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "runs": 1, "note": note}), flush=True)


def resident_kb() -> float:
    """Resident kilobytes of this process, by smaps."""
    rollup = pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(float(line.split()[1]) for line in rollup if line.startswith("Rss:"))


{"nano": nano, "mini-racer": racer, "density": density, "start": start}[sys.argv[1]](int(sys.argv[2]))
