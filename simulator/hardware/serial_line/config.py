"""The configuration of one line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

BOOT_TEXT = (
    "ESP-ROM:esp32c3-api1-20210207\r\n"
    "Build:Feb  7 2021\r\n"
    "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n"
    "SPIWP:0xee\r\n"
    "mode:DIO, clock div:1\r\n"
    "entry 0x403cbf10\r\n"
)


@dataclass(frozen=True)
class Config:
    """Paths, the receiver's command, and the properties of the line."""

    serial: str  # the symlink that the host opens
    control: str  # the unix socket for faults
    argv: list[str]  # the receiver
    log: str  # the file to which its standard error is appended
    cwd: str | None = None
    env: dict[str, str] = field(default_factory=dict)  # added to the line's own environment
    rate: int = 115_200  # baud, ten bits a byte; 0 is unlimited
    ring: int = 260  # bytes in the chip's input buffer; more are dropped
    hold_ms: int = 200  # the chip drops its output after so long without a reader
    reset_on_open: bool = False  # the host's open resets the chip, as USB-UART bridges do
    boot_text: str = BOOT_TEXT
    seed: int = 0  # of the random bytes

    def to_json(self) -> str:
        """Encode as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Decode; TypeError on a key that is missing or unknown."""
        return cls(**json.loads(text))
