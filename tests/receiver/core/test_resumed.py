"""A link is lost and its phone comes back: the same exchange goes on, and no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from receiver import reasons
from receiver.core import connection, io, sale_session
from receiver.link import wire
from receiver.protocol import exchange, gatt, resuming
from tests.support.machines import watch
from tests.support.machines.receiver import LOSSES, TTL_S, Phone, World

KEYED, PRESENTED, CHECKING, CLAIMED, SETTLED = STAGES = (
    "keyed",
    "presented",
    "checking",
    "claimed",
    "settled",
)
HELD = {
    KEYED: exchange.KEY,
    PRESENTED: exchange.CREDENTIAL,
    CHECKING: exchange.APPROVAL,
    CLAIMED: exchange.APPROVAL,
    SETTLED: exchange.APPROVAL,
}


def come(world: World, stage: str, link: int = 0, name: str = "phone") -> Phone:
    """A phone so far in its purchase."""
    phone = Phone(world, link, name).connect().key()
    if stage != KEYED:
        phone.present()
    if stage in (CHECKING, CLAIMED, SETTLED):
        world.lazy = stage == CHECKING
        phone.sign()
    if stage == SETTLED:
        world.result(b"paid")
    return phone


def go_on(world: World, phone: Phone, stage: str) -> None:
    """The rest of the purchase; each message once."""
    world.lazy = False
    world.work()
    if stage == KEYED:
        phone.present()
    if stage in (KEYED, PRESENTED):
        phone.sign()
    if stage != SETTLED:
        world.result(b"paid")


def assert_paid(world: World, phone: Phone) -> None:
    assert phone.receipts == [b"paid"]
    assert (world.sale.state, world.counters) == (sale_session.SETTLED, {})
    assert [record.data for record in world.sent(wire.APPROVAL)] == [phone.approval]


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("stage", STAGES)
def test_the_same_exchange_goes_on(
    selling: World, stage: str, loss: Callable[[Phone], object]
) -> None:
    phone = come(selling, stage)
    loss(phone)
    selling.pass_time(gatt.MTU_MS - 1)
    phone.come_back(1)
    assert phone.resumed == [HELD[stage]]
    go_on(selling, phone, stage)
    assert_paid(selling, phone)


@pytest.mark.parametrize("stage", STAGES)
def test_it_waits_to_the_end_of_its_time(selling: World, stage: str) -> None:
    phone = come(selling, stage)
    phone.vanish()
    selling.pass_time(gatt.RESUME_MS - 1)
    assert phone.come_back().resumed == [HELD[stage]]


@pytest.mark.parametrize("stage", STAGES)
def test_it_may_be_lost_again_and_again(selling: World, stage: str) -> None:
    phone = come(selling, stage)
    for turn in range(5):
        phone.vanish()
        phone.come_back(turn % gatt.LINKS_MOST)
        assert phone.resumed == [HELD[stage]]
    go_on(selling, phone, stage)
    assert_paid(selling, phone)


@pytest.mark.parametrize("stage", STAGES)
def test_the_loss_is_not_noticed_here_yet(selling: World, stage: str) -> None:
    """The new link takes over, and the old one is cut without a word."""
    phone = come(selling, stage)
    before = len(selling.outputs)
    phone.come_back(2)
    assert io.Disconnect(0) in selling.outputs[before:]
    assert not [item for item in selling.of(io.Notify)[before:] if item.link == 0]
    selling.feed(io.Written(0, b"?"))  # what the old one still brings is nothing to anyone
    selling.feed(io.Disconnected(0))
    assert len(selling.receiver.air.links) == 1
    go_on(selling, phone, stage)
    assert_paid(selling, phone)


def test_what_a_lost_write_held_is_written_again(selling: World) -> None:
    """The receiver says how far it got."""
    phone = come(selling, PRESENTED)
    phone.vanish()
    phone.sign()  # into the air
    phone.come_back()
    assert phone.resumed == [exchange.CREDENTIAL]
    phone.again()
    selling.result(b"paid")
    assert_paid(selling, phone)


def test_a_result_that_comes_meanwhile_is_given_on_return(selling: World) -> None:
    phone = come(selling, CLAIMED)
    phone.vanish()
    other = Phone(selling, phone.link, "other").connect()
    selling.result(b"paid")
    selling.cancel()  # the till has decided
    phone.come_back(1)
    assert_paid_by(phone)
    phone.again()
    assert phone.receipts == [b"paid"] * 2
    assert other.notified == [exchange.refusal(reasons.WITHDRAWN)] or other.notified == []


def assert_paid_by(phone: Phone) -> None:
    assert phone.listen() == [
        (exchange.RESUMED, exchange.APPROVAL),
        (exchange.RESULT, b"paid"),
    ]


def test_an_answer_that_was_lost_is_given_again(selling: World) -> None:
    """The same bytes: a nonce is never used twice."""
    phone = come(selling, SETTLED)
    first = phone.notified
    phone.vanish()
    phone.come_back()
    assert phone.notified[1:] == first


def test_an_approval_is_judged_while_its_phone_is_away(selling: World) -> None:
    phone = come(selling, CHECKING)
    phone.vanish()
    selling.lazy = False
    selling.work()
    assert selling.sale.state == sale_session.CLAIMED
    assert selling.sent(wire.VERDICT)[-1].reason == reasons.OK
    phone.come_back()
    go_on(selling, phone, CLAIMED)
    assert_paid(selling, phone)


def test_an_approval_is_heard_while_its_phone_is_away(selling: World) -> None:
    """Even its key is not agreed on yet when the link is lost."""
    selling.lazy = True
    phone = Phone(selling).connect().approve()
    phone.vanish()
    selling.lazy = False
    selling.work()
    assert selling.sale.state == sale_session.CLAIMED
    phone.come_back()
    go_on(selling, phone, CLAIMED)
    assert_paid(selling, phone)


def test_a_phone_is_back_before_its_key_is_agreed_on(selling: World) -> None:
    """Its proof waits: there is nothing yet to check it with."""
    selling.lazy = True
    phone = Phone(selling).connect().key()
    phone.vanish()
    phone.come_back(1)
    assert phone.notified == []
    selling.lazy = False
    selling.work()
    assert phone.resumed == [exchange.KEY]
    go_on(selling, phone, KEYED)
    assert_paid(selling, phone)


def test_a_false_proof_that_waited(selling: World) -> None:
    selling.lazy = True
    phone, thief = Phone(selling).connect().key(), Phone(selling, 1, "thief").connect()
    thief.raw(exchange.resume(phone.enc, bytes(resuming.PROOF_SIZE)))
    selling.lazy = False
    selling.work()
    assert thief.resumed == [exchange.NOTHING]
    phone.present().sign()
    selling.result(b"paid")
    assert phone.receipts == [b"paid"]


def test_too_late_and_back_before_its_key_is_agreed_on(selling: World) -> None:
    """The loss is not noticed here: the refusal that waits for the key goes to the new link."""
    winner = come(selling, PRESENTED)
    selling.lazy = True
    late = Phone(selling, 1, "late").connect().approve()
    late.come_back(2)
    selling.receiver.handle(io.Written(0, winner.make_sealed()), selling.now)
    selling.lazy = False
    selling.work()
    assert (exchange.REFUSAL, exchange.BUSY) in late.listen()
    selling.result(b"paid")
    assert winner.receipts == [b"paid"]


def test_a_refusal_is_kept_for_the_return(selling: World) -> None:
    """Sealed, or the phone would not believe it; and then the link is closed."""
    phone = Phone(selling).connect().key().present()
    selling.lazy = True
    phone.sign(amount=1)
    phone.vanish()
    selling.lazy = False
    selling.work()
    phone.come_back()
    assert phone.listen() == [(exchange.REFUSAL, exchange.REFUSED)]
    assert phone.is_cut()


def test_a_phone_that_was_too_late_hears_so_on_its_return(selling: World) -> None:
    winner, late = come(selling, PRESENTED), come(selling, PRESENTED, 1, "late")
    selling.lazy = True
    winner.sign()
    late.sign()
    late.vanish()
    selling.lazy = False
    selling.work()
    late.come_back()
    assert late.listen() == [(exchange.REFUSAL, exchange.BUSY)]
    selling.result(b"paid")
    assert winner.receipts == [b"paid"]


@pytest.mark.parametrize("stage", [KEYED, PRESENTED])
def test_a_sale_that_ends_meanwhile(selling: World, stage: str) -> None:
    phone = come(selling, stage)
    phone.vanish()
    secrets = watch.of_link(selling.receiver.air.links.left[0].sealed)
    selling.cancel()
    assert watch.is_erased(secrets[:3])  # what opens; not what seals the refusal
    phone.come_back()
    assert phone.refused == [exchange.EXPIRED]


def test_a_declined_phone_gets_its_decline_and_then_the_new_offer(selling: World) -> None:
    phone = come(selling, CLAIMED)
    phone.vanish()
    selling.result(b"wrong code")
    selling.open()
    phone.come_back()
    assert phone.receipts == [b"wrong code"]
    assert phone.offers == 1
    phone.approve()
    selling.result(b"paid")
    assert phone.receipts[-1] == b"paid"
    assert selling.counters == {}


# What is not resumed: the phone is told so, and may begin anew on the same link.


def assert_begins_anew(world: World, phone: Phone) -> None:
    assert phone.resumed == [exchange.NOTHING]
    assert not phone.is_cut()
    phone.approve()
    assert world.sale.state == sale_session.CLAIMED
    assert world.counters == {reasons.WRONG_SESSION: 1}


def test_after_its_time(selling: World) -> None:
    phone = come(selling, PRESENTED)
    phone.vanish()
    selling.pass_time(gatt.RESUME_MS)
    assert_begins_anew(selling, phone.come_back())


@pytest.mark.parametrize(
    "end",
    [
        lambda phone: phone.world.open(reference=b"saleref2"),
        lambda phone: phone.world.feed(io.RadioLost()),
    ],
    ids=["another offer", "radio lost"],
)
def test_after_another_offer_or_a_restart(selling: World, end: Callable[[Phone], object]) -> None:
    phone = come(selling, PRESENTED)
    phone.vanish()
    secrets = watch.of_link(selling.receiver.air.links.left[0].sealed)
    end(phone)
    assert watch.is_erased(secrets)
    assert_begins_anew(selling, phone.come_back())


@pytest.mark.parametrize("end", [Phone.leave, lambda phone: phone.raw(b"?")], ids=["left", "bad"])
def test_a_link_that_was_not_lost(selling: World, end: Callable[[Phone], object]) -> None:
    phone = come(selling, PRESENTED)
    end(phone)
    phone.vanish()
    assert phone.come_back().resumed == [exchange.NOTHING]


def test_one_that_sent_no_key_leaves_nothing(selling: World) -> None:
    Phone(selling).connect().vanish()
    assert selling.receiver.air.links.left == []


# Another phone.


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("number", [0, 1, 255])
def test_without_the_proof_nothing_is_taken_over(selling: World, lost: bool, number: int) -> None:
    phone = come(selling, PRESENTED)
    if lost:
        phone.vanish()
    thief = Phone(selling, 1, "thief").connect()
    thief.raw(exchange.resume(phone.enc, bytes([number]) + bytes(resuming.TAG_SIZE)))
    assert thief.resumed == [exchange.NOTHING]
    assert not phone.is_cut()
    if lost:
        phone.come_back(0)
    phone.sign()
    selling.result(b"paid")
    assert phone.receipts == [b"paid"]
    assert thief.receipts == []


def test_a_proof_serves_once(selling: World) -> None:
    """One that was heard on the air takes nothing over, not even one of an earlier number."""
    phone = come(selling, PRESENTED)
    heard = [phone.resume() for _ in range(3)]
    thief = Phone(selling, 3, "thief").connect()
    phone.vanish()
    phone.link_up()
    phone.raw(heard[1])
    for data in heard[:2]:
        thief.connect().raw(data)
        assert thief.resumed == [exchange.NOTHING]
        thief.vanish()
    phone.sign()
    assert selling.sale.state == sale_session.CLAIMED


def test_a_link_asks_once(selling: World) -> None:
    phone = come(selling, PRESENTED)
    thief = Phone(selling, 1, "thief").connect()
    thief.raw(exchange.resume(phone.enc, bytes(resuming.PROOF_SIZE)))
    thief.raw(phone.resume())
    assert thief.is_cut()
    assert not phone.is_cut()


@pytest.mark.parametrize("before", ["joined", "keyed"])
def test_a_link_resumes_only_before_its_own_key(selling: World, before: str) -> None:
    phone = come(selling, PRESENTED)
    other = Phone(selling, 1, "other").connect(None if before == "joined" else gatt.MTU)
    if before == "keyed":
        other.key()
    other.raw(phone.resume())
    assert other.is_cut()
    assert not phone.is_cut()


def test_a_key_still_serves_once(selling: World) -> None:
    phone = come(selling, PRESENTED)
    phone.vanish()
    again = Phone(selling, 1, "again").connect()
    again.write(exchange.KEY, phone.enc)
    assert again.is_cut()
    assert selling.counters == {reasons.REPLAY: 1}


# Bounds.


def test_no_more_exchanges_than_links(selling: World) -> None:
    """The oldest without a link goes first."""
    phones = [come(selling, PRESENTED, link, f"phone {link}") for link in range(gatt.LINKS_MOST)]
    phones[1].vanish()
    phones[0].vanish()
    newcomer = come(selling, PRESENTED, 1, "newcomer")
    assert phones[1].come_back(0).resumed == [exchange.NOTHING]
    phones[1].vanish()
    assert phones[0].come_back(0).resumed == [exchange.CREDENTIAL]
    newcomer.sign()
    assert selling.sale.state == sale_session.CLAIMED


def test_a_lost_phone_comes_back_among_three_others(selling: World) -> None:
    phones = [come(selling, PRESENTED, link, f"phone {link}") for link in range(gatt.LINKS_MOST)]
    phones[2].vanish()
    phones[2].come_back()
    phones[2].sign()
    selling.result(b"paid")
    assert phones[2].receipts == [b"paid"]
    assert [phone.refused for phone in phones if phone is not phones[2]] == [[exchange.BUSY]] * 3


def test_phones_that_send_a_key_and_vanish_leave_no_more_than_four(selling: World) -> None:
    selling.lazy = True
    for turn in range(30):
        Phone(selling, 0, f"phone {turn}").connect().key().present().vanish()
    links, work = selling.receiver.air.links, selling.receiver.judge.work
    assert (len(links), len(links.left)) == (0, gatt.LINKS_MOST)
    assert len(work._queue) <= gatt.LINKS_MOST + 2
    selling.pass_time(gatt.RESUME_MS)
    assert links.left == []


# What bridge and radio see of it.


def test_the_bridge_hears_of_loss_and_return(selling: World) -> None:
    phone = come(selling, PRESENTED)
    phone.vanish()
    phone.come_back(3)
    told = [(one.link, one.event) for one in selling.sent(wire.PHONE)]
    near = [one for one in told if one[1] == wire.PHONE_NEAR]
    assert near == [(0, wire.PHONE_NEAR), (3, wire.PHONE_NEAR)]
    events = [one for one in told if one not in near]
    assert events == [(0, wire.PHONE_SHOWN), (0, wire.PHONE_GONE), (3, wire.PHONE_SHOWN)]
    credentials = selling.sent(wire.CREDENTIAL)
    assert [(one.link, one.data) for one in credentials] == [
        (0, phone.credential),
        (3, phone.credential),
    ]
    phone.sign()
    assert [one.link for one in selling.sent(wire.APPROVAL)] == [3]
    assert len(selling.sent(wire.CREDENTIAL)) == 2


def test_the_bridge_can_judge_an_approval_of_a_phone_that_is_away(selling: World) -> None:
    """It forgot the credential with the link: it gets it again before the approval."""
    phone = Phone(selling).connect().key().present()
    selling.lazy = True
    selling.receiver.handle(io.Written(0, phone.make_sealed()), selling.now)
    selling.receiver.handle(io.Disconnected(0), selling.now)
    selling.lazy = False
    selling.work()
    order = [item.channel for item in selling.of(io.Send)]
    assert order[order.index(wire.PHONE) :].count(wire.CREDENTIAL) == 2
    assert order.index(wire.APPROVAL) > order.index(wire.CREDENTIAL)


@pytest.mark.parametrize("stage", STAGES)
def test_a_lost_phone_finds_the_till_fast(selling: World, stage: str) -> None:
    """Also while another sale would not hurry; but one with its answer has hung up."""
    come(selling, stage).vanish()
    slow, fast = gatt.ADVERTISE_IDLE_US, gatt.ADVERTISE_OPEN_US
    assert selling.of(io.Advertise)[-1].interval_us == (slow if stage == SETTLED else fast)
    flags = {SETTLED: 0, KEYED: gatt.FLAG_OPEN, PRESENTED: gatt.FLAG_OPEN}
    assert selling.advert().flags == flags.get(stage, gatt.FLAG_BUSY)


def test_a_till_hurries_only_as_long_as_a_lost_phone_is_waited_for(selling: World) -> None:
    phone = come(selling, CLAIMED)
    phone.vanish()
    selling.result()
    selling.pass_time(gatt.RESUME_MS - 1)
    assert selling.of(io.Advertise)[-1].interval_us == gatt.ADVERTISE_OPEN_US
    selling.pass_time(1)
    assert selling.of(io.Advertise)[-1].interval_us == gatt.ADVERTISE_IDLE_US


def test_a_lost_phone_may_still_approve_after_the_offers_end(selling: World) -> None:
    selling.pass_time(TTL_S * 1000 - 1)
    phone = come(selling, PRESENTED)
    phone.vanish()
    selling.pass_time(1_000)
    assert selling.sale.state == sale_session.ENDING
    phone.come_back()
    phone.sign()
    assert selling.sale.state == sale_session.CLAIMED


def test_a_phone_that_came_back_is_a_link_like_any(selling: World) -> None:
    phone = come(selling, PRESENTED)
    phone.vanish()
    phone.come_back(1)
    (peer,) = selling.receiver.air.links
    assert (peer.link, peer.state) == (1, connection.PRESENTED)
    phone.leave()
    assert selling.phone_events()[-1] == (wire.PHONE_LEFT, reasons.BUYER_SAID_NO)
    assert selling.sale.state == sale_session.OPEN
