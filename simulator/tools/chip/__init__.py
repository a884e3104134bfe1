"""Chip truth without a chip: what mpy-cross makes of the kernels, run and counted in an emulator.

from simulator.tools import chip

compress = chip.kernel("receiver/crypto/kernels/sha512.py", "compress")
compress.call(state, block, 3)  # buffers are changed in place, as on the chip
compress.instructions
"""

from __future__ import annotations

from .emulator import Kernel, KernelFault, kernel

__all__ = ["Kernel", "KernelFault", "kernel"]
