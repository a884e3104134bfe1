"""One candidate at a time is with the bridge: forwarded at once, and the next after its word."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.core import io, sale_session
from receiver.link import wire
from receiver.protocol import exchange, gatt
from tests.receiver.core.test_bridge import sync
from tests.support.machines.receiver import TTL_S, Phone, World


def ready(world: World, *names: str) -> list[Phone]:
    """Phones that have presented their credentials, under an offer."""
    world.open()
    return [Phone(world, link, name).connect().key().present() for link, name in enumerate(names)]


def forwarded(world: World) -> list[bytes]:
    return [record.data for record in world.sent(wire.APPROVAL)]


def verdicts(world: World) -> list[tuple[bytes, int]]:
    return [(verdict.approval_id, verdict.reason) for verdict in world.sent(wire.VERDICT)]


def refused(world: World, *names: str) -> list[Phone]:
    """Phones of which the first was refused here; the bridge has said nothing, the others wait."""
    phones = ready(world, *names)
    world.mute = True
    phones[0].sign(amount=1)
    for phone in phones[1:]:
        phone.sign()
    assert world.sale.state == sale_session.REFUSING
    return phones


@pytest.fixture
def phone(world: World) -> Phone:
    return ready(world, "first")[0]


def test_forwarded_before_it_is_verified(world: World, phone: Phone) -> None:
    world.lazy = True
    phone.sign()
    assert forwarded(world) == [phone.approval]
    assert verdicts(world) == []
    world.work()
    assert verdicts(world) == [(phone.approval_id, reasons.OK)]


def test_what_does_not_hold_is_said_to_bridge_and_phone(world: World) -> None:
    (phone,) = refused(world, "first")
    assert forwarded(world) == [phone.approval]
    assert verdicts(world) == [(phone.approval_id, reasons.WRONG_AMOUNT)]
    assert phone.refused == [exchange.REFUSED]
    assert phone.is_cut()
    order = [item.channel for item in world.of(io.Send)]
    assert order[-3:] == [wire.APPROVAL, wire.VERDICT, wire.PHONE]


def test_the_second_is_forwarded_only_after_the_bridges_word(world: World) -> None:
    first, second, third = refused(world, "first", "second", "third")
    assert forwarded(world) == [first.approval]
    assert world.advert().flags == gatt.FLAG_BUSY
    world.pass_time(sale_session.WORD_MS - 1)
    assert forwarded(world) == [first.approval]
    world.mute = False
    world.reject(reasons.WRONG_AMOUNT)
    assert forwarded(world) == [first.approval, second.approval]
    assert world.sale.state == sale_session.CLAIMED
    assert (first.refused, second.refused) == ([exchange.REFUSED], [])
    assert third.refused == [exchange.BUSY]
    assert world.counters == {reasons.WRONG_AMOUNT: 1}


def test_a_phone_that_comes_while_the_bridge_thinks_may_wait(world: World) -> None:
    refused(world, "first")
    late = Phone(world, 1, "late").connect().approve()
    assert len(forwarded(world)) == 1
    world.reject(reasons.WRONG_AMOUNT)
    assert forwarded(world)[1:] == [late.approval]
    assert world.sale.state == sale_session.CLAIMED


def test_the_bridge_is_first_with_its_word(world: World) -> None:
    """It needs no verdict of ours any more, and the next is forwarded at once."""
    first, second = ready(world, "first", "second")
    world.lazy = True
    first.sign()
    second.sign()
    world.slice(0)
    world.reject(reasons.CREDENTIAL_REVOKED)
    assert forwarded(world) == [first.approval, second.approval]
    assert first.refused == [exchange.REFUSED]
    world.work()
    assert verdicts(world) == [(second.approval_id, reasons.OK)]
    assert world.counters == {reasons.CREDENTIAL_REVOKED: 1}
    assert world.of(io.ShowOffer)[-1].data == b""


def test_phones_that_type_keep_their_keys_while_others_are_refused(world: World) -> None:
    """The offer was never off the air: nobody is shown it again, nobody begins anew."""
    first, typing = ready(world, "first", "typing")
    first.sign(amount=1)
    assert world.sale.state == sale_session.OPEN
    assert typing.offers == 0
    typing.sign()
    assert world.sale.state == sale_session.CLAIMED


@pytest.mark.parametrize("gone", [False, True])
def test_without_the_bridges_word_the_session_ends(world: World, gone: bool) -> None:
    first, second = refused(world, "first", "second")
    if gone:
        second.vanish()
    world.pass_time(sale_session.WORD_MS - 1)
    assert world.sale.state == sale_session.REFUSING
    world.pass_time(1)
    assert (world.sale.state, world.shown()) == (sale_session.IDLE, b"")
    assert world.advert().flags == 0
    assert forwarded(world) == [first.approval]
    assert second.refused == ([] if gone else [exchange.RETRY])
    assert world.counters == {reasons.WRONG_AMOUNT: 1, reasons.VERDICT_TIMEOUT: 1}
    # The bridge is told that nothing is open, and may order anew.
    assert world.sent(wire.SYNC) == [wire.Opened(b"", b"", reasons.OK)]
    world.mute = False
    world.open()
    Phone(world, 1, "third").connect().approve()
    assert world.sale.state == sale_session.CLAIMED


def test_a_word_that_comes_too_late_changes_nothing(world: World) -> None:
    first, _ = refused(world, "first", "second")
    session, name = world.session, world.sale.candidate.id
    world.pass_time(sale_session.WORD_MS)
    world.send(wire.VERDICT, wire.Verdict(session, name, reasons.WRONG_AMOUNT))
    assert world.sale.state == sale_session.IDLE
    assert world.counters[reasons.WRONG_SESSION] == 1
    world.open()
    world.send(wire.VERDICT, wire.Verdict(session, name, reasons.WRONG_AMOUNT))
    assert world.sale.state == sale_session.OPEN
    assert forwarded(world) == [first.approval]


def test_a_word_that_comes_twice_refuses_no_other_phone(world: World) -> None:
    _, second = refused(world, "first", "second")
    name = world.sale.candidate.id
    world.mute = False
    world.reject(reasons.WRONG_AMOUNT)
    world.reject(reasons.WRONG_AMOUNT, name)
    assert world.sale.state == sale_session.CLAIMED
    assert world.sale.candidate.submission.approval_data == second.approval
    assert world.counters == {reasons.WRONG_AMOUNT: 1, reasons.WRONG_SESSION: 1}


def test_the_end_of_the_offer_while_the_bridge_thinks(selling: World) -> None:
    selling.pass_time(TTL_S * 1000 - 1)
    selling.mute = True
    phone = Phone(selling).connect().approve(amount=1)
    selling.pass_time(1000)
    assert selling.sale.state == sale_session.REFUSING
    late = Phone(selling, 1, "late").connect().key()
    assert phone.refused == [exchange.REFUSED]
    assert late.refused == [exchange.EXPIRED]  # it was not even offered
    selling.reject(reasons.WRONG_AMOUNT)
    selling.pass_time(0)
    assert selling.sale.state == sale_session.IDLE


# A new bridge.


def test_sync_while_the_candidate_is_verified(world: World, phone: Phone) -> None:
    world.lazy = True
    phone.sign()
    told = [world.sent(channel)[0] for channel in (wire.CREDENTIAL, wire.APPROVAL)]
    assert sync(world)[1:] == told
    world.work()
    assert verdicts(world) == [(phone.approval_id, reasons.OK)]


def test_sync_while_the_bridges_word_is_awaited(world: World) -> None:
    phones = refused(world, "first", "second")
    told = [world.sent(channel)[0] for channel in (wire.CREDENTIAL, wire.APPROVAL, wire.VERDICT)]
    opened, *rest = sync(world)
    assert opened.offer == phones[0].offer
    assert rest == [world.sent(wire.CREDENTIAL)[1], *told]
    world.reject(reasons.WRONG_AMOUNT)
    assert forwarded(world)[-1] == phones[1].approval


def test_sync_while_the_offer_is_signed(world: World) -> None:
    """Nothing is open yet; the bridge orders again."""
    world.lazy = True
    world.open()
    assert sync(world) == [wire.Opened(b"", b"", reasons.OK)]
    world.open()
    world.lazy = False
    world.work()
    assert len(world.sent(wire.OFFER)) == 1
    assert world.sale.state == sale_session.OPEN


# Results before verdicts.


def test_a_decline_before_the_verdict(world: World) -> None:
    """Bridge and authority do not wait for the chip; nor does the chip go on for nothing."""
    first, second = ready(world, "first", "second")
    world.lazy = True
    first.sign()
    second.sign()
    world.slice(0)
    world.result(b"declined")
    assert world.sale.state == sale_session.SETTLED
    assert first.receipts == [b"declined"]
    assert second.refused == [exchange.BUSY]
    world.work()
    assert verdicts(world) == []
    assert forwarded(world) == [first.approval]
    assert world.shown() == b""
    world.lazy = False
    world.open()
    first.approve()
    assert world.sale.state == sale_session.CLAIMED


def test_a_decline_of_what_was_refused_here(world: World) -> None:
    first, second = refused(world, "first", "second")
    world.result(b"declined")
    assert world.sale.state == sale_session.SETTLED
    assert first.receipts == []
    assert second.refused == [exchange.BUSY]
    world.pass_time(200_000)
    assert world.sale.state == sale_session.IDLE
