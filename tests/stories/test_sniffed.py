"""What a sniffer in the room can and cannot know: real hosts, real firmware, every packet."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import NamedTuple

import pytest

from receiver.link import wire
from receiver.protocol import exchange, gatt, messages
from simulator.hardware.radio.sniffer import TERMINATED, Controlled, Heard, Sent
from simulator.phone.app.buyer import DEMO_CODE, Declining
from simulator.phone.conversation import events
from simulator.phone.wallet.keys import ED25519, P256
from simulator.tools.demo import eavesdropper, sniffed_purchases
from simulator.tools.demo.eavesdropper import Eavesdropper
from simulator.tools.demo.record_search import SECRET_LEAST, Confiding
from simulator.tools.demo.sniffed_purchases import LENGTHS, Sniffed, sniff
from simulator.tools.demo.story import AMOUNT, APPROVED
from simulator.world.world import Settings
from tests.support.world.checkout import PATIENCE, Checkout
from tests.support.world.commands import in_order, tillsign
from tests.support.world.tap import TappedCheckout, tapped_checkout

pytestmark = pytest.mark.asyncio(loop_scope="module")

DECLINED = "declined"
WRONG_CODE = "111111"
ANSWER = (wire.APPROVAL, wire.VERDICT, wire.RESULT)  # from the last digit to the answer
READ = b"\x0a"  # ATT_READ_REQ
KEPT = {
    *("credential", "credential's id", "phone's key", "credential's invoice recipient"),
    *("approval", "code proof", "approval's invoice recipient", "receipt", "approval id", "code"),
    *("buyer's name", "organisation's name", "invoice recipient's name"),
}


class Case(NamedTuple):
    """Who buys, for how much, and how it ends; `recipient` by its place in the buyer's list."""

    amount: int = AMOUNT
    codes: tuple[str, ...] = (DEMO_CODE,)
    recipient: int = 0
    key: str = P256
    blocked: bool = False


CASES = {
    "a purchase": Case(),
    "the least, for another invoice recipient": Case(amount=1, recipient=1),
    "the most, with another kind of key": Case(amount=500_000, key=ED25519),
    "a decline that is mended": Case(codes=(WRONG_CODE, DEMO_CODE)),
    "a decline for good": Case(blocked=True),
}


async def overheard(till: Checkout, case: Case) -> Sniffed:
    world = till.world
    wallet = await world.new_wallet(key_kind=case.key)
    recipient = wallet.recipients[case.recipient].id
    buyer = Confiding(*case.codes, recipients=[recipient] * len(case.codes))
    place = f"buyers/{world.people.buyers[0].id}"
    await world.administer(place, {"blocked": case.blocked})
    try:
        async with asyncio.timeout(PATIENCE):
            wanted = DECLINED if case.blocked else APPROVED
            return await sniff(world, wallet, buyer, case.amount, wanted)
    finally:
        await world.administer(place, {"blocked": False})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_sniffed_sale_reveals_nothing_of_the_buyer(till: Checkout, case: Case) -> None:
    sniffed = await overheard(till, case)
    assert sniffed.played.as_it_should
    assert {found.name for found in sniffed.secrets} >= KEPT
    assert all(found.size >= SECRET_LEAST for found in sniffed.secrets)
    assert [found for found in sniffed.secrets if found.places] == []
    assert len(sniffed.controls) == 1 + 3 * len(case.codes)
    assert [found for found in sniffed.controls if not found.places] == []
    assert (sniffed.missed, sniffed.holds) == (0, True)


