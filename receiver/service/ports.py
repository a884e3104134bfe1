"""What the machines of service mode ask of a board: its store, its slots, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Store(Protocol):
        """Values that survive a power cut. Each call raises OSError where it fails."""

        def get(self, name: str) -> bytes:
            """Return the value, or b"" if there is none."""

        def put(self, name: str, data: bytes) -> None:
            """Replace the value: after a power cut there is the old one or the new one."""

        def erase(self, name: str) -> None:
            """Remove the value, if there is one."""

    class Slots(Protocol):
        """The two places for firmware, 1 and 2, with notes beside it. Raises OSError."""

        def running(self) -> int:
            """Return the number of the slot that runs; 0 if it is none of both."""

        def target(self) -> int:
            """Return the number of the slot that an update may replace; 0 during a trial."""

        def note(self, number: int, name: str) -> bytes:
            """Return a note of a slot, b"" if there is none."""

        def put_note(self, number: int, name: str, data: bytes) -> None:
            """Write a note."""

        def rename_note(self, number: int, old: str, new: str) -> None:
            """Rename a note: after a power cut there is the old name or the new one."""

        def drop(self, number: int) -> None:
            """Remove all that is in a slot, the note that makes it whole before all else."""

        def room(self) -> int:
            """Return how many bytes of firmware may still be written."""

        def size(self, number: int, path: str) -> int:
            """Return how many bytes of a file are there, -1 if there is no such file."""

        def append(self, number: int, path: str, offset: int, data: bytes | memoryview) -> None:
            """Write on at the end of a file, which is at `offset`; 0 begins it anew."""

        def read(self, number: int, path: str, offset: int, buffer: bytearray) -> int:
            """Read a part of a file; return how many bytes, 0 at its end."""

    class Device(Protocol):
        """What else a board has."""

        name: str  # as in HELLO
        board_class: str
        hardware: bytes  # tells one chip from another
        firmware_hash: bytes  # as in HELLO

        def clock(self) -> int:
            """Return milliseconds."""

        def held(self) -> bool:
            """Whether a person holds the button."""

        def start_radio(self) -> bool:
            """Start the radio, unless it is on; return whether it is."""

        def entropy(self, size: int) -> bytes:
            """Return true random bytes; b"" if there are none, as the radio does not start."""

        def memory(self) -> tuple[int, int]:
            """Return the bytes of the heap that are free, and its largest free piece."""
