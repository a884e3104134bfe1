"""ESP32-C6-DevKitC-1.

Source: Espressif, "ESP32-C6-DevKitC-1 v1.2": RGB LED on GPIO 8; Boot on GPIO 9.
"""

from . import ADDRESSABLE

NAME = "esp32-c6-devkitc-1"
CHIP = "ESP32C6"
LAMP = ADDRESSABLE
LAMP_PIN = 8
BUTTON = 9  # BOOT: pressed at reset it starts the ROM's loader
