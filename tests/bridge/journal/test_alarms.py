"""Alarms of the journal: they stand until they are acknowledged, through archives and restarts."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from bridge.journal import Acknowledgement, Alarm, Journal, Standing
from bridge.journal.reader import Reader
from tests.support.bridge.journals import closed, tamper, verified


def alarm(key: str = "one", sale_id: str = "sale 1") -> Alarm:
    return Alarm(
        *(key, "paid_twice", sale_id, b"a" * 16, 24900, 752, 7, b"receiver", 5, "på kassan")
    )


def test_it_stands_until_it_is_acknowledged(path: Path, journal: Journal) -> None:
    assert journal.raise_alarm(5, alarm())
    assert journal.raise_alarm(6, alarm("two"))
    for _ in range(2):
        assert journal.alarms() == [Standing(alarm()), Standing(alarm("two"))]
        journal.flush()
    assert journal.acknowledge(7, "one", "Åsa", "seen to")
    seen = Standing(alarm(), Acknowledgement("Åsa", "seen to", 7))
    for _ in range(2):
        assert journal.alarms() == [Standing(alarm("two"))]
        assert journal.alarms(standing=False) == [seen, Standing(alarm("two"))]
        journal.flush()
    journal.archive(set())
    journal.close()
    with closing(Journal.open(path)) as again, Reader(path) as reader:
        assert again.alarms(standing=False) == reader.alarms() == [seen, Standing(alarm("two"))]
    assert verified(path).findings == []


def test_it_is_on_the_disk_with_the_next_flush(path: Path, journal: Journal) -> None:
    journal.raise_alarm(5, alarm())
    with Reader(path) as reader:
        assert reader.alarms() == []
    journal.append(6, "sale 2", "rung", "{}")
    with Reader(path) as reader:
        assert reader.alarms() == [Standing(alarm())]


def test_the_same_key_again_changes_nothing(path: Path, journal: Journal) -> None:
    assert journal.raise_alarm(5, alarm())
    for _ in range(2):
        assert not journal.raise_alarm(6, alarm()._replace(amount=1))
        journal.flush()
    assert not journal.acknowledge(7, "unknown", "Åsa", "")
    for by in ("Åsa", "Bo", "Cy"):
        assert journal.acknowledge(8, "one", by, "")
    journal.flush()
    assert journal.acknowledge(9, "one", "Dan", "")
    assert not journal.raise_alarm(10, alarm())
    assert journal.alarms() == []
    [standing] = journal.alarms(standing=False)
    assert standing == Standing(alarm(), Acknowledgement("Åsa", "", 8))
    assert journal.position.sequence == 2


def test_an_alarm_opens_no_sale(path: Path, journal: Journal) -> None:
    """One about a sale long closed stands beside it, and changes nothing of what it was."""
    journal.append(1, "sale 1", "rung", "{}")
    journal.close_sale(closed("sale 1"))
    journal.archive(set())
    journal.raise_alarm(5, alarm())
    journal.raise_alarm(5, alarm("two", "sale 2"))
    assert [entry.kind for entry in journal.entries_of("sale 1")] == ["rung"]
    assert journal.entries_of("sale 2") == list(journal.rebuild()) == journal.since(2) == []
    journal.flush()
    journal.close_sale(closed("sale 1", state="liability"))
    journal.archive(set())
    assert list(journal.rebuild()) == []
    journal.acknowledge(6, "one", "Åsa", "")
    journal.archive(set())
    with Reader(path) as reader:
        kinds = [row.kind.rpartition(".")[2] for row in reader.rows_of("sale 1")]
    assert kinds == ["rung", "closed", "alarm", "closed", "acknowledged"]
    assert verified(path).findings == []


def test_an_alarm_may_come_before_its_sale(path: Path, journal: Journal) -> None:
    """All of it in one commit: the sale begins where its own first entry is."""
    journal.raise_alarm(5, alarm())
    journal.note(6, "sale 1", "rung", "{}")
    journal.close_sale(closed("sale 1"))
    journal.flush()
    assert [entry.id for entry in journal.entries_of("sale 1")] == [2]
    assert verified(path).findings == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alarms SET amount = 1 WHERE key = 'one'",
        "UPDATE alarms SET acknowledged = 9, by = 'Åsa' WHERE key = 'two'",
        "UPDATE alarms SET by = 'Bo' WHERE key = 'one'",
        "DELETE FROM alarms WHERE key = 'two'",
    ],
)
def test_other_alarms_than_the_entries_say_are_found(
    path: Path, journal: Journal, statement: str
) -> None:
    journal.raise_alarm(5, alarm())
    journal.raise_alarm(5, alarm("two"))
    journal.acknowledge(6, "one", "Åsa", "")
    journal.archive(set())
    assert verified(path).findings == []
    tamper(path, statement)
    [finding] = verified(path).findings
    assert finding.endswith("the alarms do not match the entries")
