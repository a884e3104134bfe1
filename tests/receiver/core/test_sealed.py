"""The sealed exchange on a link: what opens, what does not, and what is left of it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from receiver import reasons
from receiver.core import io, sale_session
from receiver.link import wire
from receiver.protocol import exchange, gatt, identifiers, padding
from simulator.phone.wallet.keys import KINDS
from tests.support.machines import watch
from tests.support.machines.receiver import Phone, World


def presented(world: World, link: int = 0, name: str = "phone") -> Phone:
    return Phone(world, link, name).connect().key().present()


# What goes over the air.


def test_every_message_has_its_one_size(world: World) -> None:
    world.open()
    sizes: list[int] = []
    raw = Phone.raw

    class Measured(Phone):
        def raw(self, data: bytes) -> None:
            sizes.append(len(data))
            raw(self, data)

    phone = Measured(world).connect().approve()
    world.result(b"short")
    assert sizes == [33, 182, 147]
    assert [len(data) for data in phone.notified] == [182]


@pytest.mark.parametrize("kind", KINDS)
def test_phones_with_keys_of_either_kind_pay(world: World, kind: str) -> None:
    world.open()
    phone = Phone(world, kind=kind).connect().approve()
    assert world.sale.state == sale_session.CLAIMED
    world.result(b"paid")
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
def test_a_credential_that_was_changed(world: World, at: int, late: bool) -> None:
    """Whether it is there before the context or after."""
    world.open()
    phone = Phone(world).connect()
    world.lazy = late
    phone.key()
    body = bytearray(phone.seal(phone.credential, padding.CREDENTIAL_PADDED))
    body[at] ^= 1
    phone.write(exchange.CREDENTIAL, bytes(body))
    world.lazy = False
    world.work()
    assert phone.refused == [exchange.REFUSED]
    assert phone.is_cut()
    assert world.counters == {reasons.BAD_SEAL: 1}
    assert world.sale.state == sale_session.OPEN


@pytest.mark.parametrize("at", [0, 129, 145])
def test_an_approval_that_was_changed_never_takes_the_slot(world: World, at: int) -> None:
    world.open()
    phone = presented(world)
    body = bytearray(phone.seal(phone.make_approval(), padding.APPROVAL_PADDED))
    body[at] ^= 1
    phone.write(exchange.APPROVAL, bytes(body))
    assert phone.is_cut()
    assert world.counters == {reasons.BAD_SEAL: 1}
    assert world.sent(wire.APPROVAL) == []
    assert world.sale.state == sale_session.OPEN


@pytest.mark.parametrize("filling", [b"\0", b"\x01", b"\xff"])
def test_padding_that_is_none(world: World, filling: bytes) -> None:
    world.open()
    phone = Phone(world).connect().key()
    assert phone.context is not None
    phone.write(exchange.CREDENTIAL, phone.context.seal(filling * padding.CREDENTIAL_PADDED))
    assert phone.is_cut()
    assert world.counters == {reasons.MALFORMED: 1}


def test_refusals_are_plain_before_a_context_and_sealed_after(world: World) -> None:
    world.open()
    plain, keyed = Phone(world, 0).connect(), Phone(world, 1).connect().key()
    for phone in (plain, keyed):
        phone.raw(b"?")
        assert phone.refused == [exchange.REFUSED]
    assert plain.notified == [exchange.refusal(reasons.WRONG_TYPE)]
    assert [len(data) for data in keyed.notified] == [1 + padding.REFUSAL_SEALED]


def test_an_evicted_or_withdrawn_phone_is_told_as_it_can_be(world: World) -> None:
    world.open()
    keyed, reader = Phone(world, 0).connect().key(), Phone(world, 1).connect()
    world.cancel()
    assert keyed.refused == reader.refused == [exchange.EXPIRED]
    assert len(keyed.notified[0]) > len(reader.notified[0])


# The same again.


def test_another_result_counts_up_and_the_same_does_not(world: World) -> None:
    """As when a bridge asks the authority once more; the phone opens them in order."""
    world.open()
    phone = Phone(world).connect().approve()
    world.result(b"first")
    world.result(b"first")
    world.result(b"second")
    phone.again()
    assert phone.receipts == [b"first", b"first", b"second", b"second"]
    assert len(set(phone.notified)) == 2


def test_a_refusal_after_a_result_counts_up(world: World) -> None:
    world.open()
    phone = Phone(world).connect().approve()
    world.result(b"paid")
    phone.raw(b"?")
    assert phone.listen() == [(exchange.RESULT, b"paid"), (exchange.REFUSAL, exchange.REFUSED)]


def test_an_identical_approval_before_the_result_is_no_second_one(world: World) -> None:
    world.open()
    phone = presented(world)
    world.lazy = True
    phone.sign().again().again()
    world.work()
    assert len(world.sent(wire.APPROVAL)) == 1
    assert world.counters == {}


def test_after_a_new_offer_everything_is_new(world: World) -> None:
    world.open()
    phone = Phone(world).connect().approve()
    world.result(b"wrong code")
    first = world.receiver.air.links.get(phone.link)
    assert first is not None
    secrets = watch.of_link(first.sealed)
    assert secrets
    assert all(any(secret) for secret in secrets)
    world.open()
    assert not any(any(secret) for secret in secrets)
    phone.again()
    assert phone.is_cut()
    assert world.counters == {reasons.WRONG_ORDER: 1}


# Somebody else's.


def test_a_key_is_taken_once_whoever_sends_it(world: World) -> None:
    """Else two answers would be sealed under one key and nonce."""
    world.open()
    phone = presented(world)
    thief = Phone(world, 1, "thief").connect()
    thief.write(exchange.KEY, phone.enc)
    assert thief.is_cut()
    assert thief.notified == [exchange.refusal(reasons.REPLAY)]
    assert world.counters == {reasons.REPLAY: 1}
    phone.sign()
    assert world.sale.state == sale_session.CLAIMED


def test_nor_when_the_phone_that_sent_it_has_gone(world: World) -> None:
    world.open()
    phone = presented(world)
    phone.vanish()
    thief = Phone(world, 0, "thief").connect()
    thief.write(exchange.KEY, phone.enc)
    assert world.counters == {reasons.REPLAY: 1}


@pytest.mark.parametrize("step", [exchange.CREDENTIAL, exchange.APPROVAL])
def test_what_one_phone_sealed_does_not_open_on_another_link(world: World, step: int) -> None:
    world.open()
    phone, thief = Phone(world).connect().key(), Phone(world, 1, "thief").connect().key()
    credential = phone.seal(phone.credential, padding.CREDENTIAL_PADDED)
    approval = phone.seal(phone.make_approval(), padding.APPROVAL_PADDED)
    if step == exchange.APPROVAL:
        thief.present()
    thief.write(step, credential if step == exchange.CREDENTIAL else approval)
    assert thief.is_cut()
    assert world.counters == {reasons.BAD_SEAL: 1}
    phone.write(exchange.CREDENTIAL, credential)
    phone.write(exchange.APPROVAL, approval)
    assert world.sale.state == sale_session.CLAIMED


def test_an_approval_sealed_again_by_another_phone(world: World) -> None:
    """It opens, but it was signed for another key."""
    world.open()
    phone, thief = presented(world), Phone(world, 1, "thief")
    thief.credential = phone.credential
    thief.connect().key().present().hand_over(phone.make_approval())
    assert world.counters == {reasons.BAD_SIGNATURE: 1}
    phone.sign()
    assert world.sale.state == sale_session.CLAIMED


def test_the_result_goes_to_the_link_that_approved(world: World) -> None:
    world.open()
    phone = Phone(world).connect().approve()
    phone.vanish()
    other = Phone(world, phone.link, "other").connect()
    world.result()
    assert other.notified == []


# Erasure.


def everything(world: World) -> list[bytearray]:
    """The secrets of the sale: the offer's key, contexts, result keys."""
    secrets = watch.of_pair(world.sale.pair)
    for peer in world.receiver.air.links:
        secrets += watch.of_link(peer.sealed)
    assert all(any(secret) for secret in secrets)
    return secrets


