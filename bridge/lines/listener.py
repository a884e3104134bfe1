"""What hears a receiver on its line (`bridge.lines.receiver_link`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from receiver.link import wire


class Listener(Protocol):
    """Called on the event loop."""

    def link_up(self, hello: wire.ReceiverHello) -> None:
        """The receiver is there; its SYNC follows."""

    def link_down(self) -> None:
        """It is away."""

    def message(self, channel: int, payload: bytes) -> None:
        """A whole message; the line waits until `ReceiverLink.accept`."""

    def refused(self, reason: int, detail: str) -> None:
        """Something on the line was refused."""
