"""ESP32-C3 SuperMini: a plain lamp between 3.3 V and the pin.

Source: Random Nerd Tutorials, "Getting Started with the ESP32-C3 Super Mini" (GPIO 8, inverted);
Zephyr, `boards/others/esp32c3_supermini` (button GPIO 9; it calls the lamp active high). Makers
differ: some put an addressable lamp beside it, or the lamp on GPIO 10.
"""

from . import LIT_BY_LOW

NAME = "esp32-c3-supermini"
CHIP = "ESP32C3"
LAMP = LIT_BY_LOW
LAMP_PIN = 8
BUTTON = 9  # BOOT: pressed at reset it starts the ROM's loader
