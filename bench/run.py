#!/usr/bin/env python3
"""Measures NANO and the peers that are installed, in the same run.

Builds the release library, runs every program several times with NANO and the peers taking turns, and takes medians.
Prints a table, and writes bench/results/latest.json after every program, so that a run that is interrupted keeps what it
has, and at the end a bar chart per figure that a peer has too. Nothing in bench/results comes from anywhere else.

A slow machine measures less often: every program runs at least once, and again while MEASURE_S_MAX has not passed. A
peer that fails or takes too long is not asked for the same again.

    run.py                 everything
    run.py density start   only these groups: the table, and no files
    run.py --quick         everything with tiny counts, to see that it works: no files, and figures that mean nothing

PROFILE=debug takes debug builds, also to see that it works.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import comparison
import plot

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
RESULTS = ROOT / "bench" / "results"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PROFILE = os.environ.get("PROFILE", "release")
RELEASE = TARGET / PROFILE
OUT = TARGET / "bench"
PROGRAM_S_MAX = 120
BUILD_S_MAX = 3600
# After this only what has no value yet is measured, unless everything is to have all its rounds. With the bomb suite it keeps a whole run near
# a quarter of an hour.
MEASURE_S_MAX = 540


def peers() -> dict[str, list[str]]:
    """The command of each peer that is installed; it takes how many instances to start."""
    modules, python = PEERS / "node_modules", PEERS / ".venv" / "bin" / "python"
    commands = {
        "workerd": (next(modules.glob("@cloudflare/workerd-*/bin/workerd"), None), [sys.executable, "workerd.py"]),
        "isolated-vm": (modules / "isolated-vm" / "out" / "isolated_vm.node", ["node", "--no-node-snapshot", "isolated-vm.mjs"]),
        "mini-racer": (python, [str(python), "mini-racer.py"]),
        "v8go": (PEERS / "v8go" / "v8go", [str(PEERS / "v8go" / "v8go"), "density"]),
        "deno": (modules / ".bin" / "deno", [str(modules / ".bin" / "deno"), "run", "--allow-all", "--no-prompt", "worker.mjs"]),
        "bun": (modules / ".bin" / "bun", [str(modules / ".bin" / "bun"), "worker.mjs"]),
    }
    return {name: command for name, (file, command) in commands.items() if file and file.exists()}


class Figures:
    """Everything measured: the samples of each figure, of NANO and of each peer."""

    def __init__(self, quick: bool, measure_s_max: float, file: pathlib.Path | None) -> None:
        self.quick = quick
        self.measure_s_max = measure_s_max
        self.file = file
        self.began = time.monotonic()
        self.failed: set[tuple[str, ...]] = set()
        self.units: dict[str, str] = {}
        self.notes: dict[str, list[str]] = {}
        self.samples: dict[str, dict[str, list[float]]] = {}
        self.failures: list[tuple[str, str]] = []

    def rounds(self, count: int) -> Iterator[int]:
        """So many rounds, or fewer when time is up, but one."""
        for number in range(1 if self.quick else count):
            if number > 0 and time.monotonic() - self.began > self.measure_s_max:
                print(f"  time is up: {number} rounds of {count}", file=sys.stderr)
                return
            yield number

    @contextlib.contextmanager
    def unmeasured(self) -> Iterator[None]:
        """What is built meanwhile takes no time of the measuring."""
        began = time.monotonic()
        yield
        self.began += time.monotonic() - began

    def few(self, count: int, tiny: int) -> int:
        """A count, or the one of a quick run."""
        return tiny if self.quick else count

    def add(self, who: str, figure: dict, suffix: str = "") -> None:
        name = figure["name"] + suffix
        if who == "nano":
            self.units[name] = figure["unit"]
        notes = self.notes.setdefault(name, [])
        # The last run's note of each.
        self.notes[name] = [note for note in notes if note[0] != who] + [(who, figure["note"])]
        if figure["value"] is not None:
            self.samples.setdefault(name, {}).setdefault(who, []).append(figure["value"])

    def run(self, who: str, command: list[str], suffix: str = "", cwd: pathlib.Path = ROOT) -> None:
        """Runs a program once and takes the figures it prints."""
        if tuple(command) in self.failed:
            return
        program = " ".join(pathlib.Path(part).name for part in command)
        print(f"  {time.monotonic() - self.began:4.0f} s  {who}: {program}", file=sys.stderr)
        environment = {**os.environ, "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        try:
            printed = output_of(command, cwd, environment)
        except (subprocess.SubprocessError, OSError) as error:
            self.failures.append((who, str(error)))
            self.failed.add(tuple(command))
            return
        for line in printed.splitlines():
            if line.startswith("{"):
                self.add(who, json.loads(line), suffix)
        self.save()

    def relate(self, name: str, one: str, to: str, note: str) -> None:
        """A figure of each that has two others: the median of the one, as a share of the other's."""
        for who in self.samples.get(one, {}):
            if who in self.samples.get(to, {}):
                value = statistics.median(self.samples[one][who]) / statistics.median(self.samples[to][who])
                self.add(who, {"name": name, "value": value, "unit": "share", "note": note})
        self.save()

    def compare(self, name: str, figure: str, to: str, note: str) -> None:
        """A figure as a share of a peer's: of the medians."""
        samples = self.samples.get(figure, {})
        if "nano" in samples and to in samples:
            value = statistics.median(samples["nano"]) / statistics.median(samples[to])
            self.add("nano", {"name": name, "value": value, "unit": "share", "note": note})
            self.save()

    def save(self) -> None:
        """Writes what there is, whole or not at all."""
        if self.file:
            self.file.parent.mkdir(exist_ok=True)
            part = self.file.with_suffix(".part")
            part.write_text(json.dumps(self.results(), indent=2) + "\n")
            part.replace(self.file)

    def results(self) -> list[dict]:
        """What latest.json holds: figures that NANO has, with the peers that have them too."""
        rows = []
        for name, unit in self.units.items():
            times = {who: len(values) for who, values in self.samples[name].items()}
            samples = {who: statistics.median(values) for who, values in self.samples[name].items()}
            rows.append({
                "name": name,
                "value": round(samples.pop("nano"), 3),
                "unit": unit,
                "peers": {who: round(value, 3) for who, value in sorted(samples.items())},
                "runs": times["nano"],
                "note": "; ".join(dict.fromkeys(note_of(note, times.get(who, 0), times["nano"]) for who, note in self.notes[name])),
            })
        return rows


