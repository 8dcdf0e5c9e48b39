"""workerd: N hello-world workers in one process, each with a socket of its own on 127.0.0.1; and a worker that loops.

workerd.py COUNT          density.idle_rss_kb, density.used_rss_kb, start.cpu_ms
workerd.py --neighbour S  whether a healthy worker answers within S seconds while another one loops
workerd.py --web [LESS]   the figures of bench/web_app.mjs, everything so many times less often
"""

import contextlib
import http.client
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from common import HELLO, IDLE_S, cpu_ms, report, resident_kb

START_S_MAX = 120
REQUEST_S_MAX = 20
WARM, BATCHES = 20, 7
PIECE_BYTES, ECHO_BYTES = 65_536, 1 << 20
LOOP = "export default { fetch(request) { for (;;); } };\n"


def config(scripts: list[str]) -> str:
    """A workerd configuration: worker number n listens on socket number n, the kernel chooses the ports."""
    services, sockets, workers = [], [], []
    for n, script in enumerate(scripts):
        services.append(f'(name = "w{n}", worker = .worker{n})')
        sockets.append(f'(name = "s{n}", address = "127.0.0.1:0", http = (), service = "w{n}")')
        module = f'(name = "main.js", esModule = {json.dumps(script)})'
        workers.append(f'const worker{n} :Workerd.Worker = (modules = [{module}], compatibilityDate = "2026-08-01");')
    return "\n".join([
        'using Workerd = import "/workerd/workerd.capnp";',
        f"const config :Workerd.Config = (services = [{', '.join(services)}], sockets = [{', '.join(sockets)}]);",
        *workers,
    ])


@contextlib.contextmanager
def workerd(scripts: list[str]):
    """Runs workerd until the block ends; gives its process id and the port of each worker."""
    binary = next(pathlib.Path(__file__).parent.glob("node_modules/@cloudflare/workerd-*/bin/workerd"))
    read, write = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "config.capnp")
        path.write_text(config(scripts))
        command = [str(binary), "serve", str(path), f"--control-fd={write}"]
        process = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL)
        os.close(write)
        # A workerd that does not come up is ended, and then the pipe below is, too.
        late = threading.Timer(START_S_MAX, process.kill)
        late.start()
        try:
            yield process.pid, ports(read, len(scripts), late)
        finally:
            late.cancel()
            process.kill()
            process.wait()


def ports(control: int, count: int, late: threading.Timer) -> list[int]:
    """The port of each worker, in their order."""
    found: dict[str, int] = {}
    with os.fdopen(control) as lines:
        for line in lines:
            event = json.loads(line)
            if event["event"] == "listen":
                found[event["socket"]] = event["port"]
            if len(found) == count:
                late.cancel()
                return [found[f"s{n}"] for n in range(count)]
    raise RuntimeError("workerd ended before it listened")


