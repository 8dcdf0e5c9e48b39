#!/usr/bin/env python3
"""Sends every vector to nanod, and to nginx and Node's server where they are installed.

nanod's answer is the one that vectors.py says. Nothing is accepted that both others refuse. With nginx in front, nanod's app sees exactly
the requests that nginx believes to have sent. With --write the differences become smuggling.md.
"""

import concurrent.futures
import contextlib
import io
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile

import vectors
from harness import NET, Failure, check, connect, ended, free_port, nanod, need, read_response, run, until_closed, wait_for

# Counts what it sees, and reads every body.
APP = """
const seen = new Map();
export default { async fetch(request) {
  const url = new URL(request.url);
  if (url.pathname === '/seen') return Response.json([...seen]);
  const key = request.method + ' ' + request.headers.get('x-vector');
  seen.set(key, (seen.get(key) ?? 0) + 1);
  try {
    return Response.json({ method: request.method, url: request.url, length: (await request.text()).length });
  } catch {
    return new Response('the body is none', { status: 400 });
  }
} };
"""
# One that says nothing for so long waits for more.
QUIET_S = 2.0
NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  log_format sent '$request_method $http_x_vector $upstream_status';
  upstream app {{ server 127.0.0.1:{upstream}; keepalive 8; }}
  server {{ listen 127.0.0.1:{origin}; location / {{ return 200 "seen\\n"; }} }}
  server {{
    listen 127.0.0.1:{proxy};
    access_log {folder}/sent sent;
    location / {{
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host a;
      proxy_next_upstream off; proxy_request_buffering {buffering};
    }}
  }}
}}
"""


def shape(received: bytes) -> str:
    """A character for each response, as in vectors.py."""
    file, seen = io.BytesIO(received), ""
    with contextlib.suppress(EOFError, ValueError):
        while True:
            status, _, _ = read_response(file)
            seen += "2" if status < 400 else "x"
            if seen.endswith("x"):
                break
    # Closed without a word: a refusal too.
    return seen or "x"


def answer(port: int, raw: bytes, number: int | None = None) -> str:
    if number is not None:
        # Marks the requests of one vector, those that are hidden in it too.
        raw = raw.replace(b"Host: a\r\n", b"Host: a\r\nX-Vector: %d\r\n" % number)
    with connect(port, QUIET_S) as stream:
        with contextlib.suppress(OSError):
            stream.sendall(raw)
        if number is None:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_WR)
        return shape(until_closed(stream))


def answers(port: int, all_vectors: list[vectors.Vector], marked: bool = False) -> list[str]:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        jobs = [pool.submit(answer, port, vector.raw + vectors.END, number if marked else None) for number, vector in enumerate(all_vectors)]
        return [job.result() for job in jobs]


@contextlib.contextmanager
def nginx(upstream: int, buffering: str = "on"):
    """nginx as an origin and as a proxy: the two ports, and where it writes what it sent."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    origin, proxy = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="nano-net-") as folder:
        configuration = pathlib.Path(folder, "nginx.conf")
        text = NGINX.format(folder=folder, upstream=upstream, origin=origin, proxy=proxy, buffering=buffering)
        configuration.write_text(text if pathlib.Path("/").owner() != "root" else "user root;\n" + text)
        process = subprocess.Popen([program, "-c", str(configuration), "-e", f"{folder}/error.log"], stderr=subprocess.DEVNULL)
        try:
            wait_for(proxy, process)
            yield origin, proxy, pathlib.Path(folder, "sent"), process
        finally:
            ended(process)


@contextlib.contextmanager
def node():
    port = free_port()
    process = subprocess.Popen(["node", str(NET / "origin.mjs"), str(port)])
    try:
        wait_for(port, process)
        yield port
    finally:
        ended(process)


