"""The smallest memory of a board: the sale that tells, and the halving that finds it."""

from __future__ import annotations

import asyncio

import pytest

from simulator.tools.chip import smallest
from simulator.tools.chip.four_phones import BoardError, Stats, sell
from simulator.world.receiver_command import Chip

NO_STATS = Stats(*[0] * len(Stats.__struct_fields__))


@pytest.mark.usefixtures("machine")
def test_four_phones_at_a_board_that_counts() -> None:
    before, after = asyncio.run(sell(Chip(counted=True)))
    assert 1_000 < before.boot == after.boot
    assert 0 < before.longest_turn <= after.longest_turn
    assert before.collections < after.collections
    assert after.collection < after.longest_turn_collecting


@pytest.mark.usefixtures("machine")
def test_a_board_without_memory_to_boot_is_told_apart() -> None:
    with pytest.raises(BoardError, match="it was reset"):
        asyncio.run(sell(Chip(pool=(50_000,), counted=True)))


@pytest.mark.parametrize("needed", [41, 128, 319])
def test_the_smallest_pool_is_found_by_halving(
    needed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def figures(chip: Chip, sales: int = 1) -> tuple[Stats, Stats]:
        tried.append(sum(chip.pool))
        if sum(chip.pool) < needed * smallest.STEP:
            raise BoardError("it was reset")
        return NO_STATS, NO_STATS

    monkeypatch.setattr(smallest, "figures", figures)
    found = smallest.smallest(True, smallest.in_two, lambda _: None)
    assert found == needed * smallest.STEP
    assert len(tried) < 12


def test_a_board_that_sells_in_no_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def figures(chip: Chip, sales: int = 1) -> tuple[Stats, Stats]:
        raise BoardError("it was reset")

    monkeypatch.setattr(smallest, "figures", figures)
    with pytest.raises(BoardError):
        smallest.smallest(True, smallest.whole, lambda _: None)
