"""NimBLE's buffers: few blocks for all links of a receiver, as on the chip.

A block (msys) holds one prepared write, one answer, or half a notification while it waits for the
controller. Packets that arrive have buffers of their own until they are handled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bumble import att
from bumble.device import Connection, Device

BLOCKS = 12  # MSYS_1_BLOCK_COUNT in MicroPython's syscfg
ARRIVED = 12  # BLE_ACL_BUF_COUNT: packets that the host has yet to handle
IN_CONTROLLER = 12  # BLE_HCI_ACL_OUT_COUNT: packets in the controller, in memory of its own
NOTIFICATION = 2  # blocks: NimBLE chains a head to the value
ANSWER = 1  # block


class _Outgoing(NamedTuple):
    connection: int
    pdu: bytes
    blocks: int


class Buffers:
    """All buffers of one stack. What the controller takes gives its blocks back at once."""

    def __init__(self, device: Device, prepared: Callable[[], int]) -> None:
        self._device = device
        self._prepared = prepared  # how many prepared writes are held
        self._waiting: deque[_Outgoing] = deque()
        self._reserved = 0
        self._arrived = 0

    def free(self, blocks: int = 1) -> bool:
        """Return whether so many blocks are free."""
        waiting = sum(one.blocks for one in self._waiting)
        return self._prepared() + waiting + self._reserved + blocks <= BLOCKS

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Hold the block of an answer that is made before its request is handled."""
        self._reserved += ANSWER
        try:
            yield
        finally:
            self._reserved -= ANSWER

    def arrive(self) -> bool:
        """Take a buffer for a packet; False if there is none and the packet is lost."""
        if self._arrived >= ARRIVED:
            return False
        self._arrived += 1
        return True

    def handled(self) -> None:
        """Give the buffer of a packet back."""
        self._arrived -= 1

    def send(self, peer: Connection, pdu: bytes, blocks: int) -> None:
        """Send a PDU when the controller has room for it; until then it holds its blocks."""
        self._waiting.append(_Outgoing(peer.handle, pdu, blocks))
        self.flow()

    def flow(self) -> None:
        """Hand the controller as much as it takes, in order."""
        while self._waiting and self._has_room(self._waiting[0].connection):
            one = self._waiting.popleft()
            self._device.send_l2cap_pdu(one.connection, att.ATT_CID, one.pdu)

    def forget(self, connection: int) -> None:
        """Drop what waits for a link that has ended."""
        self._waiting = deque(one for one in self._waiting if one.connection != connection)
        asyncio.get_running_loop().call_soon(self.flow)  # when its packets have left the controller

    def _has_room(self, connection: int) -> bool:
        peer = self._device.connections.get(connection)
        queue = None if peer is None else peer.data_packet_queue
        return queue is None or queue.pending < IN_CONTROLLER
