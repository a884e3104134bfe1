"""The interface for the messages of a receiver's line (`bridge.lines.receiver_link`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.link import wire


class Listener(Protocol):
    """Called on the event loop."""

    def link_up(self, hello: wire.ReceiverHello) -> None:
        """Handle a link that came up; the receiver's SYNC follows."""

    def link_down(self) -> None:
        """Handle a link that went down."""

    def message(self, channel: int, payload: bytes, accept: Callable[[], None]) -> None:
        """Handle a whole message; the line waits until `accept`: then the bridge is responsible.

        After a new connection `accept` does nothing.
        """

    def delivered(self, channel: int) -> None:
        """Handle that the receiver has taken a message on this channel."""

    def refused(self, reason: int, detail: str) -> None:
        """Handle a refusal on the line."""
