"""What the receiver's processor takes: an ESP32-C3, by the RISC-V machine's count of instructions.

Counts are measured (`python -m simulator.tools.chip.operations` and `.turns`); the time of an
instruction never was, as no board has run this firmware.
"""

from __future__ import annotations

from typing import NamedTuple


class ChipProfile(NamedTuple):
    """Instructions of each piece of work; `ms` turns them into time."""

    instructions_per_ms: float  # how fast it is
    tick_ms: float  # a loop that rests looks for events once in this time
    turn: int  # of the loop, with nothing to do but to look
    event: int  # of the radio or the line, from the queue to what follows
    collection: int  # of the heap, as full as with four phones
    p256_check: int  # of an approval, the phone's table being ready
    p256_prepare: int  # the table of a phone's key, seen for the first time
    ed25519_check: int  # of a credential, the issuer's table being ready
    ed25519_prepare: int  # the table of an issuer's key
    ed25519_sign: int  # an offer
    x25519: int  # one of the two of a key agreement, and each new key
    sha512_block: int  # of 128 bytes
    aead_200: int  # ChaCha20-Poly1305 over 200 bytes
    slice_most: int  # the longest slice of a job: what an event may wait for
    turn_most: int  # the longest turn of the loop, a collection in it

    def ms(self, instructions: float) -> float:
        """Return the time of so many instructions, in milliseconds."""
        return instructions / self.instructions_per_ms


CHIP = ChipProfile(
    # 160 MHz at 1.5 clocks an instruction. CoreMark out of IRAM takes 391,000 clocks a round (409
    # rounds a second: Espressif's coremark component) for some 300,000 instructions, 1.3 each; the
    # interpreter runs from flash behind a cache of 16 kB. Not seen on a board: it may be a third
    # more or less.
    instructions_per_ms=107_000.0,
    # MicroPython's `select.poll` sleeps for one tick of FreeRTOS at a time, and neither the radio's
    # task nor a byte on the UART wakes it (1.25.0, ports/esp32/mpconfigport.h, `EVENT_POLL_HOOK`;
    # micropython#5994). 100 ticks a second are ESP-IDF's default, and MicroPython's.
    tick_ms=10.0,
    # `python -m simulator.tools.chip.turns`: of four events of the radio the mean. Frames of the
    # line are taken to cost as much.
    turn=113_000,
    event=400_000,
    # docs/cryptography.md, "bytes".
    collection=700_000,
    # docs/cryptography.md, the table of operations, before rounding.
    p256_check=6_350_000,
    p256_prepare=9_250_000,
    ed25519_check=5_390_000,
    ed25519_prepare=6_410_000,
    ed25519_sign=4_320_000,
    x25519=8_630_000,
    sha512_block=56_000,
    aead_200=95_000,
    slice_most=1_500_000,
    # docs/hardware.md, "In a chip's memory": littlefs, a collection in the turn.
    turn_most=3_600_000,
)
