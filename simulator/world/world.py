"""The world: authority, radio, serial line, receiver and bridge, composed and ready to sell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from signal import Signals
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from simulator.authority import Authority
from simulator.authority.accounts.demo_data import DemoWorld
from simulator.authority.accounts.limits import Limits
from simulator.crypto import pki
from simulator.hardware.radio.conditions import Conditions
from simulator.hardware.radio.server import Radio, ignore
from simulator.hardware.radio.shim import Observe
from simulator.hardware.serial_line.client import LineProcess
from simulator.hardware.serial_line.config import Config as LineConfig
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.wallet import keys
from simulator.phone.wallet.wallet import Wallet
from simulator.processes.scope import Scope

from . import enrolment, release_keys
from .bridge import BridgeProcess, Place
from .enrolment import ReceiverFolder
from .receiver_command import Chip, Command, chip_command, command, name_maps
from .till import Till

TILL = 7
UP_S = 20.0
# The offline limits of command-line worlds, where they are on: a sale of SEK 500.00, and five sales
# or SEK 2,000.00 until they are uploaded.
OFFLINE = Limits(floor=50_000, total=200_000, sales=5, hours=24)


class Settings(NamedTuple):
    """The parts of a world. Without `serial` it starts receiver and line itself."""

    serial: str | None = None  # pyserial URL of a receiver started elsewhere
    hci: Path | None = None  # where to expose the receiver's controller as an HCI terminal
    rate: int = 115_200  # baud of the simulated line
    authority_timeout_s: float = 10.0
    offline: Limits | None = None  # what the bridge may accept without the authority
    chip: Chip | None = None  # the board that the receiver is, instead of MicroPython's Unix port
    conditions: Conditions | None = None  # what the air does, or else nothing is lost
    observe: Observe = ignore  # takes what the receiver's radio tells its firmware


class World(Scope):
    """An async context manager; everything in it is a real process or server on this host."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.people: DemoWorld
        self.signers: list[Path]  # the private key files of who signs firmware
        self.authority: Authority
        self.radio: Radio
        self.line: LineProcess | None = None
        self.bridge: BridgeProcess
        self.receiver: ReceiverFolder
        self.command: Command
        self.till: Till
        self.serial = ""

    async def new_wallet(
        self, buyer: int = 0, code: str = DEMO_CODE, key_kind: str = keys.P256
    ) -> Wallet:
        """Enrol a phone of the demo buyer at that index, with credentials."""
        owner = self.people.buyers[buyer].id
        return await enrolment.new_phone(self.authority, owner, code, key_kind)

    async def administer(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Change a setting as the authority's administrator: PUT /v1/admin/<path>."""
        return dict(await asyncio.to_thread(self.authority.admin, "PUT", path, body))

    async def limit_offline(self, limits: Limits) -> None:
        """Set limits for the receiver and every demo buyer without the authority.

        A receiver gets them with its next state, a phone with its next credentials.
        """
        terms = {
            "offline_floor": limits.floor,
            "offline_total": limits.total,
            "offline_count": limits.sales,
            "offline_hours": limits.hours,
        }
        await self.administer(f"receivers/{self.receiver.receiver_id.hex()}", terms)
        for buyer in self.people.buyers:
            await self.administer(f"buyers/{buyer.id}", {"offline_floor": limits.floor})

    async def receiver_up(self) -> dict[str, Any]:
        """Wait until the receiver is connected; return what it reported."""
        async with asyncio.timeout(UP_S), self.till.watch() as events:
            while not (receiver := (await self.till.receivers())[0])["up"]:
                await anext(events)
        return receiver

    async def restart_bridge(self, how: Signals) -> None:
        """End the bridge's process and start it again; `till` is then a new one."""
        await self.bridge.stop(how)
        await self._start_bridge()

    async def open(self) -> None:
        directory = Path(self.stack.enter_context(TemporaryDirectory(prefix="tillsign-")))
        place = directory / "authority"
        self.signers = release_keys.make(directory / "firmware-keys", place)
        self.authority = await self.stack.enter_async_context(Authority(place))
        self.people = self.authority.seed_demo()
        identity = self.authority.ca.client("bridge")
        client = identity.fingerprint()
        receiver = enrolment.new_receiver(self.authority, client)
        self.receiver = receiver.keep_in(directory / "receiver")
        if self.settings.offline is not None:
            await self.limit_offline(self.settings.offline)
        radio = Radio(conditions=self.settings.conditions)
        self.radio = await self.stack.enter_async_context(radio)
        await self._air()
        await self._wire(directory)
        await self._bridge(directory, identity)

    async def _air(self) -> None:
        hci, receiver = self.settings.hci, self.receiver
        if hci is not None:
            place = await self.radio.receiver_on_pty(receiver.receiver_id, hci)
        else:
            place = await self.radio.receiver(receiver.receiver_id, self.settings.observe)
        if self.settings.chip is None:
            self.command = command(receiver.directory, place.endpoint, hci)
        else:
            chip = self.settings.chip
            self.command = chip_command(receiver.directory, place.endpoint, chip)

    async def _wire(self, directory: Path) -> None:
        if self.settings.serial is not None:
            self.serial = self.settings.serial
            return
        self.serial = str(directory / "receiver.tty")
        config = LineConfig(
            serial=self.serial,
            control=str(directory / "line.control"),
            argv=self.command.argv,
            log=str(directory / "receiver.log"),
            cwd=self.command.cwd,
            env=self.command.env,
            rate=self.settings.rate,
        )
        self.line = await self.stack.enter_async_context(LineProcess(config))

    async def _bridge(self, directory: Path, identity: pki.Identity) -> None:
        self.bridge = BridgeProcess(directory / "bridge")
        self.bridge.configure(
            self.authority,
            identity,
            [Place(TILL, self.serial, self.receiver.certificate)],
            pins=self.receiver.pins,
            timeout_s=self.settings.authority_timeout_s,
            offline=self.settings.offline is not None,
            names=name_maps(),
        )
        self.stack.push_async_callback(self.bridge.stop)
        await self._start_bridge()

    async def _start_bridge(self) -> None:
        await self.bridge.start()
        self.till = await self.stack.enter_async_context(Till(self.bridge.till_api))
