"""How a hold ends over real HTTPS: confirmed, reversed, refunded, and what bridges are told."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cbor, schema
from receiver.protocol import messages, signed
from simulator.authority.ledger import ledger
from simulator.authority.ledger.statements import PAGE
from tests.support.shop.authority import OTHER_ID, World, enrol, speaking_as, world_in
from tests.support.values import evidence

pytestmark = pytest.mark.processes

RECEIVER = evidence.RECEIVER_ID.hex()


async def post(world: World, path: str, status: int = 200, **more: Any) -> Any:
    body = {"receiver_id": RECEIVER, **more}
    async with world.bridge.post(f"/v1/{path}", json=body) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


async def get(world: World, path: str, status: int = 200, **query: Any) -> Any:
    async with world.bridge.get(f"/v1/{path}", params=query) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None)


async def sold(world: World, **changes: Any) -> messages.Receipt:
    """A purchase that is posted."""
    receipt = await world.buy(**changes)
    await post(world, f"confirmations/{receipt.approval_id.hex()}")
    return receipt


async def refund(world: World, receipt: messages.Receipt, amount: int, **more: Any) -> Any:
    values: dict[str, Any] = {
        "transaction_id": receipt.transaction_id.hex(),
        "amount": amount,
        "currency": evidence.SEK,
    } | more
    refund_id = values.pop("refund_id", secrets.token_hex(16))
    status = values.pop("status", 200)
    return await post(world, f"refunds/{refund_id}", status, **values)


async def test_confirmation_posts_and_may_be_repeated(world: World) -> None:
    before = await world.credit_space()
    receipt = await world.buy()
    approval_id = receipt.approval_id.hex()
    for _ in range(2):
        answer = await post(world, f"confirmations/{approval_id}")
        assert answer == {"approval_id": approval_id, "state": "POSTED", "late": False}
    assert await world.credit_space() == before - receipt.amount
    assert await get(world, f"transactions/{approval_id}", receiver_id=RECEIVER) == {
        "approval_id": approval_id,
        "state": "POSTED",
        "amount": receipt.amount,
        "currency": receipt.currency,
        "transaction_id": receipt.transaction_id.hex(),
        "refunded": 0,
        "late": False,
        "reference": (1).to_bytes(8, "big").hex(),
        "time": receipt.time,
        "kind": "purchase",
        "till": 3,
    }


async def test_an_approval_that_is_not_known(world: World) -> None:
    unknown = secrets.token_hex(16)
    for answer in (
        await post(world, f"confirmations/{unknown}", 404),
        await get(world, f"transactions/{unknown}", 404, receiver_id=RECEIVER),
    ):
        assert answer["reason"] == "approval_unknown"


async def test_confirmation_of_what_was_given_back(world: World) -> None:
    before = await world.credit_space()
    receipt = await world.buy()
    await world.reverse(receipt.approval_id)
    answer = await post(world, f"confirmations/{receipt.approval_id.hex()}")
    assert (answer["state"], answer["late"]) == ("VOIDED", False)
    declined = await world.buy(k=bytes(32))
    answer = await post(world, f"confirmations/{declined.approval_id.hex()}")
    assert answer["state"] == "DECLINED"
    assert await world.credit_space() == before


async def test_posting_after_a_week_is_late(world: World) -> None:
    before = await world.credit_space()
    receipt = await world.buy()
    world.clock.shift = ledger.EXPIRE_AFTER_S + 1
    office = world.authority.office
    assert ledger.sweep(office.store, office.now()) == 1
    assert await world.credit_space() == before
    for _ in range(2):
        answer = await post(world, f"confirmations/{receipt.approval_id.hex()}")
        assert (answer["state"], answer["late"]) == ("POSTED", True)
    assert await world.credit_space() == before - receipt.amount


async def test_alarms_are_told_with_how_things_stand(world: World) -> None:
    receipt = await sold(world)
    assert (await world.admin("GET", "alarms"))["alarms"] == []
    for _ in range(2):
        assert (await world.reverse(receipt.approval_id))["state"] == "POSTED"
    [alarm] = (await world.admin("GET", "alarms"))["alarms"]
    assert {
        "kind": "reversal_of_posted",
        "approval_id": receipt.approval_id.hex(),
        "state": "POSTED",
        "receiver_id": RECEIVER,
        "amount": receipt.amount,
    }.items() <= alarm.items()


async def test_phone_hears_how_it_ended(world: World) -> None:
    receipt = await world.buy()
    path = f"/v1/approvals/{receipt.approval_id.hex()}"
    assert (await world.call("GET", path, token=world.token))["state"] == "PENDING"
    world.clock.shift = ledger.EXPIRE_AFTER_S + 1
    office = world.authority.office
    ledger.sweep(office.store, office.now())
    assert (await world.call("GET", path, token=world.token))["state"] == "EXPIRED"
    await post(world, f"confirmations/{receipt.approval_id.hex()}")
    answer = await world.call("GET", path, token=world.token)
    assert answer["state"] == "POSTED"
    assert evidence.receipt(bytes.fromhex(answer["receipt"]), world.authority.pins) == receipt


async def test_limits_and_revocations_are_in_the_state(world: World) -> None:
    limits = {"offline_floor": 100, "offline_total": 500, "offline_count": 9, "offline_hours": 48}
    none = dict.fromkeys(limits, 0)
    assert await world.admin("GET", f"receivers/{RECEIVER}") == none
    change = {"offline_floor": 100, "offline_hours": 48}
    assert await world.admin("PUT", f"receivers/{RECEIVER}", change) == none | change
    assert await world.admin("PUT", f"receivers/{RECEIVER}", limits) == limits
    await world.admin("GET", f"receivers/{OTHER_ID.hex()}", status=404)
    credential = signed.parse(messages.CREDENTIAL, world.credential).value.id
    await world.admin("PUT", f"credentials/{credential.hex()}", {"revoked": True})
    body = {"receiver_id": RECEIVER, "nonce": bytes(16).hex()}
    async with world.bridge.post("/v1/states", json=body) as answer:
        data = await answer.read()
    state = signed.from_authority(messages.STATE, data, world.authority.pins, host)
    given = (state.offline_floor, state.offline_total, state.offline_count, state.offline_hours)
    assert given == tuple(limits.values())
    query = {"receiver_id": RECEIVER}
    async with world.bridge.get("/v1/revocations", params=query) as answer:
        assert (answer.status, answer.content_type) == (200, "application/cbor")
        listed = await answer.read()
    assert cbor.decode(listed) == [credential]
    assert sha256(listed).digest() == state.revocations


async def test_an_offline_purchase_is_uploaded(world: World) -> None:
    """Floors from the administrator, a credential after a right code, and the record hours late."""
    assert (await world.buy()).reason == reasons.OK
    floor = {"offline_floor": evidence.AMOUNT}
    await world.admin("PUT", f"receivers/{RECEIVER}", floor)
    buyer = await world.admin("PUT", f"buyers/{world.demo.buyers[0].id}", floor)
    assert buyer["offline_floor"] == evidence.AMOUNT
    [world.credential] = await world.credentials(world.demo.recipients[0])
    world.now = int(time.time())  # no floor holds before it was set
    record = world.new_record()
    value = schema.decode(messages.RECORD, record, messages.Record)
    world.clock.shift = 5 * 3600
    late = schema.encode(messages.RECORD, value._replace(mode=messages.OFFLINE))
    receipt = await world.receipt(late)
    assert receipt.reason == reasons.OK
    assert await world.receipt(record) == receipt


async def test_one_more_phone_for_a_buyer(world: World) -> None:
    path = f"buyers/{world.demo.buyers[0].id}/activations"
    first = await world.admin("POST", path, {}, 201)
    assert first["activation"] != (await world.admin("POST", path, {}, 201))["activation"]
    await world.admin("POST", "buyers/99/activations", {}, 404)


async def test_books_that_cannot_be_reached_are_no_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown, never declined."""
    receipt = await world.buy()
    path = f"confirmations/{receipt.approval_id.hex()}"

    def fail(*_: Any) -> Any:
        raise psycopg.OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(world.authority.office.store, "_execute", fail)
        await post(world, path, 503)
    assert (await post(world, path))["state"] == "POSTED"


