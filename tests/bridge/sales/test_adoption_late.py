"""A lost journal whose till speaks days later: as long as the authority's money can still move."""

from __future__ import annotations

import time

import pytest

from bridge.sales import lost_sale
from simulator.authority.ledger import ledger
from tests.bridge.sales.test_adoption import held
from tests.support.shop.till import AMOUNT, SALE, World
from tests.support.values.clocks import Clock

pytestmark = pytest.mark.processes

HOUR_S = 3600
DAY_S = 24 * HOUR_S
HOURS = 5  # some, on either side of the week


def test_the_bridge_looks_back_further_than_the_authority_holds() -> None:
    """By a day: a till that was closed over night, and the two clocks."""
    assert lost_sale.BACK_S >= ledger.EXPIRE_AFTER_S + DAY_S


@pytest.mark.parametrize(
    ("later_s", "state"),
    [
        (ledger.EXPIRE_AFTER_S - HOURS * HOUR_S, "PENDING"),
        (ledger.EXPIRE_AFTER_S + HOURS * HOUR_S, "EXPIRED"),
        (-HOURS * HOUR_S, "PENDING"),
    ],
    ids=["six days", "seven days", "a clock set back"],
)
@pytest.mark.parametrize(("wish", "end"), [("paid", "POSTED"), ("cancel", "VOIDED")])
async def test_the_decision_comes_after_days(
    stopped: World,
    monkeypatch: pytest.MonkeyPatch,
    *,
    later_s: int,
    state: str,
    wish: str,
    end: str,
) -> None:
    name = await held(stopped)
    now = time.time() + later_s
    ledger.sweep(stopped.authority.office.store, int(now))
    assert stopped.transactions() == {name: state}
    clock = Clock()
    clock.read = lambda: now
    clock.install(monkeypatch)
    async with stopped.bridge():
        sale = await stopped.decide(wish)
        assert (sale["sale_id"], sale["amount"]) == (SALE, AMOUNT)
        assert sale["approval_id"] == name.hex()
        await stopped.settled()
        assert stopped.transactions() == {name: end}
