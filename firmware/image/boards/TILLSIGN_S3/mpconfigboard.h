// Any board with an ESP32-S3 and 4 MB of flash or more. PSRAM is not used: with it, take the stock image.

#include "../../common/receiver.h"

// `firmware.device.boards.choice` reads both: "module" stands for any board with this chip.
#define MICROPY_HW_BOARD_NAME           "Tillsign ESP32S3 module"
#define MICROPY_HW_MCU_NAME             "ESP32S3"

// The line is USB, or a UART with a USB chip behind it: whichever socket the board has.
#define MICROPY_HW_ENABLE_UART_REPL     (1)