async def test_a_leak_a_gap_and_a_blind_search_all_fail(till: Checkout) -> None:
    sniffed = await overheard(till, Case())
    leaked = [found._replace(places=1) for found in sniffed.secrets[:1]]
    unfound = [found._replace(places=0) for found in sniffed.controls[:1]]
    assert sniffed.holds
    assert not sniffed._replace(secrets=leaked).holds
    assert not sniffed._replace(controls=unfound).holds
    assert not sniffed._replace(missed=1).holds
    padded = [one._replace(data=one.data + b"\0") for one in sniffed.heard.messages]
    sniffed.heard.messages[:] = padded
    assert not sniffed.holds


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_every_length_on_the_air_is_the_same_for_all(till: Checkout, case: Case) -> None:
    sniffed = await overheard(till, case)
    kinds = [message.data[0] for message in sniffed.heard.messages]
    assert kinds == [*LENGTHS] * len(case.codes)
    lengths = [len(message.data) for message in sniffed.heard.messages]
    assert lengths == [33, 182, 147, 182] * len(case.codes)
    assert len(sniffed.heard.offers) == len(case.codes)
    assert all(len(offer) <= gatt.OFFER_MOST for offer in sniffed.heard.offers)


async def test_yes_and_no_look_alike(till: Checkout) -> None:
    """Every packet of the link, by direction and length."""
    approved = await overheard(till, Case())
    declined = await overheard(till, Case(blocked=True))
    assert shape(approved.records) == shape(declined.records)


async def test_yes_and_no_cross_the_bridges_wire_in_one_order() -> None:
    """Either answer follows the receiver's word, also where the authority's was there before."""
    async with tapped_checkout(Settings(rate=0)) as tapped:
        yes = await crossing(tapped, CASES["a purchase"])
        no = await crossing(tapped, CASES["a decline for good"])
    assert yes == no == [(True, wire.APPROVAL), (True, wire.VERDICT), (False, wire.RESULT)]


async def crossing(tapped: TappedCheckout, case: Case) -> list[tuple[bool, int]]:
    """What crosses for an answer, the receiver's word held back until the authority's is there."""
    tap, since, mark = tapped.tap, len(tapped.tap.crossed), len(tapped.events)
    tap.hold_after(wire.APPROVAL)
    selling = asyncio.create_task(overheard(tapped, case))
    told = await tapped.event(lambda event: event["from"] == "authority", mark)
    for _ in range(2):  # what the bridge sent before it answered has crossed by then
        seen = await tapped.world.till.look(told["sale"]["sale_id"])
    tap.release()
    assert (seen["state"], seen["reason"], seen["receipt"]) == ("authorising", None, None)
    assert (await selling).played.as_it_should
    exchanged = tap.crossed[since:]
    return [(one.up, one.channel) for one in exchanged if one.channel in ANSWER]


def shape(records: list[Heard]) -> tuple[set[tuple[object, ...]], list[tuple[object, ...]]]:
    """The kinds of packets before the first value is read, and every packet from there on.

    While the phone reads the table, the receiver's own MTU request comes at any moment: from then
    on an answer has room for more of it.
    """
    packets = [one for one in records if isinstance(one, Sent | Controlled)]
    read = next(at for at, one in enumerate(packets) if one.data.startswith(READ))
    before: set[tuple[object, ...]]
    before = {(one.up, getattr(one, "channel", None), one.data[0]) for one in packets[:read]}
    return before, [
        (one.up, getattr(one, "channel", None), len(one.data)) for one in packets[read:]
    ]


async def test_two_sales_of_one_phone_share_nothing(till: Checkout) -> None:
    one, two = [await sniff(till.world, till.wallet) for _ in range(2)]
    assert one.holds
    assert two.holds
    assert len(one.addresses) == len(two.addresses) == 1
    assert sniffed_purchases.compare([one, two]) == ([], [])
    assert sniffed_purchases.compare([one, one]).values
    assert not sniffed_purchases.compare([one, one]).holds


async def test_what_is_plain_is_read_as_it_is(till: Checkout) -> None:
    sniffed = await overheard(till, Case(amount=4_711))
    sale, heard = sniffed.played.sale, sniffed.heard
    certificate, offer = heard.said(eavesdropper.CERTIFICATE), heard.said(eavesdropper.OFFER)
    assert {field.name for field in messages.CERTIFICATE.fields} <= set(certificate)
    assert {field.name for field in messages.OFFER.fields} - {"original"} <= set(offer)
    assert certificate["store_name"] == "Coop Exempel, Storgatan 1"
    assert (offer["amount"], offer["till"], offer["kind"]) == ("SEK 47.11", "7", "purchase")
    assert offer["match code"] == sale["match_code"]
    store = till.world.authority.office.store
    session = "SELECT session FROM transactions WHERE approval_id = ?"
    booked = store.value(session, bytes.fromhex(sale["approval_id"]))
    assert offer["session id"] == booked.hex()
    air = heard.said(eavesdropper.AIR)
    assert (air["service"], air["name"], air["tag"]) == (gatt.SERVICE, "Till 7", booked[:3].hex())
    assert air["phone's address"].endswith("(resolvable)")
    assert all(line.learns for line in heard.lines)
    assert "unreadable" not in {line.field for line in heard.lines}


