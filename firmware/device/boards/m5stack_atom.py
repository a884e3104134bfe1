"""M5Stack Atom Lite; on an Atom Matrix its first pixel is the lamp.

Source: M5Stack, "Atom-Lite" (RGB G27, Button G39), and `M5STACK_ATOM/modules/atom.py` in
MicroPython.
"""

from . import ADDRESSABLE

NAME = "m5stack-atom"
CHIP = "ESP32-PICO-D4"
LAMP = ADDRESSABLE
LAMP_PIN = 27
BUTTON = 39  # has its own pull-up
