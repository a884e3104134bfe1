"""The first ESP32-S3-DevKitC-1, with PSRAM or without.

Source: Espressif, "ESP32-S3-DevKitC-1 v1.0": RGB LED on GPIO 48, which works at 1.8 V where the
module's flash does (its name ends in V).
"""

from . import ADDRESSABLE

NAME = "esp32-s3-devkitc-1-v1.0"
CHIP = "ESP32S3"
LAMP = ADDRESSABLE
LAMP_PIN = 48
BUTTON = 0  # BOOT
