"""What the authority has posted, beside what the till holds as paid."""

from __future__ import annotations

from tests.support.world.checkout import Checkout, Json

_POSTED = "SELECT coalesce(sum(amount), 0) FROM transactions WHERE state = 'POSTED' AND kind = ?"
_HELD = "SELECT count(*) FROM transactions WHERE state IN ('PENDING', 'EXPIRED')"


async def balances(till: Checkout) -> None:
    """All that is posted is all that was paid, less refunds and booked losses; nothing is held.

    Every sale of this checkout must be decided by now, and nothing owed.
    """
    kept = [await till.world.till.look(name) for name in till.kept]
    paid = [sale for sale in kept if sale["settlement"] != "liability"]
    assert {(sale["state"], sale["settlement"]) for sale in paid} <= {("paid", "posted")}
    refunded = [one for one in await _refunds(till) if one["state"] == "refunded"]
    store = till.world.authority.office.store
    purchases, refunds = (store.value(_POSTED, kind) for kind in (0, 1))
    assert purchases == sum(sale["amount"] for sale in paid)
    assert refunds == sum(one["amount"] for one in refunded)
    assert store.value(_HELD) == 0


async def _refunds(till: Checkout) -> list[Json]:
    sales = [event["sale"] for event in till.events if event["event"] == "sale"]
    names = {sale["refund_id"] for sale in sales if "refund_id" in sale}
    return [await till.world.till.refund_status(name) for name in names]
