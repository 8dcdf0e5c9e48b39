#!/usr/bin/env python3
"""Measures NANO and the peers that are installed, in the same run.

Builds the release library, runs every program several times with NANO and the peers taking turns, and takes medians.
Prints a table, and writes bench/results/latest.json and a bar chart per figure that a peer has too. Nothing in
bench/results comes from anywhere else.

    run.py                 everything
    run.py density start   only these groups: the table, and no files
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

import plot

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "bench" / "peers"
RESULTS = ROOT / "bench" / "results"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
RELEASE = TARGET / "release"
OUT = TARGET / "bench"
PROGRAM_S_MAX = 600
BUILD_S_MAX = 3600
NEIGHBOUR_S = 5


def peers() -> dict[str, list[str]]:
    """The command of each peer that is installed; it takes how many instances to start."""
    modules, python = PEERS / "node_modules", PEERS / ".venv" / "bin" / "python"
    commands = {
        "workerd": (next(modules.glob("@cloudflare/workerd-*/bin/workerd"), None), [sys.executable, "workerd.py"]),
        "isolated-vm": (modules / "isolated-vm" / "out" / "isolated_vm.node", ["node", "--no-node-snapshot", "isolated-vm.mjs"]),
        "mini-racer": (python, [str(python), "mini-racer.py"]),
        "deno": (modules / ".bin" / "deno", [str(modules / ".bin" / "deno"), "run", "--allow-all", "--no-prompt", "worker.mjs"]),
        "bun": (modules / ".bin" / "bun", [str(modules / ".bin" / "bun"), "worker.mjs"]),
    }
    return {name: command for name, (file, command) in commands.items() if file and file.exists()}


class Figures:
    """Everything measured: the samples of each figure, of NANO and of each peer."""

    def __init__(self) -> None:
        self.units: dict[str, str] = {}
        self.notes: dict[str, list[str]] = {}
        self.samples: dict[str, dict[str, list[float]]] = {}
        self.failures: list[tuple[str, str]] = []

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
        print(f"  {who}: {' '.join(pathlib.Path(part).name for part in command)}", file=sys.stderr)
        environment = {**os.environ, "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}
        try:
            done = subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  text=True, timeout=PROGRAM_S_MAX, check=True)
        except (subprocess.SubprocessError, OSError) as error:
            self.failures.append((who, str(error)))
            return
        for line in done.stdout.splitlines():
            if line.startswith("{"):
                self.add(who, json.loads(line), suffix)

    def results(self) -> list[dict]:
        """What latest.json holds: figures that NANO has, with the peers that have them too."""
        rows = []
        for name, unit in self.units.items():
            samples = {who: statistics.median(values) for who, values in self.samples[name].items()}
            times = len(self.samples[name]["nano"])
            rows.append({
                "name": name,
                "value": round(samples.pop("nano"), 3),
                "unit": unit,
                "peers": {who: round(value, 3) for who, value in sorted(samples.items())},
                "runs": times,
                "note": "; ".join(note for _, note in self.notes[name]),
            })
        return rows


def density(figures: Figures) -> None:
    for count, suffix in ((200, ""), (1000, ".1000")):
        for _ in range(3):
            figures.run("nano", [str(RELEASE / "density"), str(count)], suffix)
            for who, command in peers().items():
                # A thread and many megabytes for each: a thousand of them say nothing that two hundred do not.
                if count <= 200 or who not in ("deno", "bun"):
                    figures.run(who, [*command, str(count)], suffix, PEERS)


def start(figures: Figures) -> None:
    # The peers' programs measure starts along with density.
    measured = set(figures.samples.get("start.cpu_ms", {}))
    for _ in range(5):
        figures.run("nano", [str(RELEASE / "start")])
        for who, command in peers().items():
            if who not in measured:
                figures.run(who, [*command, "100"], cwd=PEERS)


def cold(figures: Figures) -> None:
    for _ in range(5):
        figures.run("nano", [str(RELEASE / "cold"), "100000"])


def dispatch(figures: Figures) -> None:
    for _ in range(5):
        figures.run("nano", [str(OUT / "dispatch")])


def neighbour(figures: Figures) -> None:
    for _ in range(5):
        figures.run("nano", [str(RELEASE / "neighbour"), str(NEIGHBOUR_S)])
    if "workerd" in peers():
        figures.run("workerd", [*peers()["workerd"], "--neighbour", str(NEIGHBOUR_S)], cwd=PEERS)


def bombs(figures: Figures) -> None:
    """Counts the rows of the table that the bomb suite prints; it prints none unless the process and the neighbour survived."""
    command = ["cargo", "test", "--locked", "-p", "nano-core", "--test", "bombs", "--", "--nocapture", "no_bomb"]
    print("  nano: the bomb suite", file=sys.stderr)
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


GROUPS = {"density": density, "start": start, "cold": cold, "dispatch": dispatch, "neighbour": neighbour, "bombs": bombs}


def build() -> None:
    """The release library, the Rust programs and the C one."""
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "nano-ffi", "-p", "nano-bench"], cwd=ROOT, check=True,
                   timeout=BUILD_S_MAX)
    OUT.mkdir(exist_ok=True)
    # The loader looks for the soname.
    for link, to in (("libnano.so", RELEASE / "libnano.so"), ("libnano.so.0", pathlib.Path("libnano.so"))):
        (OUT / link).unlink(missing_ok=True)
        (OUT / link).symlink_to(to)
    subprocess.run(["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Iinclude", "bench/dispatch.c", "-o", str(OUT / "dispatch"),
                    f"-L{OUT}", "-lnano", f"-Wl,-rpath,{OUT}"], cwd=ROOT, check=True, timeout=BUILD_S_MAX)


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
    chosen = parser.parse_args().groups or list(GROUPS)
    if not set(chosen) <= set(GROUPS):
        parser.error(f"the groups are {', '.join(GROUPS)}")
    build()
    print(f"peers: {', '.join(peers()) or 'none installed (make bench-peers)'}", file=sys.stderr)
    figures = Figures()
    for name in chosen:
        GROUPS[name](figures)
    rows = figures.results()
    print(table(rows))
    for row in rows:
        print(f"{row['name']}: {row['note']}")
    for who, failure in figures.failures:
        print(f"failed: {who}: {failure}", file=sys.stderr)
    # A peer that fails has no value; NANO failing is a failure of the run, and leaves the last results as they are.
    failed = any(who == "nano" for who, _ in figures.failures)
    if chosen == list(GROUPS) and not failed:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latest.json").write_text(json.dumps(rows, indent=2) + "\n")
        plot.write(rows, RESULTS)
        print(f"written: {RESULTS.relative_to(ROOT)}/latest.json and its plots", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
