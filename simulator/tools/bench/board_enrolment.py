"""A blank board's way to a receiver that sells: machine time, as the second person answers at once.

The firmware is MicroPython's; its line has the rate of a stock image.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.authority.enrolment_client import BearerClient, TicketHolder
from firmware.tools.board_line import BoardLine
from firmware.tools.enrol.procedure import Asked, ReceiverEnrolment
from simulator.authority import Authority
from simulator.hardware.radio.server import Radio
from simulator.hardware.serial_line.client import LineProcess
from simulator.hardware.serial_line.config import Config
from simulator.world import enrolment
from simulator.world.receiver_command import command

from .rows import Figure

TILL = 7


class _Quiet:
    """Hears how far it is, and prints nothing."""

    def __init__(self) -> None:
        self.compared = asyncio.Event()

    def step(self, text: str) -> None: ...

    def compare(self, six: list[str]) -> None:
        self.compared.set()


def measure() -> dict[str, Figure]:
    """Measure one enrolment, from the ticket to the HELLO of a receiver that sells."""
    with TemporaryDirectory(prefix="tillsign-") as folder:
        return {"enrolment": Figure(asyncio.run(_enrolled(Path(folder))))}


async def _enrolled(folder: Path) -> float:
    async with AsyncExitStack() as stack:
        authority = await stack.enter_async_context(Authority(folder / "authority"))
        serial = await _board(stack, folder)
        client = authority.ca.client("bridge").fingerprint()
        ticket = await _administer(authority, "tickets", _ticket(client))
        word: str = ticket["ticket"]
        holder = TicketHolder(BearerClient(authority.url, authority.ca.certificate, word))
        told, asked = _Quiet(), Asked(word, enrolment.STORE, TILL, folder / "state.json")
        second_person = asyncio.create_task(_second_person(authority, told))
        began = time.monotonic()
        async with BoardLine(serial) as line:
            work = ReceiverEnrolment(line, holder, asked, told)
            await work.sell(await work.run())
        await second_person
        return time.monotonic() - began


async def _board(stack: AsyncExitStack, folder: Path) -> str:
    """Start a blank board; return its port."""
    radio = await stack.enter_async_context(Radio())
    place = await radio.receiver(os.urandom(8))
    firmware = command(enrolment.blank_receiver(folder / "board"), place.endpoint)
    config = Config(
        serial=str(folder / "board.tty"),
        control=str(folder / "line.control"),
        argv=firmware.argv,
        log=str(folder / "board.log"),
        cwd=firmware.cwd,
        env=firmware.env,
    )
    await stack.enter_async_context(LineProcess(config))
    return config.serial


async def _second_person(authority: Authority, told: _Quiet) -> None:
    await told.compared.wait()
    pending = await asyncio.to_thread(authority.admin, "GET", "enrolments")
    [one] = pending["enrolments"]
    await _administer(authority, f"enrolments/{one['enrolment_id']}/confirmation", {})


async def _administer(authority: Authority, path: str, body: dict[str, object]) -> dict[str, str]:
    return dict(await asyncio.to_thread(authority.admin, "POST", path, body))


def _ticket(client: str) -> dict[str, object]:
    return {
        "kind": "receiver",
        "store": enrolment.STORE,
        "store_name": enrolment.STORE_NAME,
        "invoice_issuer": enrolment.INVOICE_ISSUER,
        "currency": enrolment.SEK,
        "till": TILL,
        "client_fingerprint": client,
    }
