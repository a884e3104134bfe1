"""What a platform provides (design §2): one module beside this one for each platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from firmware.device.ble import Ble
    from receiver.service.ports import Device, Slots
    from receiver.service.ports import Store as ServiceStore

    class Bytes(Protocol):
        """The binary side of a standard stream."""

        def read(self, size: int) -> bytes: ...

        def readinto(self, buffer: bytearray) -> int | None: ...

        def write(self, data: bytes) -> object: ...

    class Stream(Protocol):
        """A standard stream, as MicroPython has it."""

        @property
        def buffer(self) -> Bytes: ...

    class Pump(Protocol):
        """A radio without interrupts."""

        def fileno_stream(self) -> Any:
            """Return a stream that is readable when an event waits."""

        def pump(self) -> None:
            """Run the interrupt handler for every event that has arrived."""

    class HostLine(Protocol):
        """The bytes to and from the host (`firmware.device.line`)."""

        dropped: int  # pieces that were not written

        def read(self) -> bytes | None: ...

        def write(self, data: bytes) -> None: ...

        @property
        def writing(self) -> bool: ...

        def pump(self) -> None: ...

    class Clock(Protocol):
        def ms(self) -> int:
            """Return milliseconds since some moment before boot; never wraps."""

    class Store(Protocol):
        def get(self, name: str) -> bytes:
            """Return the value stored under `name` (at most 15 characters), or b"".

            Raises OSError if there may be one that cannot be read.
            """

        def put(self, name: str, data: bytes) -> None:
            """Store `data`, which survives a power cut from now on; raises OSError."""

    class Board(Protocol):
        name: str
        fits: bool  # False if flashing named a board with another chip

        def reset_cause(self) -> int:
            """Return one of `receiver.link.wire.RESET_…`."""

        def feed(self) -> None:
            """Tell the watchdog that radio and serial line are alive."""

        def light(self, colour: int) -> None:
            """Light the lamp in red, green and blue, 0 for dark; without a lamp, do nothing."""

        def keep_image(self) -> None:
            """Let the chip's own boot loader keep the image that runs, if it is on trial."""

        def reset(self) -> None:
            """Reset the board; does not return."""


Ports = NamedTuple(
    "Ports",
    [
        ("ble", "Ble"),
        ("uuid", "Callable[[str], object]"),
        ("radio_pump", "Pump | None"),
        ("source", "Stream"),
        ("sink", "Stream"),
        ("store", "Store"),
        ("entropy", "Callable[[int], bytes]"),
        ("clock", "Clock"),
        ("board", "Board"),
    ],
)

# What service mode needs before its first order.
Console = NamedTuple(
    "Console", [("source", "Stream"), ("sink", "Stream"), ("clock", "Clock"), ("board", "Board")]
)
# What its orders need (`receiver.service`).
Tools = NamedTuple("Tools", [("store", "ServiceStore"), ("slots", "Slots"), ("device", "Device")])