def every_vector_is_answered_as_it_has_to_be() -> str:
    all_vectors = vectors.all_vectors()
    with nanod({"app": APP}, "--threads", "1") as (_, port, _):
        found = answers(port, all_vectors)
        peers = {}
        if need("nginx"):
            with nginx(port) as (origin, _, _, _):
                peers["nginx"] = answers(origin, all_vectors)
        if need("node"):
            with node() as origin:
                peers["Node"] = answers(origin, all_vectors)
    wrong = [f"{vector.name}: {seen}, not {vector.want}" for vector, seen in zip(all_vectors, found) if seen != vector.want]
    check(not wrong, "\n    ".join([f"{len(wrong)} are answered otherwise", *wrong]))
    if len(peers) == 2:
        lax = [
            f"{vector.name}: {seen}, but nginx {one} and Node {two}"
            for vector, seen, one, two in zip(all_vectors, found, *peers.values())
            if seen.count("2") > max(one.count("2"), two.count("2")) and vector.name not in KNOWN
        ]
        check(not lax, "\n    ".join([f"{len(lax)} are accepted that both others refuse", *lax]))
        if "--write" in sys.argv:
            write(all_vectors, found, peers)
    return f"{len(all_vectors)} vectors, compared with {' and '.join(peers) or 'nothing'}"


# Accepted although both others refuse; smuggling.md says why.
KNOWN: dict[str, str] = {}


def nginx_in_front_sends_what_the_app_sees() -> str:
    if not need("nginx"):
        return "skipped"
    all_vectors = vectors.all_vectors()
    total = 0
    for buffering in ("on", "off"):
        with nanod({"app": APP}, "--threads", "1") as (_, port, _), nginx(port, buffering) as (_, proxy, log, process):
            answers(proxy, all_vectors, marked=True)
            with connect(port) as stream:
                stream.sendall(b"GET /seen HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                seen = dict(json.loads(read_response(stream.makefile("rb"))[2]))
            ended(process, 3)
            sent: dict[str, int] = {}
            refused: dict[str, int] = {}
            for line in log.read_text().splitlines():
                method, vector, status = line.split(" ")[:3]
                key = f"{method} {'null' if vector == '-' else vector}"
                if status != "-":
                    into = refused if status in ("400", "431", "501", "502") else sent
                    into[key] = into.get(key, 0) + 1
        for key in sent.keys() | seen.keys() | refused.keys():
            # One that nanod or the app's reading of the body refuses may have been seen or not.
            least, most = sent.get(key, 0), sent.get(key, 0) + refused.get(key, 0)
            vector = key.split(" ")[1]
            name = all_vectors[int(vector)].name if vector.isdigit() else vector
            check(least <= seen.get(key, 0) <= most, f"{name}: nginx sent {least} to {most} of {key}, the app saw {seen.get(key, 0)}")
        total += sum(sent.values())
    return f"{total} requests passed"


def a_proxy_uses_its_connections_again() -> str:
    if not need("nginx"):
        return "skipped"
    with nanod({"app": APP}, "--threads", "2") as (_, port, _), nginx(port) as (_, proxy, _, _):
        request = b"POST /v HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
        with connect(proxy) as stream:
            file = stream.makefile("rb")
            for number in range(300):
                body = b"x" * (number * 37 % 5_000)
                stream.sendall(request % (len(body), body))
                status, _, text = read_response(file)
                check(status == 200 and json.loads(text)["length"] == len(body), f"{status} {text[:100]}")
        with connect(proxy) as stream:
            file = stream.makefile("rb")
            stream.sendall(vectors.get() * 200)
            for _ in range(200):
                check(read_response(file)[0] == 200, "a pipelined request")
    return "500 requests"


def write(all_vectors: list[vectors.Vector], found: list[str], peers: dict[str, list[str]]) -> None:
    """The table of differences."""
    rows = [
        f"| `{vector.name.replace('|', chr(92) + '|')}` | {seen} | {' | '.join(others)} |"
        for vector, seen, *others in zip(all_vectors, found, *peers.values())
        if any(other != seen for other in others)
    ]
    page = (NET / "smuggling.md").read_text()
    before, _, _ = page.partition("| vector |")
    table = [f"| vector | nanod | {' | '.join(peers)} |", "| --- | --- |" + " --- |" * len(peers), *rows]
    (NET / "smuggling.md").write_text(before + "\n".join(table) + "\n")


if __name__ == "__main__":
    run("smuggling", every_vector_is_answered_as_it_has_to_be, nginx_in_front_sends_what_the_app_sees, a_proxy_uses_its_connections_again)