def fetch(port: int, timeout_s: float = REQUEST_S_MAX) -> None:
    """One request with eight headers, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", "/path?query=1", headers={
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64)", "accept": "text/html,application/xhtml+xml",
            "accept-language": "en-US,en;q=0.5", "accept-encoding": "identity", "connection": "close",
            "cache-control": "max-age=0", "cookie": "session=0123456789abcdef",
        })
        if connection.getresponse().read() != b"Hello World":
            raise RuntimeError("a wrong answer")
    finally:
        connection.close()


def measure(count: int) -> tuple[float, float, float]:
    """Resident KB idle and after 11 requests each, and CPU ms from the start to the first response of each, of the process."""
    with workerd([HELLO] * count) as (pid, found):
        fetch(found[0])
        time.sleep(IDLE_S)
        idle = resident_kb(pid)
        for port in found[1:]:
            fetch(port)
        first = cpu_ms(pid)
        # What later requests cost is HTTP, not the start of a worker.
        for port in found:
            fetch(port)
        later = cpu_ms(pid) - first
        for _ in range(9):
            for port in found:
                fetch(port)
        time.sleep(IDLE_S)
        return idle, resident_kb(pid), first - later


def density(count: int) -> None:
    # What is paid once per process is what a process with one worker pays.
    one = measure(1)
    all_of_them = measure(count + 1)
    idle, used, start = ((many - first) / count for many, first in zip(all_of_them, one))
    note = f"workerd: {count} workers in one process"
    report("density.idle_rss_kb", idle, "KB", note)
    report("density.used_rss_kb", used, "KB", note)
    report("start.cpu_ms", start, "ms", f"{note}, CPU from exec to the first response of each, less a later round of requests")


def neighbour(seconds: int) -> None:
    with workerd([HELLO, LOOP]) as (_, found):
        fetch(found[0])
        looping = http.client.HTTPConnection("127.0.0.1", found[1], timeout=seconds)
        looping.request("GET", "/")
        time.sleep(0.2)
        try:
            began = time.monotonic()
            fetch(found[0], seconds)
            took = (time.monotonic() - began) * 1000
            report("neighbour.p99_ms", took, "ms", "workerd: one request while a neighbour loops")
        except TimeoutError:
            report("neighbour.p99_ms", None, "ms", f"workerd: a healthy worker has no answer for {seconds} s, then the run was ended")
        finally:
            looping.close()


def web(quick: int) -> None:
    """Requests on one connection, one after the other; the CPU is workerd's alone."""
    source = (pathlib.Path(__file__).parent.parent / "web_app.mjs").read_text()
    with workerd([source]) as (pid, found):
        connection = http.client.HTTPConnection("127.0.0.1", found[0], timeout=60)

        def ask(path: str, body: bytes | list[bytes] | None = None, headers: dict[str, str] | None = None) -> bytes:
            connection.request("GET" if body is None else "POST", path, body, headers or {}, encode_chunked=isinstance(body, list))
            response = connection.getresponse()
            content = response.read()
            if response.status != 200:
                raise RuntimeError(f"{path}: {response.status}")
            return content

        def figure(name: str, unit: str, amount: float, count: int, note: str, batch: Callable[[int], object]) -> None:
            count = max(1, count // quick)
            for _ in range(0 if quick > 1 else WARM):
                batch(count)
            spent = []
            for _ in range(1 if quick > 1 else BATCHES):
                began = cpu_ms(pid)
                batch(count)
                spent.append(cpu_ms(pid) - began)
            each_us = max(0.001, statistics.median(spent)) * 1000 / count
            report(name, amount * 1e6 / each_us if unit.endswith("/s") else each_us, unit, f"workerd: {note}")

        def each(request: Callable[[], object]) -> Callable[[int], None]:
            def batch(count: int) -> None:
                for _ in range(count):
                    request()
            return batch

        over_http = "with its HTTP server, one connection"
        order = ask("/order")
        figure("web.json_roundtrip_us", "us", 1, 1000, over_http, each(lambda: ask("/json", order, {"content-type": "application/json"})))
        headers = {f"x-header-{n}": f"value {n} of a header that is forty long" for n in range(60)}
        figure("web.headers60_us", "us", 1, 500, over_http, each(lambda: ask("/headers", None, headers)))

        def echo(path: str) -> None:
            pieces = [b"a" * PIECE_BYTES] * (ECHO_BYTES // PIECE_BYTES)
            if len(ask(path, pieces, {"transfer-encoding": "chunked"})) != ECHO_BYTES:
                raise RuntimeError(f"{path}: not all of it")

        for name, path in (("web.echo_mb_per_s", "/echo"), ("web.echo_transform_mb_per_s", "/transform")):
            figure(name, "MB/s", ECHO_BYTES / 1e6, 20, over_http, each(lambda: echo(path)))
        for line in ask("/figures").decode().splitlines():
            name, unit, amount, count, _ = line.split(" ", 4)
            figure(name, unit, float(amount), int(count), "the same code", lambda count: ask(f"/run/{name}?count={count}"))


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.argv[1] == "--neighbour":
        neighbour(int(sys.argv[2]))
    elif sys.argv[1] == "--web":
        web(int((sys.argv[2:] or [1])[0]))
    else:
        density(int(sys.argv[1]))
