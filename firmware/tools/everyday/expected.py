"""What a board should need, from what the RISC-V machine counts (docs/hardware.md).

An ESP32-C3 does one instruction a cycle at 160 MHz from instruction RAM; interpreted code out of
the flash waits for its cache. So a board may take several times the figure before it is at fault.
"""

from __future__ import annotations

from typing import NamedTuple

MHZ = 160  # of an ESP32-C3; an S3 and a classic ESP32 run at 240
SLOWER_MOST = 4  # times the figure: cache misses, and collections that fall in between
# The longest erase of a flash block in the makers' data sheets is 0.4 s (GigaDevice GD25Q32); a
# value needs two blocks at worst.
STORE_MS_MOST = 1000
# One chunk of an update, or one table of a key, in one piece, beside what the sale itself needs.
LARGEST_LEAST = 2048
# A sale of four phones adds 25 kB to what is alive after boot (docs/hardware.md).
FREE_LEAST = 25_000
BOOT_MS_MOST = 5000  # 60 million instructions and ten times that for littlefs on real flash
# Of a link's time without faults: messages that were sent twice. A good cable has none in a minute.
RETRANSMITS_MOST = 1
DRIFT_MOST = 0.01  # an offer's life of 120 s is then 1.2 s off; a crystal keeps 0.00002
DBM_LEAST = -75  # at arm's length; phones need some 15 dB more than their sensitivity of -95


class Expected(NamedTuple):
    """A figure of the RISC-V machine: million instructions; `row` is its row in `source`."""

    name: str
    million: float
    row: str
    source: str = "docs/cryptography.md"

    @property
    def ms(self) -> float:
        """Return the time at MHZ."""
        return self.million * 1000 / MHZ

    @property
    def most_ms(self) -> float:
        return SLOWER_MOST * self.ms


# By the fields of TESTED.
CRYPTO = {
    "sign": Expected("Ed25519 signature", 4.3, "Ed25519 signature"),
    "check": Expected("Ed25519 key and check", 11.8, "Ed25519 verification, any key"),
    "phone": Expected(
        "P-256 key and check", 15.6, "P-256 verification, key seen for the first time"
    ),
    "agree": Expected("X25519", 8.6, "X25519"),
}
BOOT = {
    "littlefs": Expected(
        "boot to HELLO", 57.3, "boot to HELLO, littlefs / frozen", "docs/hardware.md"
    ),
    "image": Expected(
        "boot to HELLO", 26.2, "boot to HELLO, littlefs / frozen", "docs/hardware.md"
    ),
}
