"""Phone and receiver against each other, with the link cut at every message that crosses it."""

from __future__ import annotations

from itertools import combinations

import pytest

from receiver import reasons
from receiver.link import wire
from receiver.protocol import exchange
from simulator.authority.keys import Keys
from simulator.phone.conversation import events, states
from tests.support.machines.phone import CODE, Shop, wallet

BEFORE, AFTER = "before", "after"
CROSSINGS = 30  # more than any purchase here has; a cut beyond its end changes nothing


class Cut(Shop):
    """A shop whose link is cut at some of the messages that cross it, which are lost or not."""

    def __init__(self, keys: Keys, cuts: tuple[int, ...], when: str, *, told: bool) -> None:
        super().__init__(keys, wallet(keys))
        self._cuts = cuts
        self._when = when
        self._told = told
        self._crossed = 0
        self._due = False

    def _arrives(self) -> bool:
        """One message crosses; return whether it gets there."""
        self._crossed += 1
        if self._crossed not in self._cuts:
            return True
        if self._when == BEFORE:
            self.lose_link(told=self._told)
            return False
        self._due = True
        return True

    def _hears(self) -> bool:
        return super()._hears() and self._arrives()

    def _written(self, data: bytes) -> None:
        if self._arrives():
            super()._written(data)

    def run(self) -> None:
        while self._receiver_turn() or self._phone_turn():
            self._steps.take()
            if self._due:
                self._due = False
                self.lose_link(told=self._told)


def settle(shop: Cut) -> None:
    """Whatever waits for its time does so no longer."""
    shop.run()
    while shop.phone.link.is_sought:
        shop.wait(states.RETURN_PAUSE_MS)


def types(shop: Cut, code: str) -> None:
    """As a buyer does who sees the offer: each digit once."""
    shop.tell_phone(events.FirstDigit())
    settle(shop)
    shop.tell_phone(events.Code(code))
    settle(shop)


def pays(shop: Cut) -> None:
    """Exactly once, by exactly one approval of this offer, whatever was cut."""
    shop.visit()
    settle(shop)
    assert [view.kind for view in shop.views] == [events.SHOWN]
    types(shop, CODE)
    assert shop.phone.state == states.APPROVED
    shop.decide()
    settle(shop)
    assert shop.outcome.result == events.APPROVED
    assert [view.kind for view in shop.views] == [events.SHOWN]
    assert len(shop.sent(wire.APPROVAL)) == 1
    assert (shop.wallet.counter, shop.wallet.pending) == (2, {})


in_each_way = pytest.mark.parametrize("when", [BEFORE, AFTER])
with_each_loss = pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])


@in_each_way
@with_each_loss
def test_one_cut_at_every_message(keys: Keys, when: str, told: bool) -> None:
    for cut in range(CROSSINGS):
        pays(Cut(keys, (cut,), when, told=told))


@in_each_way
@with_each_loss
def test_two_cuts_at_every_pair_of_messages(keys: Keys, when: str, told: bool) -> None:
    for cuts in combinations(range(1, 12), 2):
        pays(Cut(keys, cuts, when, told=told))


@in_each_way
def test_a_cut_at_every_message_of_a_wrong_code_and_a_right_one(keys: Keys, when: str) -> None:
    for cut in range(CROSSINGS):
        shop = Cut(keys, (cut,), when, told=True)
        shop.visit()
        settle(shop)
        types(shop, "000000")
        shop.decide(reasons.CODE_WRONG)
        settle(shop)
        shop.ring_up()
        settle(shop)
        if shop.phone.state == states.ASKING:
            shop.tell_phone(events.Look())
            settle(shop)
        assert shop.phone.state == states.SHOWING
        types(shop, CODE)
        shop.decide()
        settle(shop)
        assert shop.outcome.result == events.APPROVED
        approvals = {data for data in shop.writes if data[0] == exchange.APPROVAL}
        assert len(approvals) <= 2
        assert len({record.data for record in shop.sent(wire.APPROVAL)}) == 2
        assert shop.wallet.counter == 3
