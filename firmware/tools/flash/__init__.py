"""Write MicroPython and the firmware into boards; esptool's library is imported here alone."""
