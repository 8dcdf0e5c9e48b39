"""A bomb in mini-racer, with its limits: mini-racer.py NAME SECONDS CODE"""

import os
import sys

from py_mini_racer import MiniRacer

bombed, neighbour = MiniRacer(), MiniRacer()
bombed.set_hard_memory_limit(32 << 20)
try:
    print(f"bomb: returned {bombed.eval(sys.argv[3], timeout_sec=int(sys.argv[2]))}", flush=True)
except Exception as error:
    print(f"bomb: {type(error).__name__}: {error}", flush=True)
print(f"neighbour: {'well' if neighbour.eval('1 + 1') == 2 else 'wrong'}", flush=True)
# Not the interpreter's own end, which waits for the context.
os._exit(0)
