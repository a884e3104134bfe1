"""ESP32-S3-DevKitC-1 v1.1, with PSRAM or without.

Source: Espressif, "ESP32-S3-DevKitC-1 v1.1": RGB LED on GPIO 38. GPIO 35 to 37 are lines of octal
flash or PSRAM.
"""

from . import ADDRESSABLE

NAME = "esp32-s3-devkitc-1"
CHIP = "ESP32S3"
LAMP = ADDRESSABLE
LAMP_PIN = 38
BUTTON = 0  # BOOT
