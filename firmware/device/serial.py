"""The serial pump: the link machine on a byte stream, whole messages to and from the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import link, ports
from receiver.window import Message

if TYPE_CHECKING:
    from typing import Any

    from receiver.core import Receiver


class Serial:
    """Holds the device's end of the link and hands its messages to `receiver`."""

    def __init__(self, end: link.Link, receiver: Receiver) -> None:
        self.link = end
        self._receiver = receiver
        self._accept: int | None = None
        self.dropped = 0

    def receive(self, data: bytes, now: int) -> None:
        """Bytes from the host."""
        self.link.receive(data, now)
        self._drain(now)

    def expire(self, now: int) -> None:
        self.link.expire(now)
        self._drain(now)

    def perform(self, action: Any) -> bool:
        """Queue one output of the core; False if it is not the wire's."""
        if isinstance(action, ports.Send):
            if not self.link.send(action.channel, action.payload):
                self.dropped += 1
        elif isinstance(action, ports.Log):
            self.link.log(action.text.encode())
        else:
            return False
        return True

    def settle(self) -> None:
        """Everything that the last message asked for is done and kept: acknowledge it."""
        if self._accept is not None:
            self.link.accept(self._accept)
            self._accept = None

    def _drain(self, now: int) -> None:
        event = self.link.poll()
        while event is not None:
            if isinstance(event, Message):
                self._receiver.handle(ports.WireMessage(event.channel, event.payload), now)
                self._accept = event.token
            elif isinstance(event, link.Up) and event.fresh:
                self._receiver.handle(ports.WireUp(event.hello), now)
            event = self.link.poll()
