"""Whole sales through the real processes, and the bridge's own share of them."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bridge import stamps
from receiver import frames, messages, wire
from receiver.crypto import host
from simulator.demo.story import PLAIN, Stage
from simulator.phone.backend import phone_radio

from .rows import Row, middle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulator.world.world import World

SALES = 25
SALE_BUDGET_MS = 400
BRIDGE_BUDGET_MS = 10
BAUD_BITS = 10  # a byte on the wire: start bit, eight bits, stop bit
COMMITS = 3  # what must be on disk: the approval, that the authority is asked, the last word
CHECKS = 1  # signatures on the way: the approval; the receipt is read while the receiver verifies
SAMPLES = 200
APPROVAL_SIZE = 120  # of 249.00 SEK; others differ by a few bytes
ENTRY_SIZE = 500  # bytes: an approval in the journal


def _nothing(*_: Any) -> None:
    """Nobody watches a measurement."""


async def rows(world: World) -> list[Row]:
    """Approval to till over many sales, with the parts that it cannot do without."""
    seen: dict[str, dict[str, float]] = {}
    watcher = asyncio.create_task(_watch(world, seen))
    wallet = await world.new_wallet()
    async with phone_radio(world.radio.phones) as radio:
        stage = Stage(world, wallet, radio, _nothing, _nothing)
        played = [await stage.run(PLAIN) for _ in range(SALES)]
    watcher.cancel()
    totals = [one.approval_to_till for one in played if one.approval_to_till is not None]
    own = [share for steps in seen.values() if (share := stamps.own_share(steps)) is not None]
    return [
        Row(
            "sale_approval_to_till", middle(totals), "ms", budget=SALE_BUDGET_MS,
            bound=_wire_ms(world.settings.rate),
            bound_is="its bytes on the serial line alone",
        ),
        Row(
            "bridge_own_share", middle(own, 1000), "ms", budget=BRIDGE_BUDGET_MS,
            bound=(COMMITS * _commit() + CHECKS * _check()) * 1000,
            bound_is="its commits and signature checks alone",
        ),
        Row("authority_answer", _middle(seen, stamps.AUTHORITY), "ms"),
        Row("receiver_verdict", _middle(seen, stamps.VERDICT), "ms"),
    ]  # fmt: skip


def _middle(seen: Mapping[str, Mapping[str, float]], between: tuple[str, str]) -> float:
    """The median milliseconds of one span."""
    spans = [stamps.span(steps, between) for steps in seen.values()]
    return middle([span for span in spans if span is not None], 1000)


async def _watch(world: World, seen: dict[str, dict[str, float]]) -> None:
    async for event in world.till.events():
        if event["event"] == "timing":
            seen[event["sale_id"]] = event["stamps"]


def _wire_ms(rate: int) -> float:
    """Milliseconds that approval and verdict spend on the wire; the rest crossed before."""
    approval = bytes(APPROVAL_SIZE)
    session = bytes(messages.HASH_SIZE)
    sent = (
        (wire.APPROVAL, wire.ApprovalRecord(session, 0, approval)),
        (wire.VERDICT, wire.Verdict(session, bytes(16), 0)),
    )
    total = sum(len(wire.encode(*one)) + frames.FRAME_OVERHEAD for one in sent)
    return total * BAUD_BITS / rate * 1000


def _commit() -> float:
    """Seconds for one durable commit by SQLite itself, in the journal's mode."""
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
    """Seconds for one strict verification with the host's libraries."""
    seed, message = bytes(32), bytes(150)
    public, signature = host.ed25519_public(seed), host.ed25519_sign(seed, message)
    times = [_spent(host.ed25519_verify, public, message, signature) for _ in range(SAMPLES)]
    return middle(times)


def _spent(function: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start
