"""A till before its enrolment: an authority with people, a radio, a blank board on its line."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from simulator.authority import Authority
from simulator.authority.accounts.demo_data import DemoWorld
from simulator.hardware.radio.server import Radio
from simulator.hardware.serial_line.client import LineProcess
from simulator.hardware.serial_line.config import Config
from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation.events import Outcome
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.processes.scope import Scope
from simulator.world import enrolment
from simulator.world.receiver_command import command
from simulator.world.till import Json, Till
from tests.support.shop.authority import Clock
from tests.support.shop.second_person import SecondPerson
from tests.support.shop.second_person import command as command_of

TILL = 7
PATIENCE_S = 30.0  # every wait here takes a fraction of it
TERMS: dict[str, Any] = {
    "store": 101,
    "store_name": "Storgatan 1",
    "invoice_issuer": 1,
    "currency": 752,
    "till": TILL,
}


class BlankTill(Scope):
    """An async context manager; `serial` is the board's port."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock()  # the authority's
        self.authority: Authority
        self.person: SecondPerson
        self.people: DemoWorld
        self.radio: Radio
        self.line: LineProcess
        self.client = ""  # the fingerprint of the bridge that will speak for the receiver
        self.serial = str(directory / "board.tty")

    @property
    def store(self) -> Path:
        """The folder of what the board's firmware must not lose."""
        return self.directory / "board"

    async def open(self) -> None:
        self.authority = await self.stack.enter_async_context(
            Authority(self.directory / "authority", clock=self.clock)
        )
        self.people = self.authority.seed_demo()
        self.person = SecondPerson(self.authority)
        self.client = self.authority.ca.client("bridge").fingerprint()
        self.radio = await self.stack.enter_async_context(Radio())
        await self._plug_board()

    async def _plug_board(self) -> None:
        place = await self.radio.receiver(os.urandom(8))
        enrolment.blank_receiver(self.store)
        firmware = command(self.store, place.endpoint)
        config = Config(
            serial=self.serial,
            control=str(self.directory / "line.control"),
            argv=firmware.argv,
            log=str(self.directory / "board.log"),
            cwd=firmware.cwd,
            env=firmware.env,
            rate=0,
        )
        self.line = await self.stack.enter_async_context(LineProcess(config))

    async def ticket(self, **changes: Any) -> str:
        """A receiver's ticket for this till."""
        asked = {"kind": "receiver", "client_fingerprint": self.client, **TERMS, **changes}
        return await self.person.ticket(**asked)

    def enrolment(self, ticket: str, *more: object) -> list[str]:
        """The command that enrols the board."""
        url, ca = self.authority.url, self.authority.ca.certificate
        where = ["--port", self.serial, "--authority", url, "--ca", str(ca), "--ticket", ticket]
        what = ["--store", str(TERMS["store"]), "--till", str(TILL)]
        out = ["--out", str(self.directory / "out")]
        return ["receiver", "enrol", *where, *what, *out, *map(str, more)]

    async def enrolled(self, ticket: str, *more: object) -> int:
        """Run that command while the second person looks on; return its exit code."""
        return await self.person.beside(command_of(*self.enrolment(ticket, *more)))

    def hold_button(self, held: bool = True) -> None:
        """Hold the board's button, or let it go."""
        place = self.store / "button"
        place.touch() if held else place.unlink()

    async def sell(self, register: Till) -> Json:
        """Sell at a bridge whose receiver comes up; the till keeps it. Return the sale."""
        async with asyncio.timeout(PATIENCE_S), register.watch() as events:
            while not (await register.receivers())[0]["up"]:
                await anext(events)
        sale = await register.ring_up(100, till=TILL)
        await self.buy()
        sold = await register.outcome(sale["sale_id"])
        if sold["state"] == "approved":
            await register.paid(sale["sale_id"])
        return sold

    async def buy(self) -> Outcome:
        """One honest buyer with a new phone, who approves."""
        wallet = await enrolment.new_phone(self.authority, self.people.buyers[0].id)
        async with asyncio.timeout(PATIENCE_S), phone_radio(self.radio.phones) as radio:
            return await PhoneApp(wallet, radio).buy(Buyer(), till=TILL, patience_s=PATIENCE_S)
