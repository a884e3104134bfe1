"""Who has sent a key and comes too late: a refusal that can be believed, and no more work."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receiver import reasons
from receiver.core import connection, sale_session
from receiver.link import wire
from receiver.protocol import exchange, gatt, padding
from simulator.authority.keys import Keys
from tests.support.machines import watch
from tests.support.machines.receiver import LINK_ENDS, Phone, World
from tests.support.machines.slices import SLICES, Sliced

AGREE = "x25519_job"
EPHEMERAL = "x25519_public_job"
SIGN = "ed25519_sign_job"
SEALED = [1 + padding.REFUSAL_SEALED]
LINK = 1  # of who comes too late


class Rush:
    """A buyer who is about to approve, and another; a chip that is asked for every slice."""

    def __init__(self, keys: Keys) -> None:
        self.crypto = Sliced()
        self.world = World(keys, crypto=self.crypto)
        self.world.lazy = True
        self.world.open()
        self.world.work()
        self.first = Phone(self.world, 0, "first").connect().key().present()
        self.world.work()
        self.crypto.forget()
        self.late = Phone(self.world, LINK, "late").connect()

    def send(self, steps: int, first: int = 0) -> None:
        """The late phone's key, credential and approval, up to so many."""
        for step in (self.late.key, self.late.present, self.late.sign)[first:steps]:
            step()

    def accept(self) -> None:
        """The first phone's approval holds."""
        self.first.sign()
        self.world.until(sale_session.CLAIMED)

    @property
    def secrets(self) -> list[bytearray]:
        """What the late phone's link holds."""
        held = self.world.receiver.air.links.get(LINK)
        assert held is not None
        return watch.of_link(held.sealed)

    def lengths(self) -> list[int]:
        return [len(data) for data in self.late.notified]


@pytest.fixture
def rush(keys: Keys) -> Rush:
    return Rush(keys)


@pytest.fixture
def beaten(rush: Rush) -> Rush:
    """The late phone has sent all that it has, and then the first was accepted."""
    rush.send(3)
    rush.accept()
    return rush


# Every order of arrival.


@pytest.mark.parametrize("done", range(SLICES + 1))
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_another_phone_is_accepted(rush: Rush, steps: int, done: int) -> None:
    """Whatever is here by then, with the agreement on it pending, under way or almost made."""
    rush.send(1)
    rush.world.slice(done)
    rush.first.sign()
    rush.send(steps, first=1)
    secrets = rush.secrets
    assert secrets
    rush.world.work()
    assert (rush.late.refused, rush.lengths()) == ([exchange.BUSY], SEALED)
    assert rush.late.is_cut()
    assert watch.is_erased(secrets)
    assert rush.secrets == []
    assert rush.crypto.begun.count(AGREE) == 1
    rush.world.result(b"paid")
    assert (rush.first.receipts, rush.world.counters) == ([b"paid"], {})


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_another_phone_is_accepted_when_all_is_ready_to_refuse(rush: Rush, steps: int) -> None:
    rush.send(1)
    rush.world.work()
    rush.first.sign()
    rush.send(steps, first=1)
    rush.world.work()
    assert (rush.late.refused, rush.lengths(), rush.secrets) == ([exchange.BUSY], SEALED, [])
    assert rush.world.sale.state == sale_session.CLAIMED


@pytest.mark.parametrize("already", [1, 2])
def test_what_it_goes_on_to_send_is_not_even_opened(rush: Rush, already: int) -> None:
    rush.send(already)
    rush.accept()
    rush.send(3, first=already)
    rush.crypto.forget()
    rush.world.work()
    assert rush.late.refused == [exchange.BUSY]
    assert set(rush.crypto.steps) <= {EPHEMERAL, AGREE}
    assert rush.world.counters == {}
    assert [record.link for record in rush.world.sent(wire.APPROVAL)] == [rush.first.link]


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_key_that_crosses_the_acceptance(rush: Rush, steps: int) -> None:
    """A plain word is out already, which a phone that has sealed something cannot believe."""
    rush.late.offer = rush.world.shown()
    rush.accept()
    assert rush.late.notified == [exchange.refusal(reasons.BUSY)]
    rush.late.agree()
    rush.late.write(exchange.KEY, rush.late.enc)
    rush.send(steps, first=1)
    rush.world.work()
    assert rush.late.refused == [exchange.BUSY] * 2
    assert rush.lengths()[1:] == SEALED
    assert rush.late.is_cut()
    assert rush.world.counters == {reasons.BUSY: 1}


def test_a_key_that_comes_when_the_offers_is_erased(rush: Rush) -> None:
    rush.late.offer = rush.world.shown()
    rush.accept()
    rush.world.result()
    rush.late.agree()
    rush.late.write(exchange.KEY, rush.late.enc)
    assert rush.late.notified[1:] == [exchange.refusal(reasons.WITHDRAWN)]
    assert rush.late.is_cut()


def test_a_key_is_taken_once_here_too(rush: Rush) -> None:
    rush.accept()
    rush.late.write(exchange.KEY, rush.first.enc)
    assert rush.late.is_cut()
    assert rush.world.counters == {reasons.REPLAY: 1}


# Other ends.


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_sale_is_cancelled(rush: Rush, steps: int) -> None:
    rush.send(steps)
    pair, secrets = watch.of_pair(rush.world.sale.pair), rush.secrets
    rush.world.cancel()
    assert watch.is_erased(pair)
    assert not watch.is_erased(secrets)
    rush.world.work()
    assert (rush.late.refused, rush.lengths()) == ([exchange.EXPIRED], SEALED)
    assert watch.is_erased(secrets)


