"""The authority over real HTTPS: what it believes, what it holds, and what changes its mind."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cbor, cose
from receiver.protocol import messages, pins, signed
from simulator.authority import Fault
from simulator.authority.accounts import demo_data
from simulator.authority.accounts.people import CREDENTIAL_LIFE_S
from simulator.authority.api.requests import BODY_MOST
from simulator.authority.keys import NO_REVOCATIONS, Keys
from simulator.authority.ledger.record_verification import ONLINE_WINDOW_S
from simulator.crypto import pki
from simulator.crypto.p256 import p256_public
from tests.support.shop.authority import (
    ANSWER_S,
    OTHER_ID,
    PHONE,
    RECEIVER,
    World,
    enrol,
    reason_in,
    session_as,
    speaking_as,
    world_in,
)
from tests.support.values import evidence

pytestmark = pytest.mark.processes


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path) as world:
        yield world


# A purchase


async def test_purchase_is_held(world: World) -> None:
    before = await world.credit_space()
    offer = world.offer()
    approval = world.approve(offer)
    receipt = await world.receipt(world.record(offer, approval))
    assert (receipt.outcome, receipt.reason) == (messages.APPROVED, reasons.OK)
    assert (receipt.amount, receipt.currency) == (evidence.AMOUNT, evidence.SEK)
    assert (receipt.store, receipt.till) == (101, 3)
    assert receipt.transaction_id != messages.NO_TRANSACTION
    assert receipt.approval_id == evidence.approval_id(
        world.certificate, offer, world.credential, approval
    )
    assert await world.credit_space() == before - evidence.AMOUNT
    listed = (await world.admin("GET", "transactions"))["transactions"]
    assert [(one["approval_id"], one["state"]) for one in listed] == [
        (receipt.approval_id.hex(), "PENDING")
    ]


async def test_repeat_gives_the_same_bytes_and_holds_once(world: World) -> None:
    offer = world.offer()
    approval = world.approve(offer)
    first = await world.post(world.record(offer, approval))
    later = await world.post(world.record(offer, approval, accepted=world.now + 1))
    assert first == later
    assert await world.credit_space() == demo_data.RECIPIENTS[0][1] - evidence.AMOUNT


async def test_repeat_days_later_still_has_its_answer(world: World) -> None:
    record = world.new_record()
    first = await world.post(record)
    world.clock.shift = 3 * 24 * 3600
    assert await world.post(record) == first


async def test_same_approval_id_with_other_content(world: World) -> None:
    offer = world.offer()
    approval = world.approve(offer)
    await world.receipt(world.record(offer, approval))
    parsed = signed.parse(messages.APPROVAL, approval, cose.ALG_ESP256)
    context = evidence.approval_context(world.certificate, offer, world.credential)
    structure = signed.structure(messages.APPROVAL, parsed, context)
    rewritten = evidence.second_signature(PHONE, structure)
    assert rewritten != parsed.sign1.signature
    other = cbor.encode([parsed.sign1.protected, {}, parsed.sign1.payload, rewritten])
    status, body = await world.post(world.record(offer, other))
    assert status == 409
    assert b'"conflict"' in body


async def test_two_at_once_hold_once(world: World) -> None:
    record = world.new_record()
    assert len(set(await asyncio.gather(*[world.post(record) for _ in range(5)]))) == 1
    assert await world.credit_space() == demo_data.RECIPIENTS[0][1] - evidence.AMOUNT


# What does not verify


def _spoiled(world: World, foreign_keys: Keys) -> dict[str, tuple[bytes, int]]:
    """One thing wrong in each record, and the reason that must be named."""
    offer = world.offer()
    good = world.approve(offer)
    other = world.offer()
    now = world.now
    phone = evidence.credential(world.authority.office.keys, PHONE, now, id=b"unbooked")
    foreign = evidence.credential(foreign_keys, PHONE, now)
    second = enrol(world.authority, world.authority.ca.client("bridge"), receiver_id=OTHER_ID)
    elsewhere = evidence.offer(RECEIVER, second, now)
    forged = evidence.offer(PHONE, world.certificate, now)
    dollars = world.offer(currency=840)
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    record = world.record
    return {
        "amount": (record(offer, world.approve(offer, amount=1)), reasons.WRONG_AMOUNT),
        "currency": (record(offer, world.approve(offer, currency=840)), reasons.WRONG_CURRENCY),
        "offer currency": (record(dollars, world.approve(dollars)), reasons.WRONG_CURRENCY),
        "recipient": (record(offer, world.approve(offer, recipient=2)), reasons.WRONG_RECIPIENT),
        "session": (record(other, good), reasons.BAD_SIGNATURE),
        "signature": (record(offer, flipped), reasons.BAD_SIGNATURE),
        "credential": (record(offer, good, credential=phone), reasons.BAD_SIGNATURE),
        "foreign authority": (record(offer, good, credential=foreign), reasons.BAD_SIGNATURE),
        "receiver": (record(elsewhere, world.approve(elsewhere)), reasons.WRONG_RECEIVER),
        "offer's key": (record(forged, world.approve(forged)), reasons.BAD_SIGNATURE),
        "app": (record(offer, world.approve(offer, app=0)), reasons.OLD_APP),
        "version": (record(offer, world.approve(offer, version=2)), reasons.WRONG_VERSION),
        "enc": (record(offer, world.approve(offer), enc=bytes(32)), reasons.BAD_SIGNATURE),
        "trailing": (record(offer, good) + b"\0", reasons.MALFORMED),
        "acceptance": (record(offer, good, accepted=now + 700), reasons.OFFER_EXPIRED),
        "credential ended": (
            record(offer, good, accepted=now + CREDENTIAL_LIFE_S + 60),
            reasons.CREDENTIAL_EXPIRED,
        ),
        "credential not begun": (
            record(offer, good, accepted=now - 3600),
            reasons.CREDENTIAL_NOT_YET_VALID,
        ),
        "certificate ended": (
            record(offer, good, accepted=now + 2 * 365 * 24 * 3600),
            reasons.CERTIFICATE_EXPIRED,
        ),
    }


async def test_spoiled_evidence_is_refused_by_name(world: World, tmp_path: Path) -> None:
    found, wanted = {}, {}
    for what, (record, reason) in _spoiled(world, Keys(tmp_path / "foreign")).items():
        status, body = await world.post(record)
        found[what] = (status, reason_in(body))
        wanted[what] = (422, reasons.name(reason))
    assert found == wanted
    assert (await world.admin("GET", "transactions"))["transactions"] == []
    assert sum(world.authority.refused.values()) == len(wanted)


async def test_credential_in_no_book(world: World) -> None:
    world.credential = evidence.credential(
        world.authority.office.keys, PHONE, world.now, recipient=world.demo.recipients[0]
    )
    assert await world.refusal(world.new_record()) == (422, "wrong_credential")


async def test_clocks_too_far_apart(world: World) -> None:
    record = world.new_record()
    for shift in (ONLINE_WINDOW_S + 60, -ONLINE_WINDOW_S - 60):
        world.clock.shift = shift
        assert await world.refusal(record) == (422, "offer_expired")
    world.clock.shift = ONLINE_WINDOW_S - 60
    assert (await world.receipt(record)).outcome == messages.APPROVED


async def test_offer_from_long_ago(world: World) -> None:
    old = world.offer(issued=world.now - 3600)
    assert await world.refusal(world.record(old, world.approve(old))) == (422, "offer_expired")
    timeless = world.offer(issued=0)
    receipt = await world.receipt(world.record(timeless, world.approve(timeless)))
    assert receipt.outcome == messages.APPROVED


async def test_replaced_certificate_makes_no_new_holds(world: World) -> None:
    record = world.new_record()
    first = await world.post(record)
    enrol(world.authority, world.authority.ca.client("bridge"), store_name="Storgatan 2")
    assert await world.post(record) == first
    assert await world.refusal(world.new_record()) == (422, "wrong_receiver")


# Who asks


async def test_without_client_certificate(world: World) -> None:
    world.bridge = world.open
    assert (await world.post(world.new_record()))[0] == 403
    await world.reverse(bytes(16), 403)


async def test_another_bridges_certificate(world: World) -> None:
    record = world.new_record()
    receipt = await world.receipt(record)
    async with speaking_as(world, "neighbour"):
        assert (await world.post(record))[0] == 403
        await world.reverse(receipt.approval_id, 403)


async def test_certificate_of_another_ca(world: World, tmp_path: Path) -> None:
    identity = pki.DemoCa(tmp_path / "foreign").client("bridge")
    async with session_as(world.authority, identity) as stranger:
        with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
            await stranger.get("/healthz")


async def test_reversal_of_another_receivers_approval(world: World) -> None:
    enrol(world.authority, world.authority.ca.client("bridge"), receiver_id=OTHER_ID)
    receipt = await world.buy()
    path = f"/v1/reversals/{receipt.approval_id.hex()}"
    async with world.bridge.post(path, json={"receiver_id": OTHER_ID.hex()}) as answer:
        assert (answer.status, reason_in(await answer.read())) == (422, "wrong_receiver")


async def test_admin_and_phone_tokens(world: World) -> None:
    await world.call("GET", "/v1/admin/transactions", 401)
    await world.call("GET", "/v1/admin/transactions", 403, token=world.token)
    body = {"recipient": world.demo.recipients[0], "count": 1}
    path = f"/v1/phones/{world.phone_id}/credentials"
    await world.call("POST", path, 401, json=body)
    await world.call("POST", path, 401, json=body, token="no such token")
    path = f"/v1/phones/{world.phone_id + 1}/credentials"
    await world.call("POST", path, 403, json=body, token=world.token)


async def test_bodies_are_bounded(world: World) -> None:
    assert (await world.post(bytes(BODY_MOST + 1)))[0] == 413
    async with world.bridge.post("/v1/authorisations", data=b"x") as answer:
        assert (answer.status, answer.content_type) == (415, "application/problem+json")


# Business rules


async def test_administrators_changes_hold_at_once(world: World) -> None:
    recipient = f"recipients/{world.demo.recipients[0]}"
    buyer = f"buyers/{world.demo.buyers[0].id}"
    credential = signed.parse(messages.CREDENTIAL, world.credential).value.id.hex()
    steps: list[tuple[str, dict[str, Any], int]] = [
        (recipient, {"credit_space": evidence.AMOUNT - 1}, reasons.CREDIT_SPACE),
        (recipient, {"credit_space": 10 * evidence.AMOUNT}, reasons.OK),
        (buyer, {"purchase_limit": evidence.AMOUNT - 1}, reasons.PURCHASE_LIMIT),
        (buyer, {"purchase_limit": evidence.AMOUNT}, reasons.OK),
        (recipient, {"closed": True}, reasons.RECIPIENT_CLOSED),
        (recipient, {"closed": False}, reasons.OK),
        (f"credentials/{credential}", {"revoked": True}, reasons.CREDENTIAL_REVOKED),
        (buyer, {"blocked": True}, reasons.BUYER_BLOCKED),
        (buyer, {"blocked": False}, reasons.CREDENTIAL_REVOKED),
        (f"credentials/{credential}", {"revoked": False}, reasons.OK),
    ]
    for path, change, wanted in steps:
        await world.admin("PUT", path, change)
        receipt = await world.buy()
        assert reasons.name(receipt.reason) == reasons.name(wanted), (path, change)
        assert (receipt.outcome == messages.APPROVED) == (wanted == reasons.OK)
        assert (receipt.transaction_id == messages.NO_TRANSACTION) == (wanted != reasons.OK)


async def test_five_wrong_codes_lock(world: World) -> None:
    offer = world.offer()
    wrong = world.record(offer, world.approve(offer, k=bytes(32)))
    for _ in range(7):  # the same approval is one try, however often it is sent
        assert (await world.receipt(wrong)).reason == reasons.CODE_WRONG
    for _ in range(4):
        assert (await world.buy(k=bytes(32))).reason == reasons.CODE_WRONG
    assert (await world.buy()).reason == reasons.CODE_LOCKED
    buyer = f"buyers/{world.demo.buyers[0].id}"
    assert (await world.admin("GET", buyer))["wrong_codes"] == 5
    await world.admin("PUT", buyer, {"unlock": True})
    assert (await world.buy()).reason == reasons.OK


async def test_right_code_forgives_wrong_ones(world: World) -> None:
    for _ in range(2):
        for _ in range(4):
            assert (await world.buy(k=bytes(32))).reason == reasons.CODE_WRONG
        assert (await world.buy()).reason == reasons.OK


async def test_second_hold_of_the_same_thing(world: World) -> None:
    first = world.offer()
    approval = world.approve(first)
    await world.receipt(world.record(first, approval))
    taken = signed.parse(messages.OFFER, first).value
    counter = signed.parse(messages.APPROVAL, approval, cose.ALG_ESP256).value.counter
    offers: list[tuple[bytes, dict[str, int]]] = [
        (world.offer(reference=taken.reference), {}),
        (world.offer(sequence=taken.sequence), {}),
        (first, {}),
        (world.offer(), {"counter": counter}),
    ]
    for offer, changes in offers:
        receipt = await world.receipt(world.record(offer, world.approve(offer, **changes)))
        assert (receipt.outcome, receipt.reason) == (messages.DECLINED, reasons.CONFLICT)
    assert await world.credit_space() == demo_data.RECIPIENTS[0][1] - evidence.AMOUNT


# Reversals


async def test_reversal_gives_back_once(world: World) -> None:
    before = await world.credit_space()
    receipt = await world.buy()
    for _ in range(2):
        answer = await world.reverse(receipt.approval_id)
        assert answer == {"approval_id": receipt.approval_id.hex(), "state": "VOIDED"}
    assert await world.credit_space() == before


async def test_reversed_sale_may_be_offered_again(world: World) -> None:
    await world.reverse((await world.buy(reference=b"sameSale")).approval_id)
    assert (await world.buy(reference=b"sameSale")).reason == reasons.OK


async def test_reversal_before_the_authorisation(world: World) -> None:
    before = await world.credit_space()
    offer = world.offer()
    approval = world.approve(offer)
    approval_id = evidence.approval_id(world.certificate, offer, world.credential, approval)
    assert (await world.reverse(approval_id))["state"] == "VOIDED"
    path = f"/v1/approvals/{approval_id.hex()}"
    assert await world.call("GET", path, token=world.token) == {"state": "VOIDED", "receipt": None}
    record = world.record(offer, approval)
    first = await world.post(record)
    receipt = evidence.receipt(first[1], world.authority.pins)
    assert (receipt.outcome, receipt.reason) == (messages.DECLINED, reasons.REVERSED)
    assert await world.post(record) == first
    assert (await world.reverse(approval_id))["state"] == "VOIDED"
    assert await world.credit_space() == before


async def test_reversal_of_a_declined_one(world: World) -> None:
    receipt = await world.buy(k=bytes(32))
    assert (await world.reverse(receipt.approval_id))["state"] == "DECLINED"


# States and phones


async def test_state_is_signed_for_the_nonce(world: World) -> None:
    body = {"receiver_id": evidence.RECEIVER_ID.hex(), "nonce": bytes(range(16)).hex()}
    versions = []
    for _ in range(2):
        async with world.bridge.post("/v1/states", json=body) as answer:
            assert answer.status == 200
            data = await answer.read()
        state = signed.from_authority(messages.STATE, data, world.authority.pins, host)
        assert (state.receiver_id, state.nonce) == (evidence.RECEIVER_ID, bytes(range(16)))
        assert state.revocations == NO_REVOCATIONS == sha256(b"\x80").digest()
        assert abs(state.time - time.time()) < ANSWER_S
        versions.append(state.version)
    assert versions[0] < versions[1]
    async with world.open.post("/v1/states", json=body) as answer:
        assert answer.status == 403


async def test_activation_is_good_for_one_phone(world: World) -> None:
    with pytest.raises(AssertionError, match="another phone"):
        await world.activate()
    body = world.registration(p256_public(evidence.seed("second phone")))
    spoiled: list[tuple[dict[str, str], int]] = [
        ({}, 403),
        ({"code": "12345"}, 422),
        ({"code_key": bytes(33).hex()}, 422),
        ({"key": bytes(32).hex()}, 422),
        ({"key": "02" + "ff" * 32}, 422),
        ({"key": "04" + "00" * 32}, 422),
        ({"key": bytes(65).hex()}, 400),
    ]
    for changes, status in spoiled:
        await world.call("POST", "/v1/phones", status, json=body | changes)


async def test_welcome_tells_recipients_and_pins(world: World) -> None:
    world.demo = world.authority.seed_demo()
    public = host.ed25519_public(evidence.seed("second phone"))  # the other kind
    body = world.registration(public, buyer=1)
    answer = await world.call("POST", "/v1/phones", 201, json=body)
    assert answer["buyer"] == "Bertil Berg"
    assert answer["recipients"] == [{"id": world.demo.recipients[2], "name": "Fritids"}]
    assert pins.decode(bytes.fromhex(answer["pins"])) == world.authority.pins


async def test_credentials_are_distinct_and_fit_the_air(world: World) -> None:
    batch = await world.credentials(world.demo.recipients[0], 16)
    assert len(set(batch)) == 16
    assert max(map(len, batch)) <= 182
    value = signed.from_authority(messages.CREDENTIAL, batch[0], world.authority.pins, host)
    assert value.not_before < time.time() < value.expires
    path = f"/v1/phones/{world.phone_id}/credentials"
    for recipient, count, status in ((99, 1, 403), (1, 17, 400), (1, 0, 400), (True, 1, 400)):
        body = {"recipient": recipient, "count": count}
        await world.call("POST", path, status, json=body, token=world.token)


async def test_phone_asks_for_its_approval(world: World) -> None:
    offer = world.offer()
    approval = world.approve(offer)
    approval_id = evidence.approval_id(world.certificate, offer, world.credential, approval)
    path = f"/v1/approvals/{approval_id.hex()}"
    await world.call("GET", path, 404, token=world.token)
    _, receipt = await world.post(world.record(offer, approval))
    answer = await world.call("GET", path, token=world.token)
    assert answer == {"state": "PENDING", "receipt": receipt.hex()}


async def test_administrator_builds_a_world(world: World) -> None:
    organisation = (await world.admin("POST", "organisations", {"name": "Ny"}, 201))["id"]
    body = {"organisation": organisation, "name": "Kontoret", "credit_space": 5}
    recipient = (await world.admin("POST", "recipients", body, 201))["id"]
    body = {
        "organisation": organisation,
        "name": "Cecilia",
        "purchase_limit": 10,
        "recipients": [recipient],
    }
    buyer = await world.admin("POST", "buyers", body, 201)
    assert (await world.admin("GET", f"buyers/{buyer['id']}"))["purchase_limit"] == 10
    body = {
        "receiver_id": OTHER_ID.hex(),
        "key": host.ed25519_public(RECEIVER).hex(),
        "store": 5,
        "store_name": "Ny butik",
        "invoice_issuer": 7,
        "currency": evidence.SEK,
        "client_fingerprint": world.authority.ca.client("bridge").fingerprint(),
    }
    certificate = (await world.admin("POST", "receivers", body, 201))["certificate"]
    value = signed.parse(messages.CERTIFICATE, bytes.fromhex(certificate)).value
    assert (value.receiver_id, value.store_name) == (OTHER_ID, "Ny butik")
    await world.admin("GET", "buyers/99", status=404)
    await world.admin("PUT", "recipients/1", {"credit_space": -1}, 400)


# Faults


async def test_answer_lost_after_the_commit(world: World) -> None:
    record = world.new_record()
    world.authority.faults.fault = Fault.DROP
    world.authority.faults.times = 1
    with pytest.raises(aiohttp.ClientError):
        await world.post(record)
    assert (await world.receipt(record)).outcome == messages.APPROVED
    assert await world.credit_space() == demo_data.RECIPIENTS[0][1] - evidence.AMOUNT


async def test_failing_authority_does_nothing(world: World) -> None:
    world.authority.faults.fault = Fault.FAIL
    world.authority.faults.prefix = "/v1/authorisations"
    assert (await world.post(world.new_record()))[0] == 500
    assert (await world.admin("GET", "transactions"))["transactions"] == []
    world.authority.faults.clear()
    assert (await world.buy()).reason == reasons.OK


async def test_mute_and_slow_authority_still_stops(world: World) -> None:
    world.authority.faults.fault = Fault.SILENT
    world.authority.faults.delay_s = 0.01
    asking = asyncio.create_task(world.buy())
    slow = asyncio.create_task(world.credit_space())
    await world.call("GET", "/healthz")
    await world.authority.stop()
    for task in (asking, slow):
        with pytest.raises(aiohttp.ClientError):
            await task


async def test_restart_keeps_port_and_books(world: World) -> None:
    url = world.authority.url
    record = world.new_record()
    first = await world.post(record)
    await world.authority.stop()
    with pytest.raises(aiohttp.ClientError):
        await world.post(record)
    await world.authority.start()
    assert world.authority.url == url
    assert await world.post(record) == first
