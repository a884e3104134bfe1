"""What stands in for hardware: radio, serial line, MicroPython's missing modules."""
