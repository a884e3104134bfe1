"""The sealed exchange on a link: what opens, what does not, and what is left of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from receiver import reasons
from receiver.core import sale_session
from receiver.link import wire
from receiver.protocol import exchange, gatt, identifiers, padding
from simulator.phone.wallet.keys import KINDS
from tests.support.machines import watch
from tests.support.machines.receiver import LINK_ENDS, LOSSES, Phone, World


def presented(world: World, link: int = 0, name: str = "phone") -> Phone:
    return Phone(world, link, name).connect().key().present()


@pytest.fixture
def phone(selling: World) -> Phone:
    return presented(selling)


# What goes over the air.


def test_every_message_has_its_one_size(selling: World) -> None:
    sizes: list[int] = []
    raw = Phone.raw

    class Measured(Phone):
        def raw(self, data: bytes) -> None:
            sizes.append(len(data))
            raw(self, data)

    phone = Measured(selling).connect().approve()
    selling.result(b"short")
    assert sizes == [33, 182, 147]
    assert [len(data) for data in phone.notified] == [182]


@pytest.mark.parametrize("kind", KINDS)
def test_phones_with_keys_of_either_kind_pay(selling: World, kind: str) -> None:
    phone = Phone(selling, kind=kind).connect().approve()
    assert selling.sale.state == sale_session.CLAIMED
    selling.result(b"paid")
    assert phone.receipts == [b"paid"]


def test_the_context_is_bound_to_the_offer_on_the_air(world: World) -> None:
    first = world.open()
    world.open(reference=b"saleref2")
    phone = Phone(world).connect()
    phone.offer = first
    phone.agree()
    phone.write(exchange.KEY, phone.enc)
    phone.present()
    assert phone.is_cut()
    assert world.counters == {reasons.BAD_SEAL: 1}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("at", [0, 90, 165, 180])
def test_a_credential_that_was_changed(selling: World, at: int, late: bool) -> None:
    """Whether it is there before the context or after."""
    phone = Phone(selling).connect()
    selling.lazy = late
    phone.key()
    body = bytearray(phone.seal(phone.credential, padding.CREDENTIAL_PADDED))
    body[at] ^= 1
    phone.write(exchange.CREDENTIAL, bytes(body))
    selling.lazy = False
    selling.work()
    assert phone.refused == [exchange.REFUSED]
    assert phone.is_cut()
    assert (selling.counters, selling.sale.state) == ({reasons.BAD_SEAL: 1}, sale_session.OPEN)


@pytest.mark.parametrize("at", [0, 129, 145])
def test_an_approval_that_was_changed_never_takes_the_slot(
    selling: World, at: int, phone: Phone
) -> None:
    body = bytearray(phone.seal(phone.make_approval(), padding.APPROVAL_PADDED))
    body[at] ^= 1
    phone.write(exchange.APPROVAL, bytes(body))
    assert phone.is_cut()
    assert selling.counters == {reasons.BAD_SEAL: 1}
    assert selling.sent(wire.APPROVAL) == []
    assert selling.sale.state == sale_session.OPEN


@pytest.mark.parametrize("filling", [b"\0", b"\x01", b"\xff"])
def test_padding_that_is_none(selling: World, filling: bytes) -> None:
    phone = Phone(selling).connect().key()
    assert phone.context is not None
    phone.write(exchange.CREDENTIAL, phone.context.seal(filling * padding.CREDENTIAL_PADDED))
    assert phone.is_cut()
    assert selling.counters == {reasons.MALFORMED: 1}


def test_refusals_are_plain_before_a_context_and_sealed_after(selling: World) -> None:
    plain, keyed = Phone(selling, 0).connect(), Phone(selling, 1).connect().key()
    for phone in (plain, keyed):
        phone.raw(b"?")
        assert phone.refused == [exchange.REFUSED]
    assert plain.notified == [exchange.refusal(reasons.WRONG_TYPE)]
    assert [len(data) for data in keyed.notified] == [1 + padding.REFUSAL_SEALED]


def test_an_evicted_or_withdrawn_phone_is_told_as_it_can_be(selling: World) -> None:
    keyed, reader = Phone(selling, 0).connect().key(), Phone(selling, 1).connect()
    selling.cancel()
    assert keyed.refused == reader.refused == [exchange.EXPIRED]
    assert len(keyed.notified[0]) > len(reader.notified[0])


# The same again.


def test_another_result_counts_up_and_the_same_does_not(selling: World) -> None:
    """As when a bridge asks the authority once more; the phone opens them in order."""
    phone = Phone(selling).connect().approve()
    selling.result(b"first")
    selling.result(b"first")
    selling.result(b"second")
    phone.again()
    assert phone.receipts == [b"first", b"first", b"second", b"second"]
    assert len(set(phone.notified)) == 2


def test_a_refusal_after_a_result_counts_up(selling: World) -> None:
    phone = Phone(selling).connect().approve()
    selling.result(b"paid")
    phone.raw(b"?")
    assert phone.listen() == [(exchange.RESULT, b"paid"), (exchange.REFUSAL, exchange.REFUSED)]


def test_an_identical_approval_before_the_result_is_no_second_one(
    selling: World, phone: Phone
) -> None:
    selling.lazy = True
    phone.sign().again().again()
    selling.work()
    assert len(selling.sent(wire.APPROVAL)) == 1
    assert selling.counters == {}


def test_after_a_new_offer_everything_is_new(selling: World) -> None:
    phone = Phone(selling).connect().approve()
    selling.result(b"wrong code")
    first = selling.receiver.air.links.get(phone.link)
    assert first is not None
    secrets = watch.of_link(first.sealed)
    assert secrets
    assert all(any(secret) for secret in secrets)
    selling.open()
    assert watch.is_erased(secrets)
    phone.again()
    assert phone.is_cut()
    assert selling.counters == {reasons.WRONG_ORDER: 1}


# Somebody else's.


def test_a_key_is_taken_once_from_any_phone(selling: World, phone: Phone) -> None:
    """Else two answers would be sealed under one key and nonce."""
    thief = Phone(selling, 1, "thief").connect()
    thief.write(exchange.KEY, phone.enc)
    assert thief.is_cut()
    assert thief.notified == [exchange.refusal(reasons.REPLAY)]
    assert selling.counters == {reasons.REPLAY: 1}
    phone.sign()
    assert selling.sale.state == sale_session.CLAIMED


def test_nor_when_the_phone_that_sent_it_has_gone(selling: World, phone: Phone) -> None:
    phone.vanish()
    Phone(selling, 0, "thief").connect().write(exchange.KEY, phone.enc)
    assert selling.counters == {reasons.REPLAY: 1}


@pytest.mark.parametrize("step", [exchange.CREDENTIAL, exchange.APPROVAL])
def test_what_one_phone_sealed_does_not_open_on_another_link(selling: World, step: int) -> None:
    phone, thief = Phone(selling).connect().key(), Phone(selling, 1, "thief").connect().key()
    credential = phone.seal(phone.credential, padding.CREDENTIAL_PADDED)
    approval = phone.seal(phone.make_approval(), padding.APPROVAL_PADDED)
    if step == exchange.APPROVAL:
        thief.present()
    thief.write(step, credential if step == exchange.CREDENTIAL else approval)
    assert thief.is_cut()
    assert selling.counters == {reasons.BAD_SEAL: 1}
    phone.write(exchange.CREDENTIAL, credential)
    phone.write(exchange.APPROVAL, approval)
    assert selling.sale.state == sale_session.CLAIMED


def test_an_approval_sealed_again_by_another_phone(selling: World) -> None:
    """It opens, but it was signed for another key."""
    phone, thief = presented(selling), Phone(selling, 1, "thief")
    thief.credential = phone.credential
    thief.connect().key().present().hand_over(phone.make_approval())
    assert selling.counters == {reasons.BAD_SIGNATURE: 1}
    phone.sign()
    assert selling.sale.state == sale_session.CLAIMED


def test_the_result_goes_to_the_link_that_approved(selling: World) -> None:
    phone = Phone(selling).connect().approve()
    phone.vanish()
    other = Phone(selling, phone.link, "other").connect()
    selling.result()
    assert other.notified == []


# Erasure.


def everything(world: World) -> list[bytearray]:
    """The secrets of the sale: the offer's key, contexts, result keys."""
    secrets = watch.of_pair(world.sale.pair)
    for peer in (*world.receiver.air.links, *world.receiver.air.links.left):
        secrets += watch.of_link(peer.sealed)
    assert all(any(secret) for secret in secrets)
    return secrets


