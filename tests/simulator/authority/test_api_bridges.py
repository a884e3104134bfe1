"""Bridges over real HTTPS: their receivers, those they no longer have, and where journals stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.authority.messages import POSITION_HEADER
from receiver.protocol import messages
from simulator.authority.ledger.journal_positions import LEASE_S
from simulator.authority.process import AuthorityProcess
from simulator.crypto import pki
from simulator.world.enrolment import new_receiver
from tests.conftest import PlaceOf
from tests.support.shop.authority import OTHER_ID, World, enrol, speaking_as
from tests.support.values import evidence

pytestmark = pytest.mark.processes

RECEIVER = evidence.RECEIVER_ID.hex()
BRIDGE = b"bridge01".hex()
LIFE, NEXT_LIFE, RUN, NEXT_RUN = "aa" * 16, "bb" * 16, "01" * 8, "02" * 8
ID = "00" * 16


def client(world: World, name: str = "bridge") -> pki.Identity:
    return world.authority.ca.client(name)


async def ask(
    world: World, method: str, path: str, status: int = 200, header: str = "", **request: Any
) -> Any:
    """The document in an answer, or its bytes."""
    headers = {POSITION_HEADER: header} if header else {}
    asking = world.bridge.request(method, f"/v1/{path}", headers=headers, **request)
    async with asking as answer:
        assert answer.status == status, await answer.text()
        return await answer.json(content_type=None) if "json" in answer.content_type else b""


def at(sequence: int, life: str = LIFE, run: str = RUN) -> str:
    """The header of a bridge whose journal is there."""
    return f"{BRIDGE} {life} {run} {sequence} {sequence:064x}"


async def claim(
    world: World, sequence: int, life: str = LIFE, run: str = RUN, status: int = 200, **more: Any
) -> Any:
    place = {"sequence": sequence, "hash": f"{sequence:064x}"}
    body = {"bridge_id": BRIDGE, "life": life, "run": run, "previous": None, "ended": False}
    return await ask(world, "POST", "positions", status, json={**body, **place, **more})


async def bound(world: World) -> list[tuple[str, bool]]:
    """The receivers of the bridge, and whether each is so today."""
    listed = await ask(world, "GET", "receivers")
    assert listed["next"] is None
    return [(one["receiver_id"], one["until"] is None) for one in listed["receivers"]]


# Receivers that change hands


async def test_a_bridge_hears_of_every_receiver_that_it_had(world: World) -> None:
    enrol(world.authority, client(world), receiver_id=OTHER_ID)
    assert await bound(world) == [(RECEIVER, True), (OTHER_ID.hex(), True)]
    enrol(world.authority, client(world, "next"))
    assert await bound(world) == [(RECEIVER, False), (OTHER_ID.hex(), True)]
    rest = await ask(world, "GET", "receivers", params={"after": RECEIVER})
    assert [one["receiver_id"] for one in rest["receivers"]] == [OTHER_ID.hex()]
    async with speaking_as(world, "next"):
        assert await bound(world) == [(RECEIVER, True)]
    async with speaking_as(world, "stranger"):
        assert await bound(world) == []
    await ask(world, "GET", "receivers", 400, params={"after": "zz"})


async def test_the_old_bridge_ends_what_it_owes(world: World) -> None:
    """Its receiver was moved to another bridge meanwhile."""
    sold, held = await world.buy(), await world.buy()
    enrol(world.authority, client(world, "next"))
    body = {"receiver_id": RECEIVER}
    done = await ask(world, "POST", f"confirmations/{sold.approval_id.hex()}", json=body)
    assert done["state"] == "POSTED"
    assert (await world.reverse(held.approval_id))["state"] == "VOIDED"
    order = {"transaction_id": sold.transaction_id.hex(), "amount": 5, "currency": evidence.SEK}
    back = await ask(world, "POST", f"refunds/{ID}", json={**body, **order})
    assert back["state"] == "POSTED"
    shown = await ask(world, "GET", f"transactions/{sold.approval_id.hex()}", params=body)
    assert (shown["state"], shown["refunded"], shown["till"]) == ("POSTED", 5, 3)
    assert await world.refusal(world.new_record()) == (422, "wrong_receiver")
    await ask(world, "POST", "states", 403, json={**body, "nonce": "00" * 16})
    await ask(world, "GET", "revocations", 403, params=body)


async def test_the_new_bridge_is_not_heard_by_the_old(world: World) -> None:
    old = await world.buy()
    world.certificate = enrol(world.authority, client(world, "next"))
    async with speaking_as(world, "next"):
        new = await world.buy()
    window = {"from": world.now - 3600, "to": world.now + 3600}
    path, body = f"receivers/{RECEIVER}/transactions", {"receiver_id": RECEIVER}
    listed = await ask(world, "GET", path, params=window)
    assert [one["approval_id"] for one in listed["transactions"]] == [old.approval_id.hex()]
    await ask(world, "GET", f"transactions/{new.approval_id.hex()}", 422, params=body)
    await ask(world, "POST", f"confirmations/{new.approval_id.hex()}", 422, json=body)
    await world.reverse(new.approval_id, 422)
    async with speaking_as(world, "next"):
        listed = await ask(world, "GET", path, params=window)
        assert len(listed["transactions"]) == 2
        assert (await world.reverse(old.approval_id))["state"] == "VOIDED"


async def renew(world: World, old: str, new: str, status: int = 200) -> Any:
    path = f"clients/{client(world, old).fingerprint()}/renewal"
    body = {"client_fingerprint": client(world, new).fingerprint()}
    return await world.admin("POST", path, body, status)


async def test_a_renewed_certificate_goes_on(world: World) -> None:
    sold = await world.buy()
    await claim(world, 4)
    for _ in range(2):
        answer = await renew(world, "bridge", "renewed")
        assert answer == {"client_fingerprint": client(world, "renewed").fingerprint()}
    body = {"receiver_id": RECEIVER}
    async with speaking_as(world, "renewed"):
        assert await bound(world) == [(RECEIVER, True)]
        assert (await claim(world, 5))["standing"] == "current"
        done = await ask(world, "POST", f"confirmations/{sold.approval_id.hex()}", json=body)
        assert done["state"] == "POSTED"
        assert (await world.buy()).outcome == messages.APPROVED
    assert await bound(world) == [(RECEIVER, False)]
    await renew(world, "bridge", "another", 409)
    await renew(world, "stranger", "another", 404)


# Where a journal stands


async def test_a_restored_journal_waits_and_hears_how_far_the_lost_one_was(world: World) -> None:
    started = await claim(world, 3)
    assert started == {
        "standing": "current",
        "newest": None,
        "follows": None,
        "lease_s": LEASE_S,
        "retry_after_s": None,
    }
    order = {"receiver_id": RECEIVER, "nonce": "00" * 16}
    await ask(world, "POST", "states", header=at(8), json=order)
    behind = await claim(world, 4, run=NEXT_RUN)
    assert (behind["standing"], behind["newest"]["sequence"]) == ("behind", 8)
    waits = await claim(world, 4, NEXT_LIFE, NEXT_RUN, previous=LIFE)
    assert waits["standing"] == "in_use"
    assert LEASE_S - 5 <= waits["retry_after_s"] <= LEASE_S + 1
    world.clock.shift = LEASE_S + 2
    taken = await claim(world, 4, NEXT_LIFE, NEXT_RUN, previous=LIFE)
    assert (taken["standing"], taken["follows"]) == ("current", LIFE)
    assert {**taken["newest"], "time": 0} == {
        "life": LIFE,
        "run": RUN,
        "sequence": 8,
        "hash": f"{8:064x}",
        "time": 0,
    }
    assert (await claim(world, 9))["standing"] == "superseded"


async def test_a_restart_that_is_further_shows_its_chain(world: World) -> None:
    await claim(world, 3)
    assert (await claim(world, 6, run=NEXT_RUN, checked=None))["standing"] == "behind"
    checked = {"sequence": 3, "hash": f"{3:064x}"}
    other = {"sequence": 3, "hash": "ff" * 32}
    assert (await claim(world, 6, run=NEXT_RUN, checked=other))["standing"] == "fork"
    assert (await claim(world, 6, run=NEXT_RUN, checked=checked))["standing"] == "current"


async def test_a_bridge_that_stops_is_followed_at_once(world: World) -> None:
    await claim(world, 3, ended=True)
    assert (await claim(world, 1, NEXT_LIFE))["standing"] == "current"


async def test_a_bridge_is_its_own_clients(world: World) -> None:
    await claim(world, 3)
    enrol(world.authority, client(world, "next"), receiver_id=OTHER_ID)
    body = {"receiver_id": OTHER_ID.hex()}
    async with speaking_as(world, "next"):
        await claim(world, 4, status=403)
        await ask(world, "POST", f"reversals/{ID}", 403, at(4), json=body)
    enrol(world.authority, client(world, "next"))
    async with speaking_as(world, "next"):
        assert (await claim(world, 4))["standing"] == "current"
    await claim(world, 5, status=403)


ROUTES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", f"confirmations/{ID}"): {"json": {"receiver_id": RECEIVER}},
    ("POST", f"reversals/{ID}"): {"json": {"receiver_id": RECEIVER}},
    ("POST", f"refunds/{ID}"): {
        "json": {
            "receiver_id": RECEIVER,
            "transaction_id": ID,
            "amount": 1,
            "currency": evidence.SEK,
        }
    },
    ("GET", f"transactions/{ID}"): {"params": {"receiver_id": RECEIVER}},
    ("GET", f"receivers/{RECEIVER}/transactions"): {"params": {"from": 0, "to": 1}},
    ("POST", "states"): {"json": {"receiver_id": RECEIVER, "nonce": "00" * 16}},
    ("GET", "revocations"): {"params": {"receiver_id": RECEIVER}},
    ("GET", "receivers"): {},
}


async def test_every_call_of_a_journal_that_does_not_serve_is_refused(world: World) -> None:
    """Nothing is done, nor where the header is malformed."""
    await claim(world, 3)
    for (method, path), request in ROUTES.items():
        for header in (at(9, run=NEXT_RUN), at(9, NEXT_LIFE)):
            refused = await ask(world, method, path, 409, header, **request)
            assert refused["reason"] == "journal_behind", path
        for header in ("x", f"{at(9)} 1", at(9).upper(), at(9).replace(" 9 ", " 09 ")):
            await ask(world, method, path, 400, header, **request)
    store = world.authority.office.store
    assert store.value("SELECT count(*) FROM transactions") == 0
    assert store.value("SELECT version FROM state_version") == 0
    assert store.value("SELECT sequence FROM positions") == 3


async def authorise(world: World, header: str) -> tuple[int, bytes]:
    record = world.new_record()
    headers = {"Content-Type": "application/cbor", POSITION_HEADER: header}
    async with world.bridge.post("/v1/authorisations", data=record, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_a_record_comes_with_the_position(world: World) -> None:
    await claim(world, 3)
    status, problem = await authorise(world, at(9, run=NEXT_RUN))
    assert (status, b'"journal_behind"' in problem) == (409, True)
    assert (await authorise(world, "x"))[0] == 400
    store = world.authority.office.store
    assert store.value("SELECT count(*) FROM transactions") == 0
    status, receipt = await authorise(world, at(5))
    assert status == 200
    assert evidence.receipt(receipt, world.authority.pins).outcome == messages.APPROVED
    assert store.value("SELECT sequence FROM positions") == 5


async def test_positions_outlive_the_process_and_its_lease_is_set(
    tmp_path: Path, place_of: PlaceOf
) -> None:
    place = place_of(tmp_path)
    database = place if isinstance(place, str) else None
    async with AuthorityProcess(tmp_path, database, lease_s=2) as authority:
        identity = authority.ca.client("bridge")
        new_receiver(authority, identity.fingerprint(), receiver_id=evidence.RECEIVER_ID)
        context = pki.client_context(authority.ca.certificate, identity)
        body = {"bridge_id": BRIDGE, "life": LIFE, "run": RUN, "previous": None, "ended": False}
        place_at = {"sequence": 7, "hash": "00" * 32}
        for newest in (None, 7):
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
                session.post(f"{authority.url}/v1/positions", json={**body, **place_at}) as answer,
            ):
                said = await answer.json()
            assert (said["standing"], said["lease_s"]) == ("current", 2)
            assert (said["newest"] or {}).get("sequence") == newest
            await authority.stop()
            await authority.start()
