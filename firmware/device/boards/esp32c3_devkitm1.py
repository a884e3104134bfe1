"""ESP32-C3-DevKitM-1, and ESP32-C3-DevKitC-02 with the same pins.

Source: Espressif, "ESP32-C3-DevKitM-1": RGB LED on GPIO 8, Boot on GPIO 9.
"""

from . import ADDRESSABLE

NAME = "esp32-c3-devkitm-1"
CHIP = "ESP32C3"
LAMP = ADDRESSABLE
LAMP_PIN = 8
BUTTON = 9  # BOOT: pressed at reset it starts the ROM's loader
