"""The steps of the demo: what the technician types, and what must be true after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from bridge.authority.enrolment_messages import TicketKind
from simulator.authority.keys import FIRMWARE_KEYS
from simulator.world.enrolment import STORE

from .technician import Technician
from .workshop import TILL, Workshop

Facts = dict[str, Any]

OLD, NEW = 1, 2  # releases
HALF = 2  # of an update is sent when the power goes
SENDING_S = 60.0


class TechnicianStory:
    """The steps share one workshop, and what earlier ones made."""

    def __init__(self, workshop: Workshop, technician: Technician) -> None:
        self._shop = workshop
        self._technician = technician
        self._hash = ""  # of the firmware that the board runs

    async def keys(self) -> Facts:
        """Three people make a key each; the authority gets the public halves."""
        for epoch in (1, 2, 3):
            await self._technician.run(
                f"update key --epoch {epoch} --key signer-{epoch}.json"
                f" --public authority/{FIRMWARE_KEYS}"
            )
        await self._shop.open_authority()
        return {"keys": 3}

    async def build(self) -> Facts:
        built = await self._build("old", OLD)
        self._hash = built["firmware_hash"]
        return {name: built[name] for name in ("release", "board_class", "firmware_hash")}

    async def flash(self) -> Facts:
        image = self._shop.image
        done = await self._technician.run(
            f"firmware flash --port {self._shop.board.url} --micropython {image.image.name}"
            f" --images {image.table.name} --build old"
        )
        board = done["boards"][0]
        return {name: board[name] for name in ("chip", "written", "skipped") if name in board}

    async def enrol_bridge(self) -> Facts:
        ticket = await self._shop.ticket(TicketKind.BRIDGE)
        done = await self._technician.run(
            f"bridge enrol --authority {self._shop.authority.url} --ca ca.pem"
            f" --ticket {ticket} --out till-7",
            self._shop.compare,
        )
        self._client = done["client_fingerprint"]
        return {"client_fingerprint": self._client}

    async def enrol_receiver(self) -> Facts:
        ticket = await self._shop.ticket(TicketKind.RECEIVER, self._client)
        done = await self._technician.run(
            f"receiver enrol --port {self._shop.board.url}"
            f" --authority {self._shop.authority.url} --ca ca.pem --ticket {ticket}"
            f" --store {STORE} --till {TILL} --config till-7/bridge.toml",
            self._shop.compare,
        )
        return {name: done[name] for name in ("receiver_id", "words", "label")}

    async def check(self) -> Facts:
        """The bridge's own check, then the bridge."""
        self._shop.bridge.serve_anywhere()
        await self._technician.run("bridge check --config till-7/bridge.toml")
        await self._shop.serve(self._shop.folder / "old")
        await self._shop.receiver_until(lambda receiver: receiver["up"])
        return {"till_api": self._shop.bridge.till_api}

    async def sell(self) -> Facts:
        """A buyer pays, at the firmware that must run."""
        sale = await self._shop.sell()
        hello = (await self._shop.receiver())["hello"]
        if hello["firmware_hash"] != self._hash:
            raise RuntimeError(f"the board runs {hello['firmware_hash']}, not {self._hash}")
        return {
            "state": sale["state"],
            "amount": sale["amount"],
            "transaction_id": sale["transaction_id"],
            "firmware_hash": self._hash,
        }

    async def publish(self) -> Facts:
        """Build another release; two of the three signers sign it."""
        built = await self._build("new", NEW)
        self._new_hash = built["firmware_hash"]
        for epoch in (1, 3):
            await self._technician.run(f"update sign --build new --key signer-{epoch}.json")
        done = await self._technician.run(
            f"update publish --build new --authority {self._shop.authority.url} --ca ca.pem"
            " --token-file token --share 100"
        )
        return {"release": done["release"], "share": done["share"]}

    async def cut(self) -> Facts:
        """Order the update, take the board's power when half of it is sent; a buyer is waiting.

        Without `--cancel` the bridge would go on with the update by itself.
        """
        await self._update("--no-wait")
        update = (await self._shop.receiver_seen(_is_half_sent, SENDING_S))["update"]
        await self._shop.board.cut_power()
        await self._shop.receiver_until(lambda receiver: not receiver["up"])
        await self._shop.board.power_up()
        await self._update("--cancel")
        return {"sent": update["offset"], "of": update["size"]}

    async def update(self) -> Facts:
        """Order it again: it goes on where it was, and ends in the new firmware."""
        done = await self._update()
        self._hash = self._new_hash
        return {"release": done["release"], "outcome": done["update"]["outcome"]}

    async def _build(self, folder: str, release: int) -> Facts:
        return await self._technician.run(
            f"firmware build --board unix --release {release} --version 1.{release}"
            f" --out {folder} --dirty"
        )

    async def _update(self, more: str = "") -> Facts:
        return await self._technician.run(
            f"update now --till {TILL} --config till-7/bridge.toml"
            f" --till-api {self._shop.bridge.till_api} {more}".rstrip()
        )


def _is_half_sent(receiver: Facts) -> bool:
    update = receiver["update"]
    return bool(
        update and update["phase"] == "sending" and update["offset"] * HALF >= update["size"]
    )


class WorkStep(NamedTuple):
    """One step: its name for programs, its title for people."""

    name: str
    title: str
    play: Callable[[TechnicianStory], Awaitable[Facts]]


STEPS = (
    WorkStep("keys", "Three signers of firmware, once for a company", TechnicianStory.keys),
    WorkStep("build", "Build the firmware of a board", TechnicianStory.build),
    WorkStep("flash", "Flash the board", TechnicianStory.flash),
    WorkStep("enrol_bridge", "Enrol the terminal's bridge", TechnicianStory.enrol_bridge),
    WorkStep(
        "enrol_receiver", "Enrol the board as till 7's receiver", TechnicianStory.enrol_receiver
    ),
    WorkStep("check", "Check the bridge and start it", TechnicianStory.check),
    WorkStep("sell", "Sell", TechnicianStory.sell),
    WorkStep("publish", "Build, sign and publish another release", TechnicianStory.publish),
    WorkStep("cut", "Update, and take the board's power in the middle", TechnicianStory.cut),
    WorkStep("sell_after_cut", "Sell again, with the firmware of before", TechnicianStory.sell),
    WorkStep("update", "Update again: it goes on where it was", TechnicianStory.update),
    WorkStep("sell_after_update", "Sell again, with the new firmware", TechnicianStory.sell),
)
