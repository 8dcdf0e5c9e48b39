"""Drives a server with wrk and prints what it did: requests per second, and the CPU time that the server spent on each.

load.py SECONDS LOADS COMMAND...    LOADS: hello, json and apps1000, with commas

The server is started with one processor, wrk with another one: neither takes the other's time. With only one they share it, and the note
says so. COMMAND prints its address as its first line.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from common import report  # noqa: E402: it is beside the folder of this file

JSON_BYTES = 1_024
# Connections, and the script of wrk's.
LOADS = {
    "hello": (64, ""),
    "json": (64, """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"items":[' .. string.rep('{"id":12345,"name":"something","tags":["a","b"],"price":12.5},', %d):sub(1, -2) .. ']}'
"""),
    "apps1000": (256, """
local n = 0
request = function()
  n = (n + 617) %% 1000
  return "GET / HTTP/1.1\\r\\nHost: app" .. n .. ".test\\r\\n\\r\\n"
end
"""),
}
# A thousand instances have to start, and V8 does its best for an app only when that has answered some hundreds of requests.
WARM_S = {"hello": 1, "json": 1, "apps1000": 40}
# While they start, one request waits for all the others.
WAIT_S = 10
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_us(pid: int) -> float:
    """CPU time of a process and all it has started, ended ones too."""
    total = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        # The process group: the server is the leader of its own.
        if int(fields[2]) == pid:
            total += sum(map(int, fields[11:15]))
    return total * 1e6 / TICKS_PER_S


def pinned(core: int, command: list[str]) -> list[str]:
    return ["taskset", "--cpu-list", str(core), *command]


def main() -> None:
    seconds, loads, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
    cores = sorted(os.sched_getaffinity(0))
    note = "one thread on one core, wrk on another" if len(cores) > 1 else "server and wrk share the only core"
    with subprocess.Popen(pinned(cores[0], command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        try:
            address = re.search(r"127\.0\.0\.1:\d+", server.stdout.readline())
            if address is None:
                raise RuntimeError("the server does not say where it listens")
            for load in loads:
                measure(server.pid, address[0], load, seconds, cores[-1], note)
        finally:
            os.killpg(server.pid, signal.SIGKILL)


def measure(pid: int, address: str, load: str, seconds: str, core: int, note: str) -> None:
    connections, script = LOADS[load]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script % (JSON_BYTES // 62) if load == "json" else script % ())
        lua.flush()
        command = pinned(core, ["wrk", "-t1", f"-c{connections}", "--timeout", f"{WAIT_S}s", "-s", lua.name])
        # Every app has started, and what there is to compile is compiled.
        run([*command, f"-d{WARM_S[load]}s", f"http://{address}/"], warms=True)
        before = cpu_us(pid)
        printed = run([*command, f"-d{seconds}s", f"http://{address}/"])
    spent = cpu_us(pid) - before
    requests = int(re.search(r"(\d+) requests in", printed)[1])
    if requests == 0:
        raise RuntimeError(f"no request was answered in {seconds} s")
    per_s = float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])
    report(f"http.{load}.rps", per_s, "req/s", f"{connections} connections; {note}")
    report(f"http.{load}.cpu_us", spent / requests, "µs", "CPU of the server for each request, the kernel's part too")


def run(command: list[str], warms: bool = False) -> str:
    """What wrk prints. No request may fail; but while a server warms up, some may wait for longer than wrk does."""
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", printed)
    counts = list(map(int, errors.groups())) if errors else []
    if "Non-2xx" in printed or any(counts[:3] if warms else counts):
        raise RuntimeError(f"requests failed:\n{printed}")
    return printed


if __name__ == "__main__":
    main()
