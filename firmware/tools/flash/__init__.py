"""Write MicroPython and the firmware into boards; with esptool's library."""