# Key, base nonce and exporter secret; key and base of the way back, and the key of the proofs.
PER_LINK = 6

ENDS: list[tuple[str, Callable[[World], Any]]] = [
    ("cancelled", lambda world: world.cancel()),
    ("expired", lambda world: world.pass_time(200_000)),
    ("a new offer", lambda world: world.open(reference=b"saleref2")),
    ("switched off", lambda world: world.receiver.erase()),
]


@pytest.mark.parametrize(("name", "end"), ENDS)
@pytest.mark.parametrize(
    "state", [sale_session.OPEN, sale_session.CHECKING, sale_session.REFUSING, sale_session.CLAIMED]
)
def test_nothing_is_left_when_the_session_ends(
    selling: World, state: str, name: str, end: Callable[[World], Any]
) -> None:
    phones = [presented(selling, link, f"phone {link}") for link in range(3)]
    secrets = everything(selling)
    assert len(secrets) == 1 + 3 * PER_LINK
    selling.mute = True
    if state != sale_session.OPEN:
        selling.lazy = state == sale_session.CHECKING
        phones[0].sign(**({"amount": 1} if state == sale_session.REFUSING else {}))
    assert selling.sale.state == state
    selling.lazy = False
    if state == sale_session.CHECKING and name == "expired":
        selling.work()  # it does not stay there by itself
    end(selling)
    assert watch.is_erased(secrets)


