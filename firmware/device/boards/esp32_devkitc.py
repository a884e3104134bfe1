"""ESP32-DevKitC with an ESP32-WROOM or ESP32-WROVER module: it has no lamp of its own.

Source: Espressif, "ESP32-DevKitC V4 Getting Started Guide". GPIO 6 to 11 are the flash's lines,
16 and 17 those of a WROVER's PSRAM: driving one stops the chip.
"""

from . import NO_LAMP

NAME = "esp32-devkitc"
CHIP = "ESP32"
LAMP = NO_LAMP
LAMP_PIN = -1
BUTTON = 0  # BOOT
