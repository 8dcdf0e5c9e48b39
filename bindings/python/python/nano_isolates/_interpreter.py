"""Refuses in plain words where it cannot work. In subinterpreters: the native half holds objects of one interpreter, and its threads outlive
the others. In builds without a GIL: theirs is another ABI."""

from __future__ import annotations

import importlib
import sysconfig

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
except SystemError as error:
    # Objects are laid out otherwise there, and the native half is of those that have a GIL. pip refuses it, a copied folder gets here.
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise
    raise ImportError("this nano_isolates is built for Python with a GIL (abi3), and this Python has none: use one that has") from error