LINK_OVER: dict[str, Callable[[Phone], object]] = {
    **LINK_ENDS,
    "refused": lambda phone: phone.raw(b"?"),
}


@pytest.mark.parametrize("end", LINK_OVER.values(), ids=LINK_OVER)
def test_nothing_is_left_of_a_link_that_ends(
    selling: World, end: Callable[[Phone], object], phone: Phone
) -> None:
    secrets = everything(selling)[1:]
    assert len(secrets) == PER_LINK
    end(phone)
    assert watch.is_erased(secrets)
    assert selling.sale.state == sale_session.OPEN
    assert not watch.is_erased(everything(selling))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_nothing_is_left_of_a_lost_link_after_its_time(
    selling: World, loss: Callable[[Phone], object], phone: Phone
) -> None:
    secrets = everything(selling)[1:]
    loss(phone)
    selling.pass_time(gatt.RESUME_MS - 1)
    assert all(any(secret) for secret in secrets)
    selling.pass_time(1)
    assert watch.is_erased(secrets)
    assert selling.sale.state == sale_session.OPEN


def test_acceptance_leaves_the_winner_its_result_key_alone(selling: World) -> None:
    phones = [presented(selling, link, f"phone {link}") for link in range(3)]
    offer, *secrets = everything(selling)
    phones[1].sign()
    assert selling.sale.state == sale_session.CLAIMED
    winner = secrets[PER_LINK : 2 * PER_LINK]
    assert watch.is_erased(secrets[:PER_LINK] + secrets[2 * PER_LINK :] + winner[:3])
    assert all(any(secret) for secret in winner[3:])
    assert any(offer)  # until the bridge's result: it may still refuse, and the offer goes on
    selling.result()
    assert not any(offer)


def test_the_result_key_lives_for_a_minute(selling: World) -> None:
    phone = Phone(selling).connect().approve()
    selling.result()
    secrets = everything(selling)
    selling.cancel()
    selling.pass_time(gatt.CHECK_IN_MS - 1)
    phone.again()
    assert len(phone.receipts) == 2
    assert not watch.is_erased(secrets)
    selling.pass_time(1)
    assert watch.is_erased(secrets)


def test_there_are_no_more_contexts_than_links(selling: World) -> None:
    phones = [presented(selling, link, f"phone {link}") for link in range(gatt.LINKS_MOST)]
    live = [peer for peer in selling.receiver.air.links if peer.sealed.context]
    assert len(live) == gatt.LINKS_MOST
    assert not any(phone.is_cut() for phone in phones)


def test_the_offers_key_is_fresh_and_no_offer_shares_it(world: World) -> None:
    seen = set()
    for number in range(5):
        world.open(reference=b"saleref%d" % number)
        assert world.sale.pair is not None
        assert identifiers.session_id(world.shown()) == world.sale.session
        seen.add(bytes(world.sale.pair.private))
    assert len(seen) == 5
