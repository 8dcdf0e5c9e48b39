"""The table of docs/comparison.md, from the figures of a whole run: comparison.py writes it from bench/results/latest.json."""

import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "comparison.md"
BEGIN, END = "<!-- figures -->\n", "<!-- /figures -->"
PEERS = ("isolated-vm", "mini-racer", "v8go", "workerd")
# What is measured, in words; a figure that the run does not have has no line.
FIGURES = {
    "density.idle_rss_kb": ("memory of an idle app, of 200", "KB"),
    "density.idle_rss_kb.1000": ("the same, of 1,000", "KB"),
    "density.used_rss_kb": ("after eleven requests", "KB"),
    "density.returned_pct": ("memory given back after unloading", "%"),
    "start.cpu_ms": ("CPU from load to the first answer", "ms"),
    "start.pooled_cpu_ms": ("the same, from the pool of started isolates", "ms"),
    "neighbour.p99_ms": ("99th percentile of a healthy app while a neighbour loops", "ms"),
    "dispatch.per_s": ("requests in process through `nano.h`, one thread", "/s"),
    "http.hello.rps": ("requests over HTTP, one thread, 64 connections", "/s"),
    "node.fetch": ("from Node: `app.fetch` / `applySync`, a text in and out", "/s"),
    "node.invoke": ("from Node: `app.invoke` / the same `applySync`", "/s"),
    "python.fetch_sync": ("from Python: `app.fetch_sync`", "/s"),
    "python.invoke_sync": ("from Python: `app.invoke_sync` / `eval`", "/s"),
    "go.handler": ("from Go: `ServeHTTP` from 64 goroutines / a function's call, one at a time", "/s"),
}


def table(rows: list[dict]) -> str:
    known = {row["name"]: row for row in rows}
    lines = [f"| | NANO | {' | '.join(PEERS)} |", f"| --- |{' --- |' * (len(PEERS) + 1)}"]
    for name, (words, unit) in FIGURES.items():
        if row := known.get(name):
            cells = [cell(value, unit) for value in (row["value"], *(row["peers"].get(peer) for peer in PEERS))]
            lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def cell(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}{'' if unit.startswith('/') else ' '}{unit}"


def write(rows: list[dict]) -> None:
    """Replaces the page's table."""
    before, rest = PAGE.read_text().split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + "\n" + table(rows) + "\n" + END + after)


if __name__ == "__main__":
    write(json.loads((ROOT / "bench" / "results" / "latest.json").read_text()))
