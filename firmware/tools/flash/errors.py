"""Why a board was not flashed, in words that say what to do."""

from __future__ import annotations


class FlashError(Exception):
    """`code` is for programs, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


NO_PORT = "no_port"
PORT_BUSY = "port_busy"
PERMISSION = "permission_denied"
NO_ANSWER = "no_answer"
LOST = "board_lost"
WRONG_IMAGE = "wrong_image"
WRONG_CHIP = "wrong_chip"
WRONG_BUILD = "wrong_build"
FLASH_TOO_SMALL = "flash_too_small"
NO_PSRAM = "no_psram"
NOT_VERIFIED = "not_verified"
RESET_LOOP = "reset_loop"
WRONG_BAUD = "wrong_baud"
SILENT = "silent"
