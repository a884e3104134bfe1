"""Firmware releases at the authority: who may publish what, who gets it, and what stops it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.authority.update_messages import PIECE
from simulator.authority.keys import FIRMWARE_KEYS, Keys
from simulator.authority.updates.staging import PERCENT, Reports, is_in_share
from tests.conftest import PlaceOf
from tests.support.shop.authority import World, enrol, reason_in, speaking_as, world_in
from tests.support.values import evidence, releases
from tests.support.values.releases import BOARD, KEYS, Firmware, made

OURS = evidence.RECEIVER_ID
CBOR = {"Content-Type": "application/cbor"}


@pytest.fixture
async def shop(tmp_path: Path, place_of: PlaceOf) -> AsyncIterator[World]:
    """An authority that trusts three firmware keys, on each database in turn."""
    place = place_of(tmp_path)
    releases.trust(tmp_path)
    async with world_in(tmp_path, place if isinstance(place, str) else None) as world:
        yield world


async def post(shop: World, body: bytes, token: str | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {token or shop.authority.admin_token}", **CBOR}
    async with shop.open.post(
        "/v1/admin/releases", data=io.BytesIO(body), headers=headers
    ) as answer:
        return answer.status, await answer.read()


async def publish(shop: World, found: Firmware, **settings: int) -> None:
    status, body = await post(shop, found.published(**settings).encode())
    assert status == 201, body


async def refusal(shop: World, found: Firmware, **changes: Any) -> tuple[int, str]:
    body = found.published()._replace(**changes).encode()
    status, problem = await post(shop, body)
    return status, reason_in(problem)


async def ask(shop: World, method: str, path: str, status: int = 200, **request: Any) -> Any:
    async with shop.bridge.request(method, f"/v1/{path}", **request) as answer:
        assert answer.status == status, await answer.text()
        is_json = "json" in answer.content_type
        return await answer.json(content_type=None) if is_json else await answer.read()


async def wanted(shop: World, receiver_id: bytes = OURS, **known: Any) -> list[int]:
    """The releases that a receiver is to have."""
    body = {"receiver_id": receiver_id.hex(), "version": "0.1.0", **known}
    answer = await ask(shop, "POST", "updates", json=body)
    return [one["release"] for one in answer["releases"]]


async def report(shop: World, found: Firmware, receiver_id: bytes, outcome: str) -> str | None:
    body: dict[str, Any] = {"receiver_id": receiver_id.hex(), "outcome": outcome}
    if outcome != "installed":
        body["reason"] = "wrong_hash"
    answer = await ask(shop, "POST", f"updates/{found.id.hex()}/outcome", json=body)
    stopped: str | None = answer["stopped"]
    return stopped


async def view(shop: World, n: int = 0) -> Any:
    return (await shop.admin("GET", "releases"))["releases"][n]


# Who may publish what.


async def test_a_release_arrives_whole(shop: World) -> None:
    found = made(files={"big": bytes(range(256)) * 600, "small": b"1"})
    await publish(shop, found)
    assert await wanted(shop, board_class=BOARD, release=1) == [2]
    who = {"receiver_id": OURS.hex()}
    signed = await ask(shop, "GET", f"updates/{found.id.hex()}/manifest", params=who)
    assert signed == found.signed()
    data = b""
    while piece := await ask(
        shop, "GET", f"updates/{found.id.hex()}/payload", params={**who, "start": len(data)}
    ):
        assert len(piece) <= PIECE
        data += piece
    assert data == found.payload


async def test_publishing_needs_two_keys_and_the_very_files(shop: World) -> None:
    found = made()
    assert await refusal(shop, found, manifest=found.signed(KEYS[2])) == (
        422,
        "too_few_signatures",
    )
    stranger = KEYS[0]._replace(seed=bytes(32))
    forged = found.signed(stranger, KEYS[1])
    assert await refusal(shop, found, manifest=forged) == (422, "bad_signature")
    unknown = KEYS[0]._replace(kid=bytes((5, 9)))
    assert (await refusal(shop, found, manifest=found.signed(KEYS[1], unknown)))[1] == (
        "too_few_signatures"
    )
    assert (await refusal(shop, found, payload=found.payload[:-1]))[1] == "wrong_hash"
    altered = bytes([found.payload[0] ^ 1]) + found.payload[1:]
    assert (await refusal(shop, found, payload=altered))[1] == "wrong_hash"
    assert (await refusal(shop, found, manifest=found.unsigned))[1] == "malformed"
    assert (await shop.admin("GET", "releases"))["releases"] == []


async def test_only_the_administrator_publishes(shop: World) -> None:
    body = made().published().encode()
    assert (await post(shop, body, "guessed"))[0] == 403
    assert (await post(shop, bytes(3_000_000)))[0] == 413


async def test_a_number_is_one_content_for_ever(shop: World) -> None:
    await publish(shop, made(3), share=5)
    await publish(shop, made(3), share=50)  # the same again changes the share alone
    assert (await view(shop))["share"] == 50
    other = made(3, files={"a": b"other"})
    assert await refusal(shop, other) == (409, "conflict")
    assert (await refusal(shop, made(2)))[1] == "not_newer"
    await publish(shop, made(2, board="esp32s3-littlefs"))  # numbers belong to a class


# Who gets it.


def test_a_growing_share_only_adds_receivers() -> None:
    ids = [n.to_bytes(8, "big") for n in range(2_000)]
    before: set[bytes] = set()
    for share in range(0, PERCENT + 1, 10):
        now = {one for one in ids if is_in_share(one, 7, share)}
        assert before <= now
        assert abs(len(now) - 20 * share) < 100
        before = now
    assert before == set(ids)
    tenth = {one for one in ids if is_in_share(one, 7, 10)}
    assert tenth != {one for one in ids if is_in_share(one, 8, 10)}  # others each time


async def test_the_share_decides(shop: World) -> None:
    ids = [OURS, *(bytes((n,)) * len(OURS) for n in range(1, 8))]
    for id_ in ids[1:]:
        enrol(shop.authority, shop.authority.ca.client("bridge"), receiver_id=id_)
    found = made(2)
    for share in (0, 30, 70, 100):
        await publish(shop, found, share=share)
        have = [id_ for id_ in ids if await wanted(shop, id_, board_class=BOARD, release=1)]
        assert have == [id_ for id_ in ids if is_in_share(id_, 2, share)]
        assert (await view(shop))["wanted"] == len(have)


async def test_class_and_least_release_decide(shop: World) -> None:
    await publish(shop, made(2))
    await publish(shop, made(3, least=2))
    await publish(shop, made(5, board="esp32s3-littlefs"))
    assert await wanted(shop) == [5, 3]  # nothing known: the newest of each class
    assert await wanted(shop, board_class=BOARD) == [3]
    assert await wanted(shop, board_class=BOARD, release=1) == [2]  # 3 is too far
    assert await wanted(shop, board_class=BOARD, release=2) == [3]
    assert await wanted(shop, board_class=BOARD, release=3) == []
    assert await wanted(shop, board_class="other", release=1) == []


async def test_a_stranger_gets_nothing(shop: World) -> None:
    await publish(shop, made(2))
    body = {"receiver_id": OURS.hex(), "version": "0.1.0"}
    async with speaking_as(shop, "stranger"):
        await ask(shop, "POST", "updates", 403, json=body)
        who = {"receiver_id": OURS.hex(), "start": 0}
        await ask(shop, "GET", f"updates/{made(2).id.hex()}/payload", 403, params=who)


# What stops it.


def test_failures_count_once_enough_have_reported() -> None:
    assert not Reports(0, 3, 0).are_too_bad(10, 4)
    assert Reports(3, 1, 0).are_too_bad(25, 4)
    assert not Reports(4, 1, 0).are_too_bad(25, 4)
    assert Reports(18, 1, 1).are_too_bad(10, 4)


async def test_too_many_failures_stop_a_release(shop: World) -> None:
    ids = [bytes((n,)) * len(OURS) for n in range(1, 6)]
    for id_ in ids:
        enrol(shop.authority, shop.authority.ca.client("bridge"), receiver_id=id_)
    found = made(2)
    await publish(shop, found, stop_at=40, least=4)
    assert await report(shop, found, ids[0], "failed") is None
    assert await report(shop, found, ids[0], "installed") is None  # the later report counts
    assert await report(shop, found, ids[1], "went_back") is None
    assert await report(shop, found, ids[1], "went_back") is None  # again: the same
    assert await report(shop, found, ids[2], "installed") is None
    assert await report(shop, found, ids[3], "failed") == "failures"
    now = await view(shop)
    assert (now["installed"], now["failed"], now["went_back"]) == (2, 1, 1)
    assert now["reasons"] == {"wrong_hash": 2}
    assert now["stopped"] == "failures"
    assert await wanted(shop, board_class=BOARD, release=1) == []
    await publish(shop, found, stop_at=90)
    assert await wanted(shop, board_class=BOARD, release=1) == []  # a person lets it go on
    changed = await shop.admin("PUT", f"releases/{found.id.hex()}", {"stopped": False})
    assert changed["stopped"] is None
    assert await wanted(shop, board_class=BOARD, release=1) == [2]
    await shop.admin("PUT", f"releases/{found.id.hex()}", {"stopped": True, "share": 7})
    assert ((await view(shop))["stopped"], (await view(shop))["share"]) == ("administrator", 7)


async def test_what_runs_is_counted(shop: World) -> None:
    await publish(shop, made(2))
    await wanted(shop, board_class=BOARD, release=1)
    assert (await view(shop))["running"] == 0
    await wanted(shop, board_class=BOARD, release=2)
    assert (await view(shop))["running"] == 1


async def test_unknown_releases_are_not_found(shop: World) -> None:
    unknown, who = bytes(32).hex(), {"receiver_id": OURS.hex()}
    await ask(shop, "GET", f"updates/{unknown}/manifest", 404, params=who)
    await ask(shop, "GET", f"updates/{unknown}/payload", 404, params={**who, "start": 0})
    body = {**who, "outcome": "installed"}
    await ask(shop, "POST", f"updates/{unknown}/outcome", 404, json=body)
    await shop.admin("PUT", f"releases/{unknown}", {"share": 1}, 404)


# The keys.


def test_pins_have_the_firmware_keys(tmp_path: Path) -> None:
    releases.trust(tmp_path)
    pins = Keys(tmp_path / "keys.json").pins()
    assert {kid: key for kid, key in pins.items() if kid[0] == 5} == releases.PINS
    assert "seed" not in (tmp_path / FIRMWARE_KEYS).read_text()


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"0101": "%s"}' % ("00" * 32), '{"0501": "00"}', '{"05": "xx"}']
)
def test_other_keys_are_no_firmware_keys(tmp_path: Path, text: str) -> None:
    (tmp_path / FIRMWARE_KEYS).write_text(text)
    with pytest.raises(ValueError, match=r"."):
        Keys(tmp_path / "keys.json")
