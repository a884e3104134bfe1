"""Whether this interpreter turns viper into machine code: every board does, and most others."""

from __future__ import annotations

import sys

# Bits 10 to 13 name the machine that native code in an .mpy file is for; 0 is none, as on CPython.
NATIVE = bool(getattr(sys.implementation, "_mpy", 0) >> 10 & 15)
