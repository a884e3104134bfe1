"""The soak's watcher: what was told is what is written, once and in order."""

from __future__ import annotations

import pytest

from bridge.domain import event_codec
from bridge.domain.sale import Fact, Terms
from bridge.domain.states import Event
from bridge.journal import Entry
from receiver import reasons
from simulator.tools.soak.event_watcher import Era, EventWatcher, Heard, Point, compare

SALE = "sale-0123456789ab"
TERMS = Terms(SALE, 1, 100, 752, 25, "", b"12345678", b"receiver")
FACTS = (Fact(Event.OFFERED, offer=b"offer"), Fact(Event.CANCELLED, reasons.CASHIER_CANCELLED))
ENTRIES = [
    Entry(1, 0, SALE, event_codec.RUNG, event_codec.dump_terms(TERMS)),
    *(
        Entry(number, 0, SALE, fact.event, event_codec.dump_fact(fact).body)
        for number, fact in enumerate(FACTS, 2)
    ),
]
TOLD = [Heard(entry.id, SALE, entry.kind) for entry in ENTRIES]


async def nowhere() -> str:
    raise OSError


def found(*heard: Heard, gap: range = range(0)) -> list[str]:
    watcher = EventWatcher(nowhere)
    watcher.eras = [Era(heard=[*heard], gaps=[gap])]
    return [finding.text for finding in compare(watcher, ENTRIES)]


RUNG, OFFERED, ENDED = TOLD
MISHEARD = OFFERED._replace(what="approval_received")


@pytest.mark.parametrize(
    ("heard", "gap", "texts"),
    [
        (TOLD, None, []),
        ([RUNG, ENDED], None, ["offered never sent"]),
        ([RUNG, OFFERED], None, ["cancelled never sent"]),
        ([RUNG, ENDED], range(2, 3), []),
        ([*TOLD, ENDED], None, ["cancelled sent again, or out of order"]),
        ([RUNG, ENDED, OFFERED], None, ["offered sent again, or out of order"]),
        ([*TOLD, Heard(4, SALE, "claimed")], None, ["claimed sent, but not in the journal"]),
        ([RUNG, MISHEARD, ENDED], None, ["approval_received sent, but not in the journal"]),
    ],
    ids=[
        *("all", "one missed", "the last missed", "one in an archive by then", "one twice"),
        *("in another order", "what a crash forgot", "another event"),
    ],
)
def test_what_was_told(heard: list[Heard], gap: range | None, texts: list[str]) -> None:
    assert found(*heard, gap=gap or range(0)) == texts


def put_back(*eras: list[Heard], points: list[Point]) -> EventWatcher:
    """What was told until each of these was put back, and after the last."""
    watcher = EventWatcher(nowhere)
    for heard, point in zip(eras, points, strict=True):
        watcher.eras[-1].heard = heard
        watcher.put_back(point)
    return watcher


def texts(watcher: EventWatcher) -> list[str]:
    return [finding.text for finding in compare(watcher, ENTRIES)]


def test_what_was_lost_with_a_journal_is_not_missed() -> None:
    lost = Heard(2, "sale-of-another-day", "rung")
    watcher = put_back([TOLD[0], lost], points=[Point(0, 1)])
    assert texts(watcher) == ["offered never sent", "cancelled never sent"]
    watcher.eras[-1].heard = TOLD[1:]
    assert texts(watcher) == []


def test_what_stands_in_an_older_journal_is_compared() -> None:
    watcher = put_back([TOLD[0], MISHEARD], points=[Point(0, 2)])
    watcher.eras[-1].heard = TOLD[2:]
    assert texts(watcher) == ["approval_received sent, but not in the journal"]


def test_a_copy_of_an_earlier_era() -> None:
    """The second one came of a copy of the first, and the last of another copy of the first."""
    between = [Heard(2, "sale-of-another-day", "rung")]
    watcher = put_back(TOLD[:2], between, points=[Point(0, 1), Point(0, 2)])
    assert [era.stands for era in watcher.eras[:2]] == [2, 0]
    watcher.eras[-1].heard = TOLD[2:]
    assert texts(watcher) == []
