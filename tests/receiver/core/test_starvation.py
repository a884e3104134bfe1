"""Who holds the radio's buffers: asked for, inferred, and cut for those who wait."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.core import io, sale_session, starvation
from receiver.core import radio as air
from receiver.core.starvation import (
    AFTER_MS,
    AGAIN_MS,
    ASK_MS,
    DOOR_MS,
    SHORT_MS,
    STALL_MS,
    SUSPECT_MS,
)
from receiver.protocol import gatt
from tests.support.machines.receiver import Phone, World


class Hungry(World):
    """Its radio has no buffer left while `empty`."""

    empty = False

    def drain(self) -> None:
        super().drain()
        while self.asked > self.answered:
            self.answered += 1
            self.receiver.handle(io.Buffers(not self.empty), self.now)
            super().drain()

    answered = 0

    @property
    def asked(self) -> int:
        return len(self.of(io.AskBuffers))

    @property
    def on_air(self) -> bool:
        return self.of(io.Advertise)[-1].interval_us != 0


@pytest.fixture
def selling(selling: World) -> Hungry:
    """The world of the other tests, with a radio that answers."""
    selling.__class__ = Hungry
    assert isinstance(selling, Hungry)
    return selling


def cut(*phones: Phone) -> list[bool]:
    return [phone.is_cut() for phone in phones]


# When the radio is asked.


def test_the_radio_is_asked_when_a_phone_comes_or_goes(selling: Hungry) -> None:
    phone = Phone(selling).connect()
    assert selling.asked == 1
    phone.vanish()
    assert selling.asked == 2
    selling.pass_time(10 * ASK_MS)
    assert selling.asked == 2


def test_one_phone_alone_is_not_asked_for(selling: Hungry) -> None:
    """It starves none but itself; each question costs the heap an exception."""
    selling.empty = True
    phone = Phone(selling).connect().key()
    selling.pass_time(10 * ASK_MS)
    assert selling.asked == 1
    assert not phone.is_cut()


def test_it_is_asked_every_so_often_while_one_of_two_pays(selling: Hungry) -> None:
    phones = [Phone(selling, link, f"phone {link}").connect() for link in range(2)]
    phones[0].key()
    before = selling.asked
    selling.pass_time(8 * ASK_MS)
    assert selling.asked - before == pytest.approx(8, abs=1)
    assert cut(*phones) == [False, False]


# Who is cut.


def test_a_short_burst_cuts_no_one(selling: Hungry) -> None:
    phones = [Phone(selling, link, f"phone {link}").connect() for link in range(2)]
    phones[0].key()
    selling.feed(io.Buffers(False))
    selling.pass_time(SHORT_MS - 1)
    selling.feed(io.Buffers(False))
    assert selling.receiver.air.starvation.state == starvation.SHORT
    selling.pass_time(10 * ASK_MS)
    assert selling.receiver.air.starvation.state == starvation.FED
    assert cut(*phones) == [False, False]


@pytest.mark.parametrize("mtu", [None, gatt.MTU], ids=["silent", "polite"])
def test_for_one_that_pays_those_without_a_key_are_cut_one_after_the_other(
    selling: Hungry, mtu: int | None
) -> None:
    """Below four links, too; the newest first, as it has come back. No refusal could leave."""
    payer = Phone(selling, 0, "payer").connect().key()
    selling.pass_time(10)
    first = Phone(selling, 1).connect(mtu)
    selling.pass_time(10)
    second = Phone(selling, 2).connect(mtu)
    selling.empty = True
    selling.pass_time(ASK_MS + SHORT_MS)
    assert cut(payer, first, second) == [False, False, True]
    assert second.refused == []
    selling.pass_time(AGAIN_MS)
    assert cut(payer, first, second) == [False, False, True]  # until it is gone
    second.vanish()
    assert cut(payer, first, second) == [False, True, True]
    first.vanish()
    selling.empty = False
    selling.pass_time(AGAIN_MS)
    assert selling.counters == {reasons.STARVED: 2}
    payer.present().sign()
    assert selling.sale.state == sale_session.CLAIMED


def test_a_new_phone_has_time_to_send_its_key_before_anyone_is_cut_for_the_next(
    selling: Hungry,
) -> None:
    """It needs no buffer for that, and is then one that pays."""
    selling.empty = True
    attacker = Phone(selling, 0).connect()
    selling.pass_time(gatt.PLACE_MS - 1)
    phone = Phone(selling, 1, "phone").connect()
    selling.pass_time(SHORT_MS)
    assert cut(attacker, phone) == [True, False]
    attacker.vanish()
    phone.key()
    selling.empty = False
    selling.pass_time(gatt.PLACE_MS)
    assert not phone.is_cut()


def test_the_oldest_waits_for_no_one(selling: Hungry) -> None:
    """Attackers alone are left alone."""
    selling.empty = True
    attackers = [Phone(selling, link).connect() for link in range(2)]
    selling.pass_time(gatt.PLACE_MS - 1)
    assert cut(*attackers) == [False, False]
    selling.pass_time(2 * gatt.PLACE_MS)
    assert cut(*attackers) == [False, False]


def test_after_a_cut_an_offer_has_time_to_reach_its_phone(selling: Hungry) -> None:
    selling.empty = True
    old = [Phone(selling, 0).connect()]
    selling.pass_time(10)
    old.append(Phone(selling, 1).connect())
    selling.pass_time(gatt.PLACE_MS)
    Phone(selling, 2).connect()
    selling.pass_time(SHORT_MS)
    assert cut(*old) == [False, True]
    old[1].vanish()
    selling.pass_time(AFTER_MS - SHORT_MS - 2 * AGAIN_MS)
    assert cut(*old) == [False, True]
    selling.pass_time(SHORT_MS + 2 * AGAIN_MS)
    assert cut(*old) == [True, True]


def test_of_two_with_a_key_the_older_is_cut_if_there_is_no_other(selling: Hungry) -> None:
    """It keeps its place without using it."""
    old = Phone(selling, 0, "old").connect().key()
    selling.pass_time(10)
    new = Phone(selling, 1, "new").connect().key()
    selling.empty = True
    selling.pass_time(ASK_MS + SHORT_MS)
    assert cut(old, new) == [True, False]


def test_one_whose_credential_has_come_stays_before_one_with_a_key_alone(selling: Hungry) -> None:
    old = Phone(selling, 0, "old").connect().key().present()
    selling.pass_time(10)
    new = Phone(selling, 1, "new").connect().key()
    selling.empty = True
    selling.pass_time(ASK_MS + SHORT_MS)
    assert cut(old, new) == [False, True]


def test_one_that_has_approved_is_never_cut_for_it(selling: Hungry) -> None:
    phone = Phone(selling, 0, "phone").connect().approve()
    selling.result()
    other = Phone(selling, 1, "other").connect()
    selling.empty = True
    selling.feed(io.Buffers(False))
    selling.pass_time(SHORT_MS)
    assert cut(phone, other) == [False, True]
    other.vanish()
    selling.pass_time(gatt.PLACE_MS)
    assert not phone.is_cut()


def test_one_that_raises_no_mtu_is_cut_for_one_that_cannot(selling: Hungry) -> None:
    """Whatever the radio says: half a packet holds buffers that no notification needs."""
    suspect = Phone(selling, 0).connect(mtu=None)
    selling.pass_time(SUSPECT_MS - STALL_MS)
    late = Phone(selling, 1).connect(mtu=None)
    selling.pass_time(STALL_MS - 1)
    assert cut(suspect, late) == [False, False]
    selling.pass_time(1 + ASK_MS)
    assert cut(suspect, late) == [True, False]


# The door.


def test_no_phone_may_come_after_a_cut_while_one_pays(selling: Hungry) -> None:
    Phone(selling, 0, "payer").connect().key()
    attacker = Phone(selling, 1).connect()
    selling.empty = True
    selling.pass_time(ASK_MS + SHORT_MS)
    assert attacker.is_cut()
    assert not selling.on_air
    selling.empty = False
    attacker.vanish()
    assert not selling.on_air
    selling.pass_time(DOOR_MS)
    assert selling.on_air


def test_phones_may_come_when_it_has_gone(selling: Hungry) -> None:
    payer = Phone(selling, 0, "payer").connect().key()
    attacker = Phone(selling, 1).connect()
    selling.empty = True
    selling.pass_time(ASK_MS + SHORT_MS)
    attacker.vanish()
    assert not selling.on_air
    payer.vanish()
    assert selling.on_air


# The advertisement.


def test_an_open_offer_is_advertised_anew_with_the_same_payload(selling: World) -> None:
    before = selling.of(io.Advertise)
    selling.pass_time(3 * air.RENEW_MS)
    renewed = selling.of(io.Advertise)[len(before) :]
    assert renewed == [before[-1]] * 3


def test_an_idle_till_is_not_advertised_anew(world: World) -> None:
    before = len(world.outputs)
    world.pass_time(3 * air.RENEW_MS)
    assert world.outputs[before:] == []
