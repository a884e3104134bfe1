"""Run the link machine on a byte stream, with whole messages to and from the core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.core import io
from receiver.link import link, wire
from receiver.link.arq import Message

from . import slots

if TYPE_CHECKING:
    from receiver.core.receiver import Receiver


class Serial:
    """Hold the device's end of the link and pass its messages to `receiver`."""

    def __init__(self, end: link.Link, receiver: Receiver) -> None:
        self.link = end
        self.receiver = receiver
        self._accept: int | None = None
        self._hello = b""  # the bridge's HELLO
        self._newest = 0  # token of the newest queued message
        self._missing = False  # a message found the queue full
        self.dropped = 0

    @property
    def greeted(self) -> bool:
        """Whether a bridge has been on the line since boot."""
        return bool(self._hello)

    def receive(self, data: bytes, now: int) -> None:
        """Take bytes from the host."""
        self.link.receive(data, now)
        self._drain(now)

    def expire(self, now: int) -> None:
        self.link.expire(now)
        self._drain(now)

    def perform(self, action: io.Output) -> bool:
        """Queue one output of the core; False if it is not for the line."""
        if isinstance(action, io.Send):
            self._send(action)
        elif isinstance(action, io.LogLine):
            self.link.log(action.text.encode())
        else:
            return False
        return True

    def settle(self) -> None:
        """Acknowledge the last message once everything it asked for is done and stored."""
        if self._accept is not None and self.receiver.settled():
            self.link.accept(self._accept)
            self._accept = None

    def _make_good(self, token: int, now: int) -> None:
        """Send the state again once the queue is empty, if a message found it full."""
        if self._missing and token == self._newest:
            self._synchronise(now)

    def _synchronise(self, now: int) -> None:
        self._missing = False
        self.receiver.handle(io.WireUp(self._hello), now)

    def _send(self, action: io.Send) -> None:
        token = self.link.send(action.channel, action.payload)
        if token:
            self._newest = token
        else:
            self.dropped += 1
            self._missing = True

    def _drain(self, now: int) -> None:
        while (event := self.link.poll()) is not None:
            if isinstance(event, Message):
                self.receiver.handle(io.WireMessage(event.channel, event.payload), now)
                self._accept = event.token
            elif isinstance(event, link.Up) and event.fresh:
                self._hello = event.hello
                slots.tell(self.link)  # before any order: the next one may crash again
                self._synchronise(now)
            elif isinstance(event, link.Delivered):
                self._make_good(event.token, now)
                if event.channel == wire.TRACEBACK:
                    slots.write(slots.CRASH, "")
