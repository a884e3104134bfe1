"""What DTR and RTS do on a board."""

from __future__ import annotations

import pytest

from simulator.hardware.board.reset_lines import RISE_MS, ResetLines, Start

DTR, RTS, BOTH, NONE = (True, False), (False, True), (True, True), (False, False)


def after(*changes: tuple[bool, bool]) -> list[Start | None]:
    lines = ResetLines()
    return [lines.change(*change, now) for now, change in enumerate(changes)]


@pytest.mark.parametrize(
    ("changes", "starts"),
    [
        ([RTS, NONE], [Start.HELD, Start.FIRMWARE]),
        ([RTS, RTS, DTR], [Start.HELD, None, Start.DOWNLOAD]),
        ([RTS, BOTH, DTR, NONE], [Start.HELD, None, Start.DOWNLOAD, None]),
        ([DTR, BOTH, NONE], [None, None, None]),
        ([RTS, BOTH, NONE], [Start.HELD, None, Start.FIRMWARE]),
        ([RTS, BOTH, RTS], [Start.HELD, None, Start.HELD]),
    ],
    ids=["reset", "tight", "classic", "an open port", "let go", "again"],
)
def test_a_sequence(changes: list[tuple[bool, bool]], starts: list[Start | None]) -> None:
    assert after(*changes) == starts


def test_the_capacitor_charges_with_both_lines_asserted() -> None:
    lines = ResetLines()
    lines.change(*RTS, 0)
    lines.change(*BOTH, 10)
    assert lines.deadline() == 10 + RISE_MS
    assert lines.expire(10 + RISE_MS - 1) is None
    assert lines.expire(10 + RISE_MS) is Start.FIRMWARE
    assert lines.deadline() is None
