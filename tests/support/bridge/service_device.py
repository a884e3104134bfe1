"""A scripted receiver with two slots and a service mode, as `receiver.service` has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from receiver import reasons
from receiver.encoding import cose_sign
from receiver.errors import Error
from receiver.link import service_wire, wire
from receiver.link.service_wire import Identity, OrderRefused, Progress
from receiver.protocol import firmware
from receiver.protocol.messages import RECEIVER_ID_SIZE
from receiver.protocol.signed import AUTHORITY_KID_SIZE
from tests.support.bridge.device import Device
from tests.support.values.releases import BOARD

BYTE_S = 10 / 115_200  # on the line
BOOT_S = 1.0


class Slot(NamedTuple):
    """Firmware: its release, and what HELLO says of it."""

    release: int

    @property
    def hash(self) -> bytes:
        return self.release.to_bytes(8, "big")


class ServiceDevice(Device):
    """What is written survives; a trial ends with the next restart that nobody ordered."""

    def __init__(self, seed: bytes, certificate: bytes, receiver_id: bytes) -> None:
        self.slot = Slot(1)  # in use
        self.trial: Slot | None = None
        self.written = b""
        self.manifest: firmware.Manifest | None = None
        self.services = 0  # how often it went into service mode
        self.refuses: dict[int, int] = {}
        self.cut_at: Callable[[int], bool] = lambda offset: False  # lose power before this chunk
        self.deaf_to: set[int] = set()
        self.bad = False  # new firmware does not sell
        self._free_at = 0.0  # when the line has carried what was written
        super().__init__(seed, certificate, receiver_id)
        self.reboot(firmware_hash=self.slot.hash)

    def cut_power(self) -> None:
        """The loader discards a trial."""
        self.trial = None
        self.reboot(firmware_hash=self.slot.hash, reset_cause=wire.RESET_POWER)

    def write(self, data: bytes) -> None:
        """Take it as fast as a serial line does."""
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time()) + len(data) * BYTE_S
        loop.call_at(self._free_at, self._take, data)

    def _react(self, channel: int, message: Any) -> None:
        if channel in self.deaf_to:
            return
        if channel == wire.RESTART:
            asyncio.get_running_loop().call_later(BOOT_S, self.restart, message)
        elif channel in service_wire.LAYOUTS:
            self._obey(channel, message)
        else:
            super()._react(channel, message)

    def restart(self, order: wire.Restart) -> None:
        """Obey, unless a sale is open."""
        if self.offer:
            return
        if order.slot and self.manifest and len(self.written) == firmware.size(self.manifest):
            self.trial = Slot(self.manifest.release)
        elif not order.slot:
            self.trial = None
        here = self.trial or self.slot
        if order.service:
            self.services += 1
            zeros = bytes(RECEIVER_ID_SIZE)
            self.reboot(
                firmware_hash=here.hash,
                fault=reasons.IN_SERVICE,
                receiver_id=zeros,
                reset_cause=wire.RESET_PLANNED,
            )
            return
        cause = wire.RESET_PLANNED
        if self.trial and self.bad:
            self.trial, cause = None, wire.RESET_WATCHDOG
        elif self.trial:
            self.slot, self.trial = self.trial, None  # settled: radio and bridge are up
        self.reboot(firmware_hash=(self.trial or self.slot).hash, reset_cause=cause)

    def _obey(self, channel: int, order: Any) -> None:
        if channel in self.refuses:
            self._say(service_wire.ORDER_REFUSED, OrderRefused(channel, self.refuses[channel]))
        elif channel == service_wire.READ:
            here = self.trial or self.slot
            identity = Identity(b"", b"", 7, here.release, 0, BOARD, 0)
            self._say(service_wire.IDENTITY, identity)
        elif channel == service_wire.UPDATE:
            self._begin(order.data)
        elif channel == service_wire.CHUNK:
            self._write(order)
        elif channel == service_wire.SELF_TEST:
            tested = service_wire.Tested(1, 1, 1, 1, 1, 1, 1, 1, reasons.OK)
            self._say(service_wire.TESTED, tested)

    def _begin(self, data: bytes) -> None:
        manifest = firmware.decode(cose_sign.parse(data, AUTHORITY_KID_SIZE).payload)
        if manifest != self.manifest:
            self.manifest, self.written = manifest, b""
        self._tell()

    def _write(self, chunk: service_wire.Chunk) -> None:
        if self.cut_at(chunk.offset):
            self.cut_power()
            return
        if self.manifest is None or chunk.offset != len(self.written):
            raise Error(reasons.WRONG_OFFSET, "the bridge sends what nobody asked for")
        self.written += chunk.data
        if len(self.written) == firmware.size(self.manifest):
            self._tell()

    def _tell(self) -> None:
        assert self.manifest is not None
        size = firmware.size(self.manifest)
        whole = int(len(self.written) == size)
        self._say(
            service_wire.PROGRESS, Progress(self.manifest.release, 2, len(self.written), whole, 0)
        )

    def _say(self, channel: int, value: object) -> None:
        self._link.send(channel, service_wire.encode(channel, value))
