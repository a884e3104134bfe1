"""Memory that hashing and sealing work in: allocated once, zero before and after every use.

In a full heap it takes longer to find 800 bytes than to hash them. One call uses it at a time:
what works in slices may not.
"""

from __future__ import annotations

from .native import NATIVE

if NATIVE:
    from receiver.crypto.kernels.limbs import wipe as wipe
else:
    from receiver.crypto.twins.limbs import wipe as wipe

SIZE = 904  # bytes: SHA-512's work area and its last block
SCRATCH = memoryview(bytearray(SIZE))