def note_of(note: str, times: int, of_nano: int) -> str:
    """A note; says how often a peer ran where that is not as often as NANO."""
    return note if times in (0, of_nano) else f"{note} ({times} run{'s' if times > 1 else ''})"


def output_of(command: list[str], cwd: pathlib.Path, environment: dict[str, str]) -> str:
    """What a program prints; it is ended, with all that it has started, when it takes too long."""
    with subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          start_new_session=True) as process:
        try:
            printed, _ = process.communicate(timeout=PROGRAM_S_MAX)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return printed


def density(figures: Figures) -> None:
    count = figures.few(200, 10)
    for _ in figures.rounds(3):
        figures.run("nano", [str(RELEASE / "density"), str(count)])
        for who, command in peers().items():
            figures.run(who, [*command, str(count)], cwd=PEERS)
    count = figures.few(1000, 20)
    for number in figures.rounds(3):
        figures.run("nano", [str(RELEASE / "density"), str(count)], ".1000")
        for who, command in peers().items():
            # Once, because it takes them long. Deno and Bun not at all: a thread and many megabytes for each, and a thousand
            # of them say nothing that two hundred do not.
            if number == 0 and who not in ("deno", "bun"):
                figures.run(who, [*command, str(count)], ".1000", PEERS)


def start(figures: Figures) -> None:
    # The peers' programs measure starts along with density.
    measured = set(figures.samples.get("start.cpu_ms", {}))
    for _ in figures.rounds(5):
        figures.run("nano", [str(RELEASE / "start")])
        for who, command in peers().items():
            if who not in measured:
                figures.run(who, [*command, str(figures.few(100, 10))], cwd=PEERS)


def cold(figures: Figures) -> None:
    for _ in figures.rounds(5):
        figures.run("nano", [str(RELEASE / "cold"), str(figures.few(100_000, 1_000))])


def dispatch(figures: Figures) -> None:
    for _ in figures.rounds(3):
        figures.run("nano", [str(OUT / "dispatch")])