def is_erased(secrets: list[bytearray]) -> bool:
    return not any(any(secret) for secret in secrets)


PER_LINK = 5  # key, base nonce and exporter secret; key and base of the way back

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
    world: World, state: str, name: str, end: Callable[[World], Any]
) -> None:
    world.open()
    phones = [presented(world, link, f"phone {link}") for link in range(3)]
    secrets = everything(world)
    assert len(secrets) == 1 + 3 * PER_LINK
    world.mute = True
    if state != sale_session.OPEN:
        world.lazy = state == sale_session.CHECKING
        phones[0].sign(**({"amount": 1} if state == sale_session.REFUSING else {}))
    assert world.sale.state == state
    world.lazy = False
    if state == sale_session.CHECKING and name == "expired":
        world.work()  # it does not stay there by itself
    end(world)
    assert is_erased(secrets)


@pytest.mark.parametrize("how", ["gone", "lost", "refused", "left", "connected again"])
def test_nothing_is_left_of_a_link_that_ends(world: World, how: str) -> None:
    world.open()
    phone = presented(world)
    secrets = everything(world)[1:]
    assert len(secrets) == PER_LINK
    if how == "gone":
        phone.vanish()
    elif how == "lost":
        world.feed(io.RadioLost())
    elif how == "refused":
        phone.raw(b"?")
    elif how == "left":
        phone.write(exchange.LEAVE, bytes([exchange.LEAVE_CANCELLED]))
    else:
        world.feed(io.Connected(phone.link))
    assert is_erased(secrets)
    assert world.sale.state == sale_session.OPEN
    assert not is_erased(everything(world))


def test_acceptance_leaves_the_winner_its_result_key_alone(world: World) -> None:
    world.open()
    phones = [presented(world, link, f"phone {link}") for link in range(3)]
    offer, *secrets = everything(world)
    phones[1].sign()
    assert world.sale.state == sale_session.CLAIMED
    winner = secrets[PER_LINK : 2 * PER_LINK]
    assert is_erased(secrets[:PER_LINK] + secrets[2 * PER_LINK :] + winner[:3])
    assert all(any(secret) for secret in winner[3:])
    assert any(offer)  # until the bridge's result: it may still refuse, and the offer goes on
    world.result()
    assert not any(offer)


def test_the_result_key_lives_for_a_minute(world: World) -> None:
    world.open()
    phone = Phone(world).connect().approve()
    world.result()
    secrets = everything(world)
    world.cancel()
    world.pass_time(gatt.CHECK_IN_MS - 1)
    phone.again()
    assert len(phone.receipts) == 2
    assert not is_erased(secrets)
    world.pass_time(1)
    assert is_erased(secrets)


def test_there_are_no_more_contexts_than_links(world: World) -> None:
    world.open()
    phones = [presented(world, link, f"phone {link}") for link in range(gatt.LINKS_MOST)]
    live = [peer for peer in world.receiver.air.links if peer.sealed.context]
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
