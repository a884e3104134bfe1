"""The cost of the device's arithmetic on a chip: whole operations on the RISC-V machine.

`simulator/tools/chip/operations.py` says how it measures. Beside them stands the same in plain
integers, measured there too.
"""

from __future__ import annotations

from simulator.tools.chip import build, operations

from .rows import ROWS, Figure, K, M

_SCALE = {M: 1_000_000, K: 1_000}
_KB = 1000
_UNKNOWN_KEY = {"ed25519_verify": "ed25519_check", "p256_verify": "p256_check"}


def measure() -> dict[str, Figure]:
    """Measure every operation, its bytes, the longest slice, and the native code of all kernels.

    Raises ProgramError if a result is wrong, ToolsMissingError without the machine.
    """
    found, plain = operations.measure(), operations.plain()
    counted = {
        name: _figure(name, spent.instructions, plain.get(_UNKNOWN_KEY.get(name, name)))
        for name, spent in found.operations.items()
        if name in ROWS
    }
    return {
        **counted,
        **{f"{name}_bytes": Figure(found.operations[name].bytes / _KB) for name in _UNKNOWN_KEY},
        "longest_slice": Figure(
            max(spent.longest_slice for spent in found.operations.values()) / _SCALE[M]
        ),
        "collection": Figure(found.collection / _SCALE[M]),
        "kernels_xtensawin": Figure(sum(build.sizes("xtensawin").values())),
    }


def _figure(name: str, instructions: int, plain: int | None) -> Figure:
    scale = _SCALE[ROWS[name].unit]
    return Figure(instructions / scale, bound=None if plain is None else plain / scale)
