"""Runs a module in a process that dies with its parent.

Usage: python -m simulator.processes.child MODULE ARGUMENT…

However a world ends, also by SIGKILL, nothing of it is left that starts receivers for ever.
"""

from __future__ import annotations

import runpy
import sys

from simulator.hardware.serial_line.linux import die_with_parent


def main() -> None:
    """The module sees its own name and arguments, as after `python -m`."""
    die_with_parent()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
