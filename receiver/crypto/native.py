"""Tell whether this interpreter compiles viper to machine code; boards and most others do."""

from __future__ import annotations

import sys

# Bits 10 to 13 name the machine for native code in an .mpy file; 0 is none, as on CPython.
NATIVE = bool(getattr(sys.implementation, "_mpy", 0) >> 10 & 15)
