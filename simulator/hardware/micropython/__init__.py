"""What the Unix port of MicroPython lacks, to be put on its path (this folder, not its parent)."""
