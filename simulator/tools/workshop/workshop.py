"""What stands in the workshop: an authority, a box with one simulated board, a buyer's phone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.authority import enrolment_messages as wire
from bridge.updates.update_states import UpdatePhase
from firmware.tools.package.build import NAMES
from receiver.host import currencies
from simulator.authority.process import AuthorityProcess
from simulator.hardware.board import stand_in
from simulator.hardware.board.board import SimulatedBoard
from simulator.hardware.radio.server import Radio
from simulator.phone.app.app import Adapter, PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.phone.wallet.wallet import Wallet
from simulator.processes.scope import Scope
from simulator.world import enrolment
from simulator.world.enrolment import INVOICE_ISSUER, STORE, STORE_NAME
from simulator.world.till import Json, Till

from .bridge import TillBridge

TILL = 7
AMOUNT = 24_900
UP_S = 30.0  # a board starts twice until it sells
LOOK_S = 0.05  # between two looks at an update, which takes some seconds

Holds = Callable[[Json], bool]


class Workshop(Scope):
    """An async context manager over `folder`, in which the technician's commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = AuthorityProcess(folder / "authority")
        self.board: SimulatedBoard
        self.image: stand_in.Files
        self.bridge: TillBridge
        self._wallet: Wallet
        self._adapter: Adapter
        self._till: Till | None = None

    async def open(self) -> None:
        self.image = stand_in.write(self.folder)
        self._radio = await self.stack.enter_async_context(Radio())
        self.board = await self.stack.enter_async_context(
            SimulatedBoard(self.folder, radio=self._radio)
        )
        self._adapter = await self.stack.enter_async_context(phone_radio(self._radio.phones))
        self.bridge = TillBridge(self.folder / "till-7")
        self.stack.push_async_callback(self.bridge.stop)

    async def open_authority(self) -> None:
        """Start the authority, which reads the public keys of firmware's signers at its start."""
        await self.stack.enter_async_context(self.authority)
        shutil.copy(self.authority.ca.certificate, self.folder / "ca.pem")
        token = self.folder / "token"
        token.touch(0o600)
        token.write_text(self.authority.admin_token)
        buyers = self.authority.seed_demo().buyers
        self._wallet = await enrolment.new_phone(self.authority, buyers[0].id)

    async def ticket(self, kind: wire.TicketKind, client: str | None = None) -> str:
        """Let the administrator make a ticket for this store."""
        body: dict[str, object] = {"kind": kind, "store": STORE, "store_name": STORE_NAME}
        if kind is wire.TicketKind.RECEIVER:
            body |= {
                "invoice_issuer": INVOICE_ISSUER,
                "currency": currencies.NUMBERS["SEK"],
                "till": TILL,
                "client_fingerprint": client,
            }
        made = await self._admin("POST", "tickets", body)
        return str(made["ticket"])

    async def compare(self, words: list[str]) -> None:
        """Confirm as the second person, who has the same words from the authority."""
        for one in (await self._admin("GET", "enrolments"))["enrolments"]:
            if one["words"] == words:
                id_ = one["enrolment_id"]
                await self._admin("POST", f"enrolments/{id_}/confirmation", {})
                return
        raise RuntimeError(f"the authority shows other words than {' '.join(words)}")

    async def serve(self, build: Path) -> None:
        """Start the bridge; its log tells of this build's firmware in words."""
        shutil.copy(build / NAMES, self.folder / NAMES)
        await self.bridge.start()
        self._till = await self.stack.enter_async_context(Till(self.bridge.till_api))

    async def receiver(self) -> Json:
        """Return what the bridge says of its receiver."""
        return (await self.till.receivers())[0]

    async def receiver_seen(self, holds: Holds, within_s: float) -> Json:
        """Look again and again for what no event tells, as an update's progress."""
        async with asyncio.timeout(within_s):
            while True:
                if holds(receiver := await self.receiver()):
                    return receiver
                await asyncio.sleep(LOOK_S)

    async def receiver_until(self, holds: Holds, within_s: float = UP_S) -> Json:
        """Wait until the bridge says something of its receiver; return it."""
        async with asyncio.timeout(within_s), self.till.watch() as events:
            while not holds(receiver := await self.receiver()):
                await anext(events)
        return receiver

    async def sell(self) -> Json:
        """Let a buyer pay at the till; return the sale, paid."""
        await self.receiver_seen(_sells, UP_S)
        sale = await self.till.ring_up(AMOUNT)
        visit = asyncio.create_task(PhoneApp(self._wallet, self._adapter).buy(Buyer()))
        found = await self.till.outcome(sale["sale_id"])
        await visit
        if found["state"] != "approved":
            raise RuntimeError(f"the sale ended as {found['state']}: {found['reason']}")
        return await self.till.paid(sale["sale_id"])

    @property
    def till(self) -> Till:
        if self._till is None:
            raise RuntimeError("no bridge serves yet")
        return self._till

    async def _admin(
        self, method: str, path: str, body: dict[str, object] | None = None
    ) -> dict[str, Any]:
        return dict(await asyncio.to_thread(self.authority.admin, method, path, body))


def _sells(receiver: Json) -> bool:
    """Whether it is there, and no update has it."""
    update = receiver["update"]
    is_free = update is None or update["phase"] == UpdatePhase.DONE
    return bool(is_free and receiver["up"] and not receiver["hello"]["fault"])
