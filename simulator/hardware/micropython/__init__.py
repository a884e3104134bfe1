"""Modules that MicroPython's Unix port lacks; put this folder, not its parent, on its path."""
