"""A journal that is full, damaged or somebody else's: nothing is lost, and the bridge says so."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.journal import Journal, JournalError, JournalFullError, disk
from bridge.journal.writer import ROOM
from bridge.till.rest import journal_stalled
from tests.support.shop.money import Paper, ends, sells
from tests.support.shop.till import AMOUNT, SALE, World

NEXT = "sale-of-the-next-buyer"
BLOCK = 4096
BODY = {"sale_id": NEXT, "amount": AMOUNT, "currency": "SEK"}


# A disk that is full.


async def test_nothing_new_is_taken_without_room(
    stopped: World, paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was rung up before goes on to its end."""
    async with stopped.bridge():
        await stopped.ring_up()
        with monkeypatch.context() as full:
            full.setattr(disk, "free", lambda _: ROOM - 1)
            await stopped.pay()
            assert (await stopped.sale())["state"] == "approved"
            await refuses(stopped, "/v1/sales", BODY)
            await ends(stopped, paper, "paid")
            refund = {"refund_id": "refund-0123456789", "sale_id": SALE, "amount": 1}
            await refuses(stopped, "/v1/refunds", refund)
        await sells(stopped, paper, NEXT)


async def refuses(world: World, path: str, body: dict[str, Any]) -> None:
    status, problem = await world.call("POST", path, json=body)
    assert (status, problem["type"]) == (503, "urn:tillsign:problem:no-room")
    assert "disk" in problem["detail"]


# What the disk has no room for, once.
FULL = (
    "rung",
    "offered",
    "approval_received",
    "authorisation_sent",
    "authorised",
    "verified",
    "till_notified",
    "paid",
    "posted",
)


@pytest.mark.parametrize("kind", FULL)
async def test_the_disk_fills_up_in_a_sale(
    stopped: World, paper: Paper, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The bridge does nothing that is not on disk, and goes on with the sale once there is room."""
    monkeypatch.setattr(journal_stalled, "CASHIER_S", 0.01)
    monkeypatch.setattr(Journal, "flush", full_from(kind))
    async with stopped.bridge():
        selling = asyncio.create_task(sale_of(stopped))
        await stopped.stalled("full", held=False)
        monkeypatch.undo()
        await selling
        await ends(stopped, paper, "paid")
        await sells(stopped, paper, NEXT)


def full_from(kind: str) -> Callable[[Journal], None]:
    """A `flush` that finds no room for such an entry, and for none that comes after it."""
    flush, full = Journal.flush, [False]

    def flushing(journal: Journal) -> None:
        rows = journal._batch.rows
        full[0] |= any(row.kind == kind for row in rows)
        if full[0] and rows:
            raise JournalFullError("no room on the disk; free some")
        flush(journal)

    return flushing


async def sale_of(world: World) -> None:
    """A till that comes again after each 503, until its sale is paid."""
    await answered(world, "POST", "/v1/sales", json={**BODY, "sale_id": SALE})
    await world.device.offered()
    await world.pay()
    while (await answered(world, "GET", f"/v1/sales/{SALE}?wait=1"))["state"] != "approved":
        pass
    await answered(world, "POST", f"/v1/sales/{SALE}/paid")


async def answered(world: World, method: str, path: str, **request: Any) -> dict[str, Any]:
    while True:
        status, answer = await world.call(method, path, **request)
        if status in (200, 201):
            return answer
        assert (status, answer["type"]) == (503, "urn:tillsign:problem:no-room")


# A disk that is really full.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 48 MB; only where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    try:
        subprocess.run(mounting, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a file system: no small disk to fill")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_disk_that_is_really_full(stopped: World, small_disk: Path, paper: Paper) -> None:
    """Down to the last block, when the till says that it is paid; then there is room again."""
    stopped.config = replace(stopped.config, journal=small_disk / "journal.sqlite")
    filler = small_disk / "filler"
    async with stopped.bridge():
        await stopped.approved()
        filler.write_bytes(bytes(disk.free(small_disk) - ROOM // 2))
        await refuses(stopped, "/v1/sales", BODY)
        fill(filler)
        await stopped.call("POST", f"/v1/sales/{SALE}/paid")  # which may find room still
        filler.unlink()
        await ends(stopped, paper, "paid")
        await sells(stopped, paper, NEXT)


def fill(path: Path) -> None:
    """Until the disk takes nothing more."""
    with suppress(OSError), path.open("ab", buffering=0) as file:
        while file.write(bytes(BLOCK)):
            pass
    assert disk.free(path.parent) < BLOCK


# A journal that is damaged.


def _header(path: Path) -> None:
    overwrite(path, 0, b"SQLite format 4")


def _page(path: Path) -> None:
    overwrite(path, path.stat().st_size // 2, b"\xa5" * 512)


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 4096)


def _emptied(path: Path) -> None:
    path.write_bytes(b"all gone")


def _changed(path: Path) -> None:
    """By somebody who knows SQLite: a paid sale of another amount."""
    change(path, f"UPDATE entries SET body = replace(body, '{AMOUNT}', '1')")


def _without(path: Path) -> None:
    change(path, "DELETE FROM entries WHERE kind = 'till_notified'")


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
            db.execute(f"DROP TRIGGER {trigger}")
        assert db.execute(statement).rowcount > 0


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


DAMAGES = [_header, _page, _cut, _emptied, _changed, _without]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
async def test_a_damaged_journal(
    stopped: World, paper: Paper, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Found at the start and said; nothing is written over it; a good copy goes on where it was."""
    path = stopped.config.journal
    async with stopped.bridge():
        paper.keep(await stopped.posted())
        await stopped.approved(NEXT)
    copy = shutil.copy(path, tmp_path / "copy")
    damage(path)
    damaged = contents(path)
    with pytest.raises(JournalError, match=str(path)):
        async with stopped.bridge():
            pass
    assert contents(path) == damaged
    shutil.copy(copy, path)
    async with stopped.bridge():
        await ends(stopped, paper, "paid", NEXT)


def contents(path: Path) -> dict[str, bytes]:
    """The journal's files with something in them; lock and index belong to whoever looks."""
    files = [path, path.with_name(path.name + "-wal")]
    return {file.name: data for file in files if file.exists() and (data := file.read_bytes())}


async def test_a_journal_that_is_lost(stopped: World, paper: Paper) -> None:
    """The till still has its paper, and the authority what it holds: the decision finds it."""
    async with stopped.bridge():
        await stopped.approved()
    for name in contents(stopped.config.journal):
        (stopped.config.journal.parent / name).unlink()
    async with stopped.bridge():
        await ends(stopped, paper, "paid")
        await sells(stopped, paper, NEXT)
