"""What the peers written in Python share: process memory and CPU time, a JSON line per figure, the idle time."""

import json
import pathlib

IDLE_S = 3
HELLO = "export default { fetch(request) { return new Response('Hello World'); } };\n"


def resident_kb(pid: int | str) -> float:
    """Resident kilobytes of a process, by smaps."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return float(line.split()[1])
    raise RuntimeError("no line for Rss")


def cpu_ms(pid: int | str) -> float:
    """CPU milliseconds of a process, all threads that are alive."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e6


def report(name: str, value: float | None, unit: str, note: str) -> None:
    """Prints one figure for the runner to collect; None where there is nothing to measure, and the note says why."""
    print(json.dumps({"name": name, "value": value, "unit": unit, "runs": 1, "note": note}), flush=True)
