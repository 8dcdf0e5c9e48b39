"""Refuses subinterpreters in plain words: the native half holds objects of one interpreter, and its threads outlive the others."""

from __future__ import annotations

import importlib

_WHY = "nano_isolates works in the main interpreter only, not in subinterpreters: use threads, or processes that are spawned"


def _is_main() -> bool:
    # No public name tells, and these two are what versions have that have either.
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = importlib.import_module(name)
        except ImportError:
            continue
        return bool(interpreters.get_current() == interpreters.get_main())
    return True


if not _is_main():
    raise ImportError(_WHY)
try:
    from . import _nano  # noqa: F401
except ImportError as error:
    if "interpreter" not in str(error):
        raise
    raise ImportError(_WHY) from error
