"""What every script here uses: servers to start, raw connections, and the reading of responses."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
NET = ROOT / "tests" / "net"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PATIENCE_S = 60


class Failure(Exception):
    """Something is not as it has to be."""


def check(condition: bool, what: str) -> None:
    if not condition:
        raise Failure(what)


def unharmed(said: bytes) -> None:
    """A defect is contained, and whoever is served notices nothing: it is only told."""
    at = said.find(b"panicked at")
    check(at < 0, said[max(0, at - 200) : at + 400].decode(errors="replace"))


def profile() -> str:
    return os.environ.get("NET_PROFILE", "debug")


def is_long() -> bool:
    return os.environ.get("NET_LONG") == "1"


def run(name: str, *tests) -> None:
    """Runs tests one after the other, and ends the process with what became of them."""
    failed = 0
    for test in tests:
        began = time.monotonic()
        try:
            said = test()
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            failed += 1
            print(f"not ok - {name}: {test.__name__.replace('_', ' ')}: {failure}", flush=True)
            continue
        took = f"{time.monotonic() - began:.1f} s"
        print(f"ok - {name}: {test.__name__.replace('_', ' ')} ({said + ', ' if said else ''}{took})", flush=True)
    sys.exit(1 if failed else 0)


def figure(name: str, value: float, unit: str, note: str) -> None:
    """Prints something measured for `bench/run.py`, when that asks for it."""
    if os.environ.get("NET_FIGURES"):
        print(json.dumps({"name": name, "value": value, "unit": unit, "runs": 1, "note": note}), flush=True)


def need(program: str) -> bool:
    """Whether a program is there; says so if it is not."""
    if shutil.which(program) or pathlib.Path("/usr/sbin", program).exists():
        return True
    print(f"# skipped: {program} is not installed")
    return False


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        check(process.poll() is None, f"{process.args[0]} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise Failure(f"{process.args[0]} does not listen")


def ended(process: subprocess.Popen, how: int = signal.SIGKILL) -> int:
    if process.poll() is None:
        process.send_signal(how)
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def write_app(folder: pathlib.Path, name: str, source: str) -> pathlib.Path:
    """An app's folder, put in place as a whole."""
    app = folder / name
    app.mkdir(exist_ok=True)
    (app / ".index.js").write_text(source)
    (app / ".index.js").replace(app / "index.js")
    return app


@contextlib.contextmanager
def nanod(apps: dict[str, str], *options: str, output: str = "") -> Iterator[tuple[subprocess.Popen, int, pathlib.Path]]:
    """nanod with these apps, that writes its output to a file of ours or to the one given: the process, its port, and the folder."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="nano-net-") as folder:
        path = pathlib.Path(folder, "apps")
        path.mkdir()
        for name, source in apps.items():
            write_app(path, name, source)
        command = [str(TARGET / profile() / "nanod"), "serve", str(path), "--listen", f"127.0.0.1:{port}", "--no-admin", *options]
        with open(pathlib.Path(folder, "log"), "w+b") as log, open(output or log.name, "ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out)
            try:
                wait_for(port, process)
                yield process, port, path
            except BaseException:
                log.seek(max(0, log.seek(0, 2) - 2_000))
                sys.stderr.write(log.read().decode(errors="replace"))
                raise
            finally:
                ended(process)
            log.seek(0)
            unharmed(log.read())


class Host:
    """The C program of host.c: a listener whose limits are ours, and that says what it has."""

    def __init__(self, **options: int) -> None:
        command = [str(TARGET / "net" / profile() / "host"), *(f"{name}={value}" for name, value in options.items())]
        self.said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_) -> None:
        ended(self.process)
        with self.said as said:
            said.seek(0)
            text = said.read()
            sys.stderr.write(text.decode(errors="replace"))
        unharmed(text)

    def stats(self) -> dict[str, int]:
        self.process.stdin.write("stats\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        check(line != "", "the host is gone")
        return {name: int(value) for name, value in (pair.split("=") for pair in line.split())}

    def settles(self, **wanted: int) -> dict[str, int]:
        """Waits until it has what is wanted."""
        end = time.monotonic() + PATIENCE_S
        while True:
            stats = self.stats()
            if all(stats[name] == value for name, value in wanted.items()):
                return stats
            check(time.monotonic() < end, f"{stats} does not become {wanted}")
            time.sleep(0.02)

    def memory_kb(self) -> int:
        return memory_kb(self.process.pid)

    def stop(self) -> int:
        """Ends as a host does that is told to; what it ended with."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)


def memory_kb(pid: int) -> int:
    """What is resident of a process's own."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(("Private_Clean:", "Private_Dirty:")))


class Stream(socket.socket):
    """A connection that ends with its block, whoever still reads from it."""

    def __exit__(self, *_) -> None:
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)
        self.close()


def connect(port: int, timeout_s: float = PATIENCE_S) -> socket.socket:
    stream = Stream()
    stream.settimeout(timeout_s)
    stream.connect(("127.0.0.1", port))
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def reset(stream: socket.socket) -> None:
    """Closes with RST."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def until_closed(stream: socket.socket) -> bytes:
    """What comes until the other side closes, resets, or says nothing for too long."""
    received = bytearray()
    with contextlib.suppress(OSError):
        while piece := stream.recv(65536):
            received += piece
    return bytes(received)


class Reader:
    """Responses, one after the other."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.file = stream.makefile("rb")

    def response(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next response."""
        return read_response(self.file)


def read_response(file) -> tuple[int, dict[str, str], bytes]:
    while True:
        line = file.readline()
        if not line.startswith(b"HTTP/1."):
            raise EOFError(line)
        status = int(line[9:12])
        headers = {}
        while (header := file.readline()) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
        if status >= 200:
            break
    if status in (204, 304):
        return status, headers, b""
    if "content-length" in headers:
        length = int(headers["content-length"])
        body = file.read(length)
        if len(body) < length:
            raise EOFError(f"{len(body)} of {length} bytes")
        return status, headers, body
    if "chunked" in headers.get("transfer-encoding", ""):
        body = bytearray()
        while True:
            size = int(file.readline().split(b";")[0] or b"x", 16)
            piece = file.read(size + 2)
            if len(piece) < size + 2:
                raise EOFError("within a chunk")
            if size == 0:
                return status, headers, bytes(body)
            body += piece[:-2]
    return status, headers, file.read()


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
