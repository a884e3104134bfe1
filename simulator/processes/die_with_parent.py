"""Run a module in a process that dies with its parent.

Usage: python -m simulator.processes.die_with_parent MODULE ARGUMENT…

However a world ends, even by SIGKILL, no process is left behind.
"""

from __future__ import annotations

import ctypes
import runpy
import signal
import sys

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG

_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Make this process end with its parent, however that ends; on Linux only."""
    if sys.platform == "linux":
        _libc.prctl(_DEATH_SIGNAL, signal.SIGKILL)


def main() -> None:
    """Run the module with its own name and arguments, as `python -m` does."""
    die_with_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
