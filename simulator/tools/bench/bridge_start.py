"""The bridge's start on a journal of many sales."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from timeit import repeat

from bridge.journal import Closed, Entry, Journal
from simulator.tools.load.run import LoadPlan, Run
from simulator.tools.load.shop import load_shop
from simulator.world.bridge import BridgeProcess

from .rows import IMPORTS, SALES_BEFORE_START, Figure

STARTS = 5

_AT_ONCE = 25  # sales in a commit of the copy
_PROOF = bytes(16)  # stored apart from its line, and erased when the sale is closed
_HIDDEN = '"hidden"'  # in the line that it belongs to


def measure(progress: Callable[[int], object]) -> dict[str, Figure]:
    """Measure; `progress` gets the number of sales in the journal."""
    with TemporaryDirectory(prefix="tillsign-") as directory:
        return asyncio.run(_measure(Path(directory), progress))


async def _measure(directory: Path, progress: Callable[[int], object]) -> dict[str, Figure]:
    async with load_shop(directory, 1) as shop:
        await Run(shop, LoadPlan(sales=1), lambda _: None).play()
        await shop.bridge.stop()
        path = shop.bridge.directory / "journal.sqlite"
        entries, closed = _only_sale(path)
        empty = [await _start(shop.bridge, lambda: _remove(path)) for _ in range(STARTS)]
        _remove(path)
        fill(path, entries, closed, SALES_BEFORE_START, progress)
        full = [await _start(shop.bridge, lambda: _forget(path)) for _ in range(STARTS)]
    bare = repeat(_import, number=1, repeat=STARTS)
    return {
        f"cold_start_{SALES_BEFORE_START}": Figure(median(full), median(empty)),
        "cold_start_empty": Figure(median(empty), median(bare)),
    }


def fill(
    path: Path,
    entries: list[Entry],
    closed: Closed,
    sales: int,
    progress: Callable[[int], object],
) -> None:
    """Copy one sale under other ids, each a second later, archived as a bridge does."""
    journal = Journal.open(path)
    for number in range(1, sales + 1):
        _copy(journal, entries, closed, number, (number - sales) * 1000)
        if journal.must_archive():
            journal.archive(set())
            progress(number)
        elif not number % _AT_ONCE:
            journal.flush()
    journal.close()


def _copy(journal: Journal, entries: list[Entry], closed: Closed, number: int, later: int) -> None:
    """Copy a sale; `later` in milliseconds, negative for earlier."""
    sale_id = f"{number:032x}"
    for entry in entries:
        body = entry.body.replace(closed.sale_id, sale_id)
        secret = _PROOF if _HIDDEN in body else b""
        journal.note(entry.at + later, sale_id, entry.kind, body, secret)
    journal.close_sale(
        closed._replace(
            sale_id=sale_id,
            decided_at=closed.decided_at + later,
            transaction_id=secrets.token_bytes(len(closed.transaction_id)),
            approval_id=secrets.token_bytes(len(closed.approval_id)),
            terms=closed.terms.replace(closed.sale_id, sale_id),
        )
    )


def _only_sale(path: Path) -> tuple[list[Entry], Closed]:
    journal = Journal.open(path)
    sale_id = next(journal.rebuild()).sale_id
    entries, closed = journal.entries_of(sale_id), journal.closed(sale_id)
    journal.close()
    if closed is None:
        raise RuntimeError("the sale is not closed")
    return entries, closed


async def _start(bridge: BridgeProcess, before: Callable[[], None]) -> float:
    """Return seconds from the start of the process to its readiness line."""
    before()
    start = time.monotonic()
    await bridge.start()
    spent = time.monotonic() - start
    await bridge.stop()
    return spent


def _remove(path: Path) -> None:
    for file in path.parent.glob(path.name + "*"):
        file.unlink()
    shutil.rmtree(path.with_suffix(".archive"), ignore_errors=True)


def _forget(path: Path) -> None:
    """Drop the journal from the system's cache: it is read from the disk."""
    for file in (*path.parent.glob(path.name + "*"), *path.with_suffix(".archive").iterdir()):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _import() -> None:
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
