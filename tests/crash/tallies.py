"""What the days of `test_any_order` must bring for that test to be worth anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain.states import VOLATILE, Event, State
from receiver.protocol import messages

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from tests.crash.quiet import Quiet

OFTEN = 5
CRASH, ARCHIVE, JAM = "a crash", "an archive", "a write turned down"
REFUND, REFUND_BY_PHONE = "a refund", "a refund by phone"
PAID_OFFLINE, REVERSED_OFFLINE = "an offline approval posted", "an offline approval reversed"
# These come of a journal that was lost, or an older one put back, which no day does.
OF_LOSS = {Event.ADOPTED, Event.PAID_AFTER_ALL, Event.REFUND_OWED}
WANTED = {
    *(event for event in Event if event not in {*OF_LOSS, *VOLATILE}),
    *(CRASH, ARCHIVE, JAM, REFUND, REFUND_BY_PHONE, PAID_OFFLINE, REVERSED_OFFLINE),
}


def rare(seen: Counter[str]) -> dict[str, int]:
    """What was seen less often than that."""
    return {what: seen[what] for what in WANTED if seen[what] < OFTEN}


def seen(quiet: Quiet) -> Iterator[str]:
    """What a day has brought."""
    yield from (entry.kind for entry in quiet.entries)
    yield from [CRASH] * (len(quiet.world.lives) - 1)
    yield from [JAM] * quiet.world.jam.met
    yield from (ARCHIVE for _ in quiet.path.parent.glob("*/*.sqlite"))
    ordered = {entry.sale_id for entry in quiet.entries if entry.kind == Event.REFUND_ORDERED}
    for sale in quiet.sales.values():
        if sale.is_refund and sale.state is State.POSTED:
            yield REFUND if sale.terms.sale_id in ordered else REFUND_BY_PHONE
        elif sale.mode == messages.OFFLINE and sale.state is State.POSTED:
            yield PAID_OFFLINE
        elif sale.mode == messages.OFFLINE and sale.state is State.CANCELLED:
            yield REVERSED_OFFLINE
