"""Replacements for hardware: radio, serial line, MicroPython's missing modules."""
