"""workerd with one app, or with many that a worker in front tells apart by Host: prints its address, and serves until it is killed.

workerd_server.py APPS
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

APP = """export default { async fetch(request) {
    if (request.method === 'POST') return Response.json(await request.json());
    return new Response('Hello, world!');
} };
"""
FRONT = """export default { fetch(request, env) {
    return env[request.headers.get('host').split('.')[0]].fetch(request);
} };
"""


def config(apps: int) -> str:
    """The socket's worker is the app, or the one that hands on to the apps."""
    worker = '(modules = [(name = "main.js", esModule = {script})], compatibilityDate = "2026-08-01"{more})'
    services = ['(name = "front", worker = .front)']
    workers = []
    more = ""
    if apps > 1:
        services += [f'(name = "app{n}", worker = .app{n})' for n in range(apps)]
        workers = [f"const app{n} :Workerd.Worker = {worker.format(script=json.dumps(APP), more='')};" for n in range(apps)]
        more = ", bindings = [" + ", ".join(f'(name = "app{n}", service = "app{n}")' for n in range(apps)) + "]"
    front = worker.format(script=json.dumps(FRONT if apps > 1 else APP), more=more)
    return "\n".join([
        'using Workerd = import "/workerd/workerd.capnp";',
        f"const config :Workerd.Config = (services = [{', '.join(services)}],",
        '  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "front")]);',
        f"const front :Workerd.Worker = {front};",
        *workers,
    ])


def main() -> None:
    binary = next(pathlib.Path(__file__).resolve().parents[1].glob("node_modules/@cloudflare/workerd-*/bin/workerd"))
    read, write = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "config.capnp")
        path.write_text(config(int(sys.argv[1])))
        with subprocess.Popen([str(binary), "serve", str(path), f"--control-fd={write}"], pass_fds=[write]) as process:
            os.close(write)
            with os.fdopen(read) as lines:
                for line in lines:
                    event = json.loads(line)
                    if event["event"] == "listen":
                        print(f"127.0.0.1:{event['port']}", flush=True)
            process.wait()


if __name__ == "__main__":
    main()