async def test_a_database_that_was_away_is_found_again(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    """Whoever asks while a connection breaks has no answer, and the next one has."""
    database = postgres()
    async with world_in(tmp_path, database) as world:
        receipt = await world.buy()
        with psycopg.connect(database, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        path = f"/v1/confirmations/{receipt.approval_id.hex()}"
        statuses = []
        while 200 not in statuses:
            async with world.bridge.post(path, json={"receiver_id": RECEIVER}) as answer:
                statuses.append(answer.status)
        assert set(statuses) <= {200, 503}
        assert len(statuses) <= 2


async def test_refund_without_a_phone(world: World) -> None:
    before = await world.credit_space()
    receipt = await sold(world)
    refund_id = secrets.token_hex(16)
    first = await refund(world, receipt, 100, refund_id=refund_id)
    assert (first["refund_id"], first["state"], first["reason"]) == (refund_id, "POSTED", None)
    assert await refund(world, receipt, 100, refund_id=refund_id) == first
    conflict = await refund(world, receipt, 101, refund_id=refund_id, status=409)
    assert conflict["reason"] == "conflict"
    rest = receipt.amount - 100
    assert (await refund(world, receipt, rest + 1))["reason"] == "refund_exceeds"
    assert (await refund(world, receipt, rest))["state"] == "POSTED"
    assert (await refund(world, receipt, 1))["reason"] == "refund_exceeds"
    assert await world.credit_space() == before
    path = f"transactions/{receipt.approval_id.hex()}"
    assert (await get(world, path, receiver_id=RECEIVER))["refunded"] == receipt.amount
    shown = await get(world, f"transactions/{refund_id}", receiver_id=RECEIVER)
    assert (shown["state"], shown["amount"]) == ("POSTED", 100)


async def test_what_cannot_be_refunded(world: World) -> None:
    assert (await refund(world, await world.buy(), 1))["reason"] == "not_posted"
    posted = await sold(world)
    nothing = posted._replace(transaction_id=bytes(16))
    assert (await refund(world, nothing, 1))["reason"] == "not_posted"
    assert (await refund(world, posted, 1, currency=840))["reason"] == "wrong_currency"
    other = world.authority.ca.client("bridge")
    enrol(world.authority, other, receiver_id=OTHER_ID, invoice_issuer=8)
    foreign = await refund(world, posted, 1, receiver_id=OTHER_ID.hex())
    assert foreign["reason"] == "not_posted"
    refund_id = secrets.token_hex(16)
    assert (await post(world, f"reversals/{refund_id}"))["state"] == "VOIDED"
    barred = await refund(world, posted, 1, refund_id=refund_id)
    assert (barred["state"], barred["reason"]) == ("DECLINED", "reversed")


async def test_a_day_is_listed_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.authority.ledger.statements.PAGE", 2)
    assert PAGE > 2
    receipts = [await world.buy() for _ in range(3)]
    back = await refund(world, await sold(world), 5)
    day = {"from": int(time.time()) - 3600, "to": int(time.time()) + 3600}
    found: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await get(world, f"receivers/{RECEIVER}/transactions", **day, after=cursor)
        found += page["transactions"]
        cursor = page["next"]
    assert len(found) == 5
    assert {one["approval_id"] for one in found} >= {r.approval_id.hex() for r in receipts}
    kinds = {one["approval_id"]: (one["kind"], one["reference"]) for one in found}
    assert kinds[back["refund_id"]] == ("refund", None)
    assert kinds[receipts[0].approval_id.hex()][0] == "purchase"
    empty = await get(world, f"receivers/{RECEIVER}/transactions", **{"from": 0, "to": 1})
    assert empty == {"transactions": [], "next": None}


async def test_only_the_receivers_own_bridge_is_answered(world: World) -> None:
    receipt = await sold(world)
    approval_id = receipt.approval_id.hex()
    async with speaking_as(world, "neighbour"):
        await post(world, f"confirmations/{approval_id}", 403)
        await refund(world, receipt, 1, status=403)
        await get(world, f"transactions/{approval_id}", 403, receiver_id=RECEIVER)
        await get(world, f"receivers/{RECEIVER}/transactions", 403, **{"from": 0, "to": 1})
        await get(world, "revocations", 403, receiver_id=RECEIVER)
    enrol(world.authority, world.authority.ca.client("bridge"), receiver_id=OTHER_ID)
    other = {"receiver_id": OTHER_ID.hex()}
    for answer in (
        await post(world, f"confirmations/{approval_id}", 422, **other),
        await get(world, f"transactions/{approval_id}", 422, **other),
    ):
        assert answer["reason"] == reasons.name(reasons.WRONG_RECEIVER)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (f"receivers/{RECEIVER}/transactions", {}),
        (f"receivers/{RECEIVER}/transactions", {"from": "x", "to": "1"}),
        (f"receivers/{RECEIVER}/transactions", {"from": "-1", "to": "1"}),
        (f"receivers/{RECEIVER}/transactions", {"from": "0", "to": "1", "after": "zz"}),
        (f"receivers/{RECEIVER}/transactions", {"from": "0", "to": "1", "more": ""}),
        ("revocations", {"receiver_id": "00"}),
        (f"transactions/{'00' * 16}", {}),
    ],
)
async def test_questions_are_read_strictly(world: World, path: str, query: dict[str, str]) -> None:
    await get(world, path, 400, **query)
