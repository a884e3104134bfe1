"""One approval's way through the bridge, from the serial line's bytes to the till's answer.

A separate bridge sells to one phone, behind a TCP line, with a till that waits by HTTP and an
authority over TLS; nothing watches its events. `traced` documents what each figure counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import msgspec

from simulator.tools.load.buyer import LoadBuyer
from simulator.tools.load.shop import load_shop
from simulator.tools.load.till import LoadTill

from . import lower_bound
from .rows import Figure
from .traced import COUNTED, TIMED, Counted

COUNTED_SALES = 25
TIMED_SALES = 75  # two runs agree within a tenth; a crowded machine's cold caches add a fifth
AMOUNT = 24_900


def measure() -> dict[str, Figure]:
    """Measure the median sale.

    `approval_own_bare` is the bridge's processor time on the way from the approval's bytes to the
    till's answer, without SQLite's transactions and the signature checks. Not on the way: what it
    does from the request until the later of the authority's answer and the receiver's verdict.
    Of this one a quarter of the sales takes less: a busy machine slows down the others.
    """
    counts, times = counted(COUNTED_SALES), timed(TIMED_SALES)
    bare, _, _ = quantiles([seconds * 1000 for seconds in times], n=4)
    return {
        "approval_bridge_files": Figure(median(len(count.files) for count in counts)),
        "approval_bridge_moves": Figure(median(count.moves for count in counts)),
        "approval_bridge_calls": Figure(median(count.calls for count in counts)),
        "approval_cose_parses": Figure(median(count.parses for count in counts)),
        "approval_commits": Figure(median(count.commits for count in counts)),
        "approval_own_bare": Figure(bare, lower_bound.answered()),
    }


def counted(sales: int) -> list[Counted]:
    """Count this many sales, one after the other."""
    return [msgspec.json.decode(line, type=Counted) for line in _told(COUNTED, sales)]


def timed(sales: int) -> list[float]:
    """Time this many sales, one after the other: seconds of the bridge's own share."""
    return [float(line) for line in _told(TIMED, sales)]


def _told(how: str, sales: int) -> list[str]:
    """Return the result lines of the bridge."""
    with TemporaryDirectory(prefix="tillsign-") as directory:
        results = Path(directory, "results")
        asyncio.run(
            _sell(Path(directory), ("simulator.tools.bench.traced", how, str(results)), sales)
        )
        return results.read_text().splitlines()


async def _sell(directory: Path, program: Sequence[str], sales: int) -> None:
    async with load_shop(directory, 1, program) as shop, asyncio.TaskGroup() as tasks:
        (counter,) = shop.counters
        counter.board.air = LoadBuyer(counter.board, counter.wallet, tasks.create_task)
        till = LoadTill(counter.till, shop.bridge.till_api)
        for _ in range(sales):
            await till.sell(AMOUNT)
        till.close()
