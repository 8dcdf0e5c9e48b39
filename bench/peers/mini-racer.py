"""mini-racer: N bare contexts, without any web API, in one process. mini-racer.py COUNT"""

import statistics
import sys
import time

from common import IDLE_S, report, resident_kb
from py_mini_racer import MiniRacer


def start():
    """A context that has run the small app's equivalent once."""
    context = MiniRacer()
    if context.eval("globalThis.fetch = () => 'Hello World'; fetch()") != "Hello World":
        raise RuntimeError("a wrong answer")
    return context


def main(count: int) -> None:
    kept = [start()]
    before = resident_kb("self")
    spent = []
    for _ in range(count):
        began = time.process_time()
        kept.append(start())
        spent.append((time.process_time() - began) * 1000)
    time.sleep(IDLE_S)
    note = f"mini-racer: {count} bare contexts, no web APIs"
    report("density.idle_rss_kb", (resident_kb("self") - before) / count, "KB", note)
    report("start.cpu_ms", statistics.median(spent), "ms", note)


main(int(sys.argv[1]))
