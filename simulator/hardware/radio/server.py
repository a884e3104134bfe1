"""The radio as a service: one air, an endpoint for phones and one for each receiver."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from weakref import WeakSet

from bumble import hci
from bumble.controller import Controller
from bumble.transport.pty import open_pty_transport

from simulator.processes.scope import Scope

from .air import Air, Rssi, near
from .bumble_logging import quieten
from .conditions import Conditions
from .controller import RadioController
from .shim import Observe, Shim
from .streams import H4, Frames, listen


def ignore(_event: int, _fields: tuple[int | bytes, ...]) -> None:
    """Ignore an event."""


class Receiver:
    """A receiver's place on the air.

    `endpoint` is the value of TILLSIGN_RADIO for its process. One process at a time: a new one
    replaces the last, as a reset does.
    """

    def __init__(self, controller: RadioController, endpoint: str) -> None:
        self.controller = controller
        self.endpoint = endpoint

    @property
    def address(self) -> str:
        """Return its public address, as a phone shows it."""
        return _text(self.controller.public_address)


class Radio(Scope):
    """A radio that serves while entered: on sockets in a directory if given, else on TCP."""

    def __init__(
        self,
        directory: Path | None = None,
        *,
        rssi: Rssi = near,
        real_time: bool = False,
        conditions: Conditions | None = None,
    ) -> None:
        self.air = Air(rssi, real_time=real_time, conditions=conditions)
        self.phones = ""  # the endpoint that gives a phone's own host a fresh controller
        self._directory = directory
        self._names = count(1)
        self._away: dict[str, Controller] = {}

    async def open(self) -> None:
        quieten()
        self.stack.callback(self.air.close)
        self.phones = await self._serve("phones", self._phone)

    async def receiver(self, receiver_id: bytes, observe: Observe = ignore) -> Receiver:
        """Add a receiver whose firmware uses `simulator.hardware.micropython.bluetooth`.

        `observe` takes the number and fields of each event that its handler gets.
        """
        controller = self._receiver_controller(receiver_id)
        shim = Shim(controller, observe)
        endpoint = await self._serve(f"receiver-{receiver_id.hex()}", shim.stream)
        self.stack.push_async_callback(shim.close)
        return Receiver(controller, endpoint)

    async def receiver_on_pty(self, receiver_id: bytes, path: Path) -> Receiver:
        """Add a receiver with its own Bluetooth stack, which opens `path` as its HCI UART."""
        controller = self._receiver_controller(receiver_id)
        line = await open_pty_transport(str(path))
        self.stack.push_async_callback(line.close)
        line.source.set_packet_sink(controller)
        controller.host = line.sink
        return Receiver(controller, str(path))

    def carry_away(self, address: str) -> None:
        """Take a phone or receiver out of range: both ends of its links time out."""
        for controller in self._at(address):
            self.air.remove_controller(controller)
            self._away[address] = controller

    def bring_back(self, address: str) -> None:
        """Undo `carry_away`; its links stay lost."""
        self.air.add_controller(self._away.pop(address))

    def carry_away_for(self, address: str, seconds: float) -> None:
        """Take a phone or receiver out of range for so long: links that outlast it go on."""
        for controller in self._at(address):
            self.air.pause(controller, seconds)

    def cut(self, address: str) -> None:
        """End the links of a phone or receiver at once: both hosts are told of a lost link."""
        for controller in self._at(address):
            controller.cut()

    def _at(self, address: str) -> list[RadioController]:
        return [
            controller
            for controller in self.air.controllers
            if isinstance(controller, RadioController)
            if address in (_text(controller.random_address), _text(controller.public_address))
        ]

    def _receiver_controller(self, receiver_id: bytes) -> RadioController:
        address = hci.Address(_address(receiver_id), hci.Address.PUBLIC_DEVICE_ADDRESS)
        return RadioController(receiver_id.hex(), self.air, public_address=address)

    def _phone(self) -> H4:
        return _Phone(self.air, f"phone-{next(self._names)}")

    async def _serve(self, name: str, factory: Callable[[], H4 | Frames]) -> str:
        wanted = "tcp:127.0.0.1:0" if self._directory is None else f"unix:{self._directory / name}"
        streams: WeakSet[H4 | Frames] = WeakSet()

        def accept() -> asyncio.Protocol:
            stream = factory()
            streams.add(stream)
            return stream

        server, endpoint = await listen(wanted, accept)
        self.stack.callback(_close, server, streams)
        return endpoint


class _Phone(H4):
    """A controller for as long as a phone's host is connected."""

    def __init__(self, air: Air, name: str) -> None:
        super().__init__()
        self._air = air
        self._controller = RadioController(name, air, host=self)
        self.set_packet_sink(self._controller)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._air.remove_controller(self._controller)


def _text(address: hci.Address) -> str:
    return address.to_string(with_type_qualifier=False)


def _close(server: asyncio.Server, streams: WeakSet[H4 | Frames]) -> None:
    server.close()
    for stream in list(streams):
        stream.close()


def _address(receiver_id: bytes) -> bytes:
    """Derive a public address, little-endian, from a receiver id."""
    digest = hashlib.sha256(b"radio address" + receiver_id).digest()
    return digest[:5] + bytes([digest[5] & 0xFC])  # unicast, universally administered
