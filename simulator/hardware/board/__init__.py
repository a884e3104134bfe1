"""A board with nothing but software: boot loader, flash, reset lines, and the firmware in it.

`SimulatedBoard` (in `board.py`) joins them behind one `rfc2217://` URL.
"""