def neighbour(figures: Figures) -> None:
    seconds = str(figures.few(5, 1))
    for _ in figures.rounds(5):
        figures.run("nano", [str(RELEASE / "neighbour"), seconds])
    if "workerd" in peers():
        figures.run("workerd", [*peers()["workerd"], "--neighbour", seconds], cwd=PEERS)


def web(figures: Figures) -> None:
    """The web platform. Node is always there: it installs the peers."""
    # Everything a hundredth as often.
    quick = str(figures.few(1, 100))
    # A runtime as the interpreter of the same script, or a script that drives it.
    found = peers()
    programs = {"node": ["node", "web.mjs"]} if shutil.which("node") else {}
    for who in ("deno", "bun"):
        if who in found:
            programs[who] = [*found[who][:-1], "web.mjs"]
    if "workerd" in found:
        programs["workerd"] = [*found["workerd"], "--web"]
    for _ in figures.rounds(3):
        figures.run("nano", [str(RELEASE / "web"), quick])
        for who, command in programs.items():
            figures.run(who, [*command, quick], cwd=PEERS)


def http(figures: Figures) -> None:
    """The listener. Node is always there; the ceiling is a loop in C that does not even parse."""
    if not shutil.which("wrk") or not shutil.which("taskset"):
        print("  left out: wrk or taskset is not installed", file=sys.stderr)
        return
    seconds, apps = str(figures.few(8, 1)), "1000"
    found = peers()
    # The command, and that for many apps. A runtime without isolation has no thousand apps to tell apart.
    servers: dict[str, tuple[list[str], list[str] | None]] = {
        "nano": ([str(RELEASE / "http"), "1", "1"], [str(RELEASE / "http"), "1", apps]),
        "c-epoll": ([str(OUT / "ceiling")], None),
        "node": (["node", "http/server.mjs"], None),
    }
    for who in ("deno", "bun"):
        if who in found:
            servers[who] = ([*found[who][:-1], "http/server.mjs"], None)
    if "workerd" in found:
        server = [sys.executable, "http/workerd_server.py"]
        servers["workerd"] = ([*server, "1"], [*server, apps])
    for number in figures.rounds(5):
        for who, (one, many) in servers.items():
            figures.run(who, [sys.executable, "http/load.py", seconds, "hello,json", *one], cwd=PEERS)
            # Most of a minute each.
            if many and number < 2:
                figures.run(who, [sys.executable, "http/load.py", seconds, "apps1000", *many], cwd=PEERS)
    figures.relate("http.apps1000.share", "http.apps1000.rps", "http.hello.rps", "of the requests per second with one app and 64 connections")


def clients(figures: Figures) -> None:
    """What clients have of the listener under attack, and what one costs that idles."""
    command = ["env", "NET_FIGURES=1", "tests/net/run.sh", PROFILE, *([] if figures.quick else ["long"])]
    for number in figures.rounds(5):
        figures.run("nano", [*command, "healthy", *(["ten_thousand"] if number == 0 else [])])


def python(figures: Figures) -> None:
    """The Python binding beside mini-racer, and an ASGI server whose hello is an app's or Python's own."""
    here = ROOT / "bench" / "python"
    with figures.unmeasured():
        interpreter = str(python_venv(here / "requirements.txt"))
    count = str(figures.few(100_000, 256))
    seconds = str(figures.few(8, 1))
    load = [sys.executable, str(PEERS / "http" / "load.py"), seconds, "hello", interpreter, str(here / "serve.py")]
    served = shutil.which("wrk") and shutil.which("taskset")
    if not served:
        print("  left out: wrk or taskset is not installed", file=sys.stderr)
    for _ in figures.rounds(5):
        figures.run("nano", [interpreter, str(here / "embed.py"), "nano", count])
        figures.run("mini-racer", [interpreter, str(here / "embed.py"), "mini-racer", count])
        if served:
            figures.run("nano", [*load, "nano"], ".asgi")
            figures.run("python", [*load, "python"], ".asgi")
    figures.compare("python.asgi.share", "http.hello.rps.asgi", "python", "of the requests per second of the same hello written in Python")
    host(figures, "python", [interpreter, str(here / "embed.py")])