@pytest.mark.parametrize("waits", [False, True])
def test_another_offer_follows_and_an_approval_was_not_looked_at(rush: Rush, waits: bool) -> None:
    """Whether it could not be opened yet, or waits behind the candidate."""
    if waits:
        rush.send(2)
        rush.world.work()
        rush.first.sign()
        rush.late.sign()
        while not rush.world.sale.waiting:
            rush.world.slice()
    else:
        rush.send(3)
    rush.world.open(reference=b"saleref2")
    rush.world.work()
    assert (rush.late.refused, rush.lengths()) == ([exchange.BUSY], SEALED)
    assert rush.first.refused == []  # its approval is with the bridge, if it has sent one
    assert rush.first.offers == 1


@pytest.mark.parametrize("steps", [1, 2])
def test_another_offer_follows_and_nothing_was_approved(rush: Rush, steps: int) -> None:
    rush.send(steps)
    rush.world.open(reference=b"saleref2")
    rush.world.work()
    assert (rush.late.notified, rush.late.offers) == ([], 1)
    assert rush.crypto.begun.count(AGREE) == 0
    rush.late.approve()
    rush.world.work()
    assert rush.world.sale.state == sale_session.CLAIMED


# Nobody waits for it, and it holds nobody up.


def test_a_new_order_and_who_pays_it_go_first(beaten: Rush) -> None:
    beaten.world.result()
    beaten.crypto.forget()
    beaten.world.open(reference=b"saleref2")
    beaten.world.until(sale_session.OPEN)
    assert set(beaten.crypto.steps) == {SIGN}
    other = Phone(beaten.world, 2, "other").connect().approve()
    beaten.world.until(sale_session.CLAIMED)
    assert beaten.crypto.begun.count(AGREE) == 1
    assert beaten.late.notified == []
    beaten.world.work()
    assert beaten.late.refused == [exchange.BUSY]
    assert beaten.late.offers == other.offers == 0
    assert beaten.crypto.ended[-1] == AGREE
    assert beaten.crypto.ended.index(EPHEMERAL) < len(beaten.crypto.ended) - 1


def test_it_waits_for_so_long_and_is_cut(beaten: Rush) -> None:
    secrets = beaten.secrets
    beaten.world.pass_time(gatt.PART_MS - 1)
    assert not beaten.late.is_cut()
    assert not watch.is_erased(secrets)
    beaten.world.pass_time(1)
    assert beaten.late.is_cut()
    assert watch.is_erased(secrets)
    beaten.world.work()
    assert beaten.crypto.begun.count(AGREE) == 0
    assert beaten.world.counters == {reasons.LINK_TIMEOUT: 1}


ENDS: dict[str, Callable[[Phone], object]] = {
    **LINK_ENDS,
    "switched off": lambda phone: phone.world.receiver.erase(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_nothing_is_left_of_it_when_the_link_ends_before(
    beaten: Rush, end: Callable[[Phone], object]
) -> None:
    secrets = beaten.secrets
    end(beaten.late)
    assert watch.is_erased(secrets)
    beaten.world.work()
    assert beaten.crypto.begun.count(AGREE) == 0
    assert beaten.late.notified == []


def test_it_is_not_driven_out_and_keeps_no_place(beaten: Rush) -> None:
    """It is about to go: nobody else has to for who comes next."""
    others = [Phone(beaten.world, link, f"other {link}").connect() for link in (2, 3)]
    beaten.world.pass_time(gatt.PART_MS - 1)
    assert not any(phone.is_cut() for phone in (beaten.late, *others))
    beaten.world.work()
    assert beaten.late.refused == [exchange.BUSY]
    assert reasons.EVICTED not in beaten.world.counters


def test_a_key_that_agrees_on_nothing(rush: Rush) -> None:
    rush.late.write(exchange.KEY, bytes(padding.ENC_SIZE))
    rush.accept()
    rush.world.work()
    assert rush.late.is_cut()
    assert rush.late.notified == [exchange.refusal(reasons.BAD_KEY)]
    assert rush.world.counters == {reasons.BAD_KEY: 1}


def test_a_new_certificate_for_the_next_order_lets_it_wait(beaten: Rush) -> None:
    """It takes no offer any more: no need to cut it off."""
    beaten.world.result()
    beaten.world.receiver.air.dismiss(reasons.CERTIFICATE_RENEWED, beaten.world.now)
    beaten.world.work()
    assert (beaten.late.refused, beaten.lengths()) == ([exchange.BUSY], SEALED)


def test_junk_makes_no_more_work_than_one_agreement_for_each_link(rush: Rush) -> None:
    crowd = [rush.late, *(Phone(rush.world, link, f"junk {link}").connect() for link in (2, 3))]
    for phone in crowd:
        phone.key().present().hand_over(b"junk")
    rush.accept()
    for phone in crowd:
        phone.again()
        held = rush.world.receiver.air.links.get(phone.link)
        assert held is not None
        assert held.state == connection.PARTING
    rush.crypto.forget()
    rush.world.work()
    assert rush.crypto.begun.count(AGREE) == len(crowd)
    assert set(rush.crypto.begun) <= {AGREE, EPHEMERAL}
    assert [phone.refused for phone in crowd] == [[exchange.BUSY]] * len(crowd)