async def test_a_decline_that_can_be_mended_shows(till: Checkout) -> None:
    """What stays: another offer in the same sale, and another exchange."""
    sniffed = await overheard(till, CASES["a decline that is mended"])
    said = sniffed.heard.said(eavesdropper.OFFER + " 2")
    assert said["again"] == said["reference"]
    assert said["reference"] == sniffed.heard.said(eavesdropper.OFFER)["reference"]
    (document,) = sniffed_purchases.document([sniffed], None)["sniffed"]
    assert "a decline that the buyer could mend" in " ".join(document["learnt"])
    assert "outcome of the last approval" in document["not_learnt"]


async def test_a_buyer_who_says_no_is_heard(till: Checkout) -> None:
    await till.ring_up()
    with till.world.radio.air.sniffed() as sniffer:
        assert (await till.buy(Declining())).result == events.LEFT
        await asyncio.wait_for(sniffer.until(ended), PATIENCE)
    heard = Eavesdropper(sniffer.records)
    assert heard.messages[-1].data == bytes([exchange.LEAVE, exchange.LEAVE_CANCELLED])
    assert heard.said(eavesdropper.EXCHANGE)["07 leave"] == "cancelled"


def ended(records: list[Heard]) -> bool:
    return any(isinstance(one, Controlled) and one.name == TERMINATED for one in records)


async def test_a_transcript_in_plain_text(tmp_path: Path) -> None:
    shown = await tillsign(tmp_path, "demo", "--sniff")
    assert (shown.code, shown.err) == (0, "")
    assert "\x1b" not in shown.out
    in_order(
        shown,
        *("What the air carried: approved", "on the air", "Till 7", "on the link", "mtu asked"),
        *("offer", "SEK 249.00", "match code", "certificate", "Storgatan", "exchange", "02 key"),
        *("03 credential", "sealed, 181 bytes", "04 approval", "05 result", "timing"),
        *("learnt", "not learnt", "held against the truth", "credential (", "nowhere"),
        *("approval: 147 bytes", "all in all"),
    )
    assert "FAIL" not in shown.out
    assert " in common" not in shown.out


async def test_two_transcripts_as_json(tmp_path: Path) -> None:
    told = await tillsign(tmp_path, "demo", "--sniff", "--sales", "2", "--json")
    assert (told.code, told.err) == (0, "")
    document = json.loads(told.out)
    assert set(document) == {"receiver", "sales", "sniffed", "common"}
    assert [sale["outcome"] for sale in document["sales"]] == [APPROVED] * 2
    assert document["common"] == {"values": [], "addresses": []}
    for sniffed in document["sniffed"]:
        assert sniffed["holds"] is True
        assert sniffed["missed"] == 0
        lines = sniffed["transcript"]
        assert {*map(frozenset, lines)} == {
            frozenset({"ms", "from", "part", "field", "value", "learns"})
        }
        assert {line["from"] for line in lines} == {"phone", "receiver"}
        assert all(found["places"] == 0 for found in sniffed["secrets"])
        assert all(found["places"] for found in sniffed["controls"])
        assert sniffed["lengths"]["03 credential"] == [182]


async def test_two_transcripts_are_compared_in_words(tmp_path: Path) -> None:
    shown = await tillsign(tmp_path, "demo", "--sniff", "--sales", "2")
    assert (shown.code, shown.err) == (0, "")
    in_order(shown, "1. What", "2. What", "2 purchases of one phone", "0 values of 8 bytes")