def node(figures: Figures) -> None:
    """The Node binding beside isolated-vm."""
    if not shutil.which("node"):
        print("  left out: node is not installed", file=sys.stderr)
        return
    program = str(ROOT / "bench" / "node" / "embed.mjs")
    with figures.unmeasured():
        folder = node_folder()
    count = str(figures.few(128_000, 640))
    for _ in figures.rounds(5):
        figures.run("nano", ["node", program, "nano", count], cwd=folder)
        if "isolated-vm" in peers():
            figures.run("isolated-vm", ["node", "--no-node-snapshot", program, "isolated-vm", count], cwd=PEERS)
    host(figures, "node", ["node", program], folder)


def node_folder() -> pathlib.Path:
    """A folder with the package as npm installs it."""
    tarballs, folder = OUT / "npm", OUT / "node"
    shutil.rmtree(tarballs, ignore_errors=True)
    subprocess.run(["bindings/node/dist.sh", PROFILE, str(tarballs)], cwd=ROOT, stdout=subprocess.DEVNULL, check=True, timeout=BUILD_S_MAX)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{ "private": true }\n')
    # The package of the platform first; both are here, and no registry is asked.
    install = ["npm", "install", "--offline", "--silent", "--no-audit", "--no-fund"]
    subprocess.run([*install, *map(str, sorted(tarballs.glob("*.tgz"), reverse=True))], cwd=folder, check=True, timeout=BUILD_S_MAX)
    return folder


def go(figures: Figures) -> None:
    """The Go binding beside v8go."""
    compiler = shutil.which("go") or next(map(str, TARGET.glob("tools/venv/lib/python3*/site-packages/go/bin/go")), None)
    if not compiler:
        print("  left out: go is not installed", file=sys.stderr)
        return
    # What make install would lay down.
    template = (ROOT / "nano-ffi" / "nano.pc.in").read_text().splitlines()
    own = {"libdir": f"libdir={OUT}", "includedir": f"includedir={ROOT / 'include'}"}
    (OUT / "nano.pc").write_text("\n".join(own.get(line.split("=")[0], line).replace("@VERSION@", "0") for line in template) + "\n")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(OUT), "GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_LDFLAGS": f"-Wl,-rpath,{OUT}"}
    program = str(OUT / "go")
    with figures.unmeasured():
        subprocess.run([compiler, "build", "-o", program, "."], cwd=ROOT / "bench" / "go", env=environment, check=True, timeout=BUILD_S_MAX)
    count = str(figures.few(256_000, 640))
    for _ in figures.rounds(5):
        figures.run("nano", [program, "calls", count])
        if "v8go" in peers():
            figures.run("v8go", [peers()["v8go"][0], "calls", count])
    host(figures, "go", [program])


def host(figures: Figures, language: str, command: list[str], cwd: pathlib.Path = ROOT) -> None:
    """Memory and start of an app in a host of a language, beside those in a host in C."""
    apps = str(figures.few(200, 5))
    for _ in figures.rounds(3):
        for what in ("density", "start"):
            figures.run("nano", [*command, what, apps], cwd=cwd)
            figures.run("c", [str(OUT / "host"), language, what, apps])


def python_venv(requirements: pathlib.Path) -> pathlib.Path:
    """The interpreter of an environment with the wheel and what it is measured beside."""
    wheels, venv = OUT / "wheels", OUT / "python"
    wheels.mkdir(parents=True, exist_ok=True)
    subprocess.run(["bindings/python/dist.sh", PROFILE, str(wheels)], cwd=ROOT, stdout=subprocess.DEVNULL, check=True, timeout=BUILD_S_MAX)
    interpreter = venv / "bin" / "python"
    if not interpreter.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=BUILD_S_MAX)
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", str(requirements)], check=True, timeout=BUILD_S_MAX)
    subprocess.run([*pip, "--no-deps", "--force-reinstall", *map(str, wheels.glob("*.whl"))], check=True, timeout=BUILD_S_MAX)
    return interpreter


