"""Pin map of an ESP32-C3-DevKitM-1 and boards made after it."""

CHIP = "ESP32C3"
NAME = "esp32c3"
LAMP = 8
LAMP_OFF = 0
BUTTON = 9  # BOOT: pressed at reset it starts the ROM's loader, held after it asks for the REPL
BUTTON_PRESSED = 0
