"""Whole sales through the real processes, and the bridge's share of them."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bridge.observability import timings
from receiver import reasons
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.encoding import cose
from receiver.link import frames, wire
from receiver.protocol import messages, signed
from simulator.crypto import code_proof
from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation.events import Code
from simulator.phone.conversation.messages import APP_BUILD
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.tools.demo.story import AMOUNT, PLAIN, Stage
from simulator.world.enrolment import SEK

from . import arithmetic_times
from .rows import Row, middle

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from simulator.phone.app.buyer import Act
    from simulator.phone.conversation.events import View
    from simulator.phone.wallet.wallet import Wallet
    from simulator.tools.demo.story import Played
    from simulator.world.world import World

SALES = 25
TYPING_S = 0.3  # people take longer, with the same result
PARTS_BUDGET = 1.3  # relative to radio, verification, serial line and authority by themselves
SALE_BUDGET_MS = 400
BRIDGE_BUDGET_MS = 10
BAUD_BITS = 10  # a byte on the line: start bit, eight bits, stop bit
COMMITS = 3  # on disk: the approval, the request sent, the till notified
CHECKS = 1  # signatures on the way: the approval; the receipt is read while the receiver verifies
FLOOR_IS = "its commits and signature checks alone"
SAMPLES = 200
ENTRY_SIZE = 500  # bytes: an approval in the journal


def _nothing(*_: Any) -> None:
    """Do nothing: a measurement has no observer."""


class _Typist(Buyer):
    """A buyer who takes time for the code, as people do: key and credential cross meanwhile."""

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        async for act in super().act(view):
            if isinstance(act, Code):
                await asyncio.sleep(TYPING_S)
            yield act


async def _typed(stage: Stage, sale_id: str) -> dict[str, Any]:
    return await stage.buy(sale_id, _Typist())


_TYPED = PLAIN._replace(play=_typed)


async def rows(world: World) -> list[Row]:
    """Measure approval to till over many sales, with its indispensable parts."""
    seen: dict[str, dict[str, float]] = {}
    watcher = asyncio.create_task(_watch(world, seen))
    wallet = await world.new_wallet()
    async with phone_radio(world.radio.phones) as radio:
        stage = Stage(world, wallet, radio, _nothing, _nothing)
        played = [await stage.run(_TYPED) for _ in range(SALES)]
    watcher.cancel()
    totals = [one.approval_to_till for one in played if one.approval_to_till is not None]
    own = [share for steps in seen.values() if (share := timings.own_share(steps)) is not None]
    parts = {
        "radio": middle([_round_trip(one) for one in played]),
        "verification": arithmetic_times.in_micropython(["p256_check"])["p256_check"],
        "serial": _wire_ms(world.settings.rate, _approval(wallet)),
        "authority": _middle(seen, timings.AUTHORITY),
    }
    return [
        Row(
            "sale_approval_to_till", middle(totals), "ms", budget=SALE_BUDGET_MS,
            bound=sum(parts.values()), bound_is=", ".join(f"{k} {v:.3g}" for k, v in parts.items()),
        ),
        Row("sale_over_its_parts", middle(totals) / sum(parts.values()), "", budget=PARTS_BUDGET),
        Row(
            "bridge_own_share", middle(own, 1000), "ms", budget=BRIDGE_BUDGET_MS,
            bound=bridge_floor(), bound_is=FLOOR_IS,
        ),
        Row("authority_answer", parts["authority"], "ms"),
        Row("receiver_verdict", _middle(seen, timings.VERDICT), "ms"),
    ]  # fmt: skip


def bridge_floor() -> float:
    """Return the least milliseconds of a bridge, from an approval to the notified till."""
    return (COMMITS * _commit() + CHECKS * _check()) * 1000


def _round_trip(played: Played) -> float:
    """Return milliseconds from the approval's write to its acknowledgement on the air."""
    (step,) = [step for step in played.steps if step.name == "approval_written"]
    acknowledged: float = step.details["acknowledged"]
    return (acknowledged - step.at) * 1000


def _middle(seen: Mapping[str, Mapping[str, float]], between: tuple[str, str]) -> float:
    """Return the median milliseconds of one span."""
    spans = [timings.span(steps, between) for steps in seen.values()]
    return middle([span for span in spans if span is not None], 1000)


async def _watch(world: World, seen: dict[str, dict[str, float]]) -> None:
    async for event in world.till.events():
        if event["event"] == "timing":
            seen[event["sale_id"]] = event["stamps"]


def _wire_ms(rate: int, approval: bytes) -> float:
    """Return milliseconds of approval, its acknowledgement and verdict on the line, in sequence.

    The rest crosses before the last digit, or meanwhile in the other direction.
    """
    session = bytes(messages.HASH_SIZE)
    sent = (
        wire.encode(wire.APPROVAL, wire.ApprovalRecord(session, 0, approval)),
        b"",
        wire.encode(wire.VERDICT, wire.Verdict(session, bytes(signed.ID_SIZE), reasons.OK)),
    )
    total = sum(len(payload) + frames.FRAME_OVERHEAD for payload in sent)
    return total * BAUD_BITS / rate * 1000


def _approval(wallet: Wallet) -> bytes:
    """Make an approval of the usual size; its signature is not valid."""
    value = messages.Approval(
        version=messages.VERSION,
        counter=wallet.counter,
        amount=AMOUNT,
        currency=SEK,
        recipient=wallet.recipients[0].id,
        time=int(time.time()),
        app=APP_BUILD,
        proof=bytes(code_proof.PROOF_SIZE),
    )
    return signed.encode(messages.APPROVAL, value, b"", _unsigned, b"", cose.ALG_ESP256)


def _unsigned(_data: bytes) -> bytes:
    return bytes(cose.SIGNATURE_SIZE)


def _commit() -> float:
    """Return seconds for one durable commit by SQLite itself, in the journal's mode."""
    with TemporaryDirectory() as directory:
        db = sqlite3.connect(Path(directory) / "floor.sqlite", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE floor (data BLOB)")
        insert = ("INSERT INTO floor VALUES (?)", (bytes(ENTRY_SIZE),))
        times = [_spent(db.execute, *insert) for _ in range(SAMPLES)]
        db.close()
    return middle(times)


def _check() -> float:
    """Return seconds for one strict verification with the host's libraries."""
    seed, message = bytes(32), bytes(150)
    public, signature = host.ed25519_public(seed), host.ed25519_sign(seed, message)
    key = finish(host.ed25519_key_job(public))
    checks = [host.ed25519_check_job(key, message, signature) for _ in range(SAMPLES)]
    times = [_spent(finish, check) for check in checks]
    return middle(times)


def _spent(function: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start
