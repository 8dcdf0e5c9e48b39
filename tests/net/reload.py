#!/usr/bin/env python3
"""Full load while an app is replaced again and again, and while the server is told to end: no request fails."""

import re
import subprocess
import threading
import time

from harness import Reader, check, connect, ended, is_long, nanod, need, read_response, run, write_app
from http2 import Http2Client

# A folder has to be still for half a second before what serves is replaced.
# So often at least, in the time of a load.
RELOADS_MIN = 9 if is_long() else 3
APP = """
// Version %d.
export default { async fetch(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/version') return new Response('%d');
  if (pathname === '/wait') await scheduler.wait(20);
  if (pathname === '/large') return new Response('x'.repeat(2_000_000));
  if (pathname === '/stream') {
    let left = 20;
    return new Response(new ReadableStream({ async pull(controller) {
      await scheduler.wait(5);
      if (left-- === 0) return controller.close();
      controller.enqueue(new Uint8Array(10_000));
    } }));
  }
  return new Response('hello');
} };
"""


def version(port: int) -> str:
    with connect(port) as stream, stream.makefile("rb") as file:
        stream.sendall(b"GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        status, _, body = read_response(file)
        check(status == 200, f"the version: {status}")
        return body.decode()


def rewritten(port: int, folder, load: subprocess.Popen) -> int:
    """Replaces the app for as long as the load lasts, each time when the version before serves; how often."""
    number = 0
    while load.poll() is None:
        number += 1
        write_app(folder, "app", APP % (number, number))
        end = time.monotonic() + 20
        while version(port) != str(number):
            check(time.monotonic() < end, f"version {number} does not come to serve")
            time.sleep(0.02)
    check(number >= RELOADS_MIN, f"only {number} reloads")
    return number


def nothing_failed_of_wrk(printed: str) -> int:
    check("Non-2xx" not in printed and "Socket errors" not in printed, printed)
    return int(re.search(r"(\d+) requests in", printed)[1])


def nothing_failed_of_h2load(printed: str) -> int:
    counts = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", printed)
    statuses = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", printed)
    check(counts is not None and counts[1] == counts[2] and statuses is not None, printed)
    return int(counts[1])


def an_app_is_replaced_under_load() -> str:
    total, reloads, said = 0, 0, []
    loads = (
        ("wrk", ["wrk", "-t1", "-c64", "-d{}s"], nothing_failed_of_wrk),
        ("h2load of HTTP/1.1", ["h2load", "--h1", "-c64", "-t1", "-D{}"], nothing_failed_of_h2load),
        ("h2load of HTTP/2", ["h2load", "-c16", "-m8", "-t1", "-D{}"], nothing_failed_of_h2load),
    )
    for name, words, count in loads:
        if not need(words[0]):
            continue
        with nanod({"app": APP % (0, 0)}, "--threads", "2") as (process, port, folder):
            seconds = 30 if is_long() else 10
            command = [*(word.format(seconds) for word in words), f"http://127.0.0.1:{port}/"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
                try:
                    reloads += rewritten(port, folder, load)
                finally:
                    printed, _ = load.communicate(timeout=120)
            requests = count(printed)
            check(ended(process, 15) == 0, "nanod ends well")
            total += requests
            said.append(f"{name} {requests}")
    return f"{reloads} reloads; requests: {', '.join(said)}" if said else "skipped"


class Client(threading.Thread):
    """Asks until it is told that the connection ends, and knows of each request what became of it."""

    def __init__(self, port: int, path: bytes, pipelined: int) -> None:
        super().__init__()
        self.request = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path * pipelined
        self.port, self.pipelined, self.answers, self.failed = port, pipelined, 0, None

    def run(self) -> None:
        try:
            with connect(self.port) as stream:
                reader = Reader(stream)
                while True:
                    stream.sendall(self.request)
                    for _ in range(self.pipelined):
                        status, headers, _ = reader.response()
                        check(status == 200, f"{status}")
                        self.answers += 1
                        if headers.get("connection") == "close":
                            # Those behind it were not answered, and the client knows.
                            check(stream.recv(1) == b"", "nothing follows the last response")
                            return
        except Exception as failure:  # noqa: BLE001: it is told where the test can fail
            self.failed = f"{self.request[:30]!r} after {self.answers}: {failure!r}"


def everything_is_answered_that_was_asked_before_the_end() -> str:
    total = 0
    for round_ in range(10 if is_long() else 3):
        with nanod({"app": APP % (0, 0)}, "--threads", "2") as (process, port, _):
            kinds = [(b"/", 1), (b"/wait", 1), (b"/stream", 1), (b"/large", 1), (b"/", 10)]
            clients = [Client(port, *kinds[number % len(kinds)]) for number in range(40)]
            # More of what is large at a time would not fit into the app's heap.
            clients += [Http2Client(port, *kind) for kind in [(b"/", 8), (b"/wait", 8), (b"/stream", 8)] * 3 + [(b"/large", 2)]]
            for client in clients:
                client.start()
            time.sleep(0.5)
            status = ended(process, 15)
            for client in clients:
                client.join(60)
            failed = [client.failed for client in clients if client.failed]
            check(not failed, "\n    ".join([f"round {round_}: {len(failed)} of {len(clients)} clients", *failed]))
            check(status == 0, f"nanod ends with {status}")
            total += sum(client.answers for client in clients)
    return f"{total} answers"


def wrk_sees_no_broken_answer_at_the_end() -> str:
    if not need("wrk"):
        return "skipped"
    with nanod({"app": APP % (0, 0)}, "--threads", "2") as (process, port, _):
        command = ["wrk", "-t1", "-c64", "-d3s", f"http://127.0.0.1:{port}/"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            time.sleep(1)
            check(ended(process, 15) == 0, "nanod ends well")
            printed, _ = load.communicate(timeout=60)
    # That there is nobody any more is what it counts as errors of connecting and writing.
    errors = re.search(r"connect \d+, read (\d+), write \d+, timeout (\d+)", printed)
    check("Non-2xx" not in printed and (errors is None or errors.groups() == ("0", "0")), printed)
    requests = re.search(r"(\d+) requests in", printed)
    return f"{requests[1]} requests"


def h2load_sees_no_broken_answer_at_the_end() -> str:
    if not need("h2load"):
        return "skipped"
    with nanod({"app": APP % (0, 0)}, "--threads", "2") as (process, port, _):
        command = ["h2load", "-c16", "-m8", "-t1", "-D3", f"http://127.0.0.1:{port}/wait"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
            time.sleep(1)
            check(ended(process, 15) == 0, "nanod ends well")
            printed, _ = load.communicate(timeout=60)
    # What it could not send any more it counts as failed, like what was not answered; the clients above can tell the two apart.
    counts = re.search(r"(\d+) done, (\d+) succeeded, \d+ failed, \d+ errored, 0 timeout", printed)
    statuses = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", printed)
    check(counts is not None and statuses is not None and int(counts[2]) > 0 and statuses[1] == counts[2], printed)
    return f"{counts[2]} requests"


def a_full_disk_fails_no_request() -> str:
    """What is written of requests is lost where there is no room for it; the requests are not."""
    noisy = "export default { fetch() { console.log('x'.repeat(1_000)); return new Response('hello'); } };"
    with nanod({"app": noisy}, output="/dev/full") as (process, port, folder):
        with connect(port) as stream:
            reader = Reader(stream)
            for number in range(500):
                if number == 250:
                    write_app(folder, "app", noisy + "// another version")
                stream.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                check(reader.response()[0] == 200, "a request whose log line is lost")
        check(ended(process, 15) == 0, "nanod ends well")
    return "500 requests"


if __name__ == "__main__":
    run("reload", an_app_is_replaced_under_load, everything_is_answered_that_was_asked_before_the_end, wrk_sees_no_broken_answer_at_the_end,
        h2load_sees_no_broken_answer_at_the_end, a_full_disk_fails_no_request)