def bombs(figures: Figures) -> None:
    """Counts the rows of the table that the bomb suite prints; it prints none unless the process and the neighbour survived."""
    command = ["cargo", "test", "--locked", "-p", "nano-core", "--test", "bombs", "--", "--nocapture", "no_bomb"]
    print(f"  {time.monotonic() - figures.began:4.0f} s  nano: the bomb suite", file=sys.stderr)
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              timeout=BUILD_S_MAX, check=True)
    except (subprocess.SubprocessError, OSError) as error:
        figures.failures.append(("nano", str(error)))
        return
    rows = re.findall(r"^\| .+ \| \d: .+ \| \d+ \| ([\d.]+) \| \d+ \| \d+ \|$", done.stdout, re.MULTILINE)
    if not rows:
        figures.failures.append(("nano", "the bomb suite printed no table"))
        return
    worst = max(map(float, rows))
    note = f"of {len(rows)} bombs, each beside a healthy app whose slowest answer took {worst} ms (test build)"
    figures.add("nano", {"name": "bombs.survived", "value": len(rows), "unit": "bombs", "runs": 1, "note": note})
    figures.save()


GROUPS = {"density": density, "start": start, "cold": cold, "dispatch": dispatch, "neighbour": neighbour, "web": web,
          "http": http, "clients": clients, "python": python, "node": node, "go": go, "bombs": bombs}


def build() -> None:
    """The library, the Rust programs and the C ones."""
    profile = ["--release"] if PROFILE == "release" else []
    subprocess.run(["cargo", "build", *profile, "--locked", "-p", "nano-ffi", "-p", "nano-bench"], cwd=ROOT, check=True,
                   timeout=BUILD_S_MAX)
    OUT.mkdir(exist_ok=True)
    # The loader looks for the soname.
    for link, to in (("libnano.so", RELEASE / "libnano.so"), ("libnano.so.0", pathlib.Path("libnano.so"))):
        (OUT / link).unlink(missing_ok=True)
        (OUT / link).symlink_to(to)
    for program in ("dispatch", "host"):
        subprocess.run(["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Iinclude", f"bench/{program}.c", "-o", str(OUT / program),
                        f"-L{OUT}", "-lnano", f"-Wl,-rpath,{OUT}"], cwd=ROOT, check=True, timeout=BUILD_S_MAX)
    subprocess.run(["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "bench/peers/http/ceiling.c", "-o", str(OUT / "ceiling")], cwd=ROOT,
                   check=True, timeout=BUILD_S_MAX)


def table(rows: list[dict]) -> str:
    """A line per figure; beside a peer's value how many times NANO's it is."""
    names = sorted({who for row in rows for who in row["peers"]})
    lines = [["figure", "unit", "NANO", *names]]
    for row in rows:
        lines.append([row["name"], row["unit"], f"{row['value']:,.2f}", *(peer_cell(row, who) for who in names)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = []
    for line in lines:
        cells = [cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def peer_cell(row: dict, who: str) -> str:
    value = row["peers"].get(who)
    if value is None:
        return ""
    return f"{value:,.2f} ({value / row['value']:.1f}x)" if row["value"] > 0 else f"{value:,.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="tiny counts, and no files")
    parser.add_argument("--long", action="store_true", help="all rounds of everything: most of an hour")
    arguments = parser.parse_args()
    chosen = arguments.groups or list(GROUPS)
    if not set(chosen) <= set(GROUPS):
        parser.error(f"the groups are {', '.join(GROUPS)}")
    build()
    print(f"peers: {', '.join(peers()) or 'none installed (make bench-peers)'}", file=sys.stderr)
    whole = chosen == list(GROUPS) and not arguments.quick and PROFILE == "release"
    figures = Figures(arguments.quick, math.inf if arguments.long else MEASURE_S_MAX, RESULTS / "latest.json" if whole else None)
    for number, name in enumerate(chosen, 1):
        print(f"{name} ({number} of {len(chosen)})", file=sys.stderr)
        GROUPS[name](figures)
    rows = figures.results()
    print(table(rows))
    for row in rows:
        print(f"{row['name']}: {row['note']}")
    for who, failure in figures.failures:
        print(f"failed: {who}: {failure}", file=sys.stderr)
    # A peer that fails has no value; NANO failing is a failure of the run.
    failed = any(who == "nano" for who, _ in figures.failures)
    if whole and not failed:
        plot.write(rows, RESULTS)
        comparison.write(rows)
        print(f"written: {RESULTS.relative_to(ROOT)}/latest.json, its plots, and the table of docs/comparison.md", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
