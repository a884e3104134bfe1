"""What the bridge logs of purchases: every line names its sale, and tells nothing personal."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace

from bridge.observability import logs
from receiver.crypto import host
from receiver.encoding import cbor
from receiver.link import wire
from simulator.authority import Fault
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.scripted_buyer import CODE, PHONE, PHONE_CODE_KEY
from tests.support.shop.till import AMOUNT, RECEIVER, World

pytestmark = pytest.mark.processes

TOKEN = "a-token-that-nobody-may-ever-see-in-a-log"
NOTE = "Anna Andersson, rum 12"
PIECE = 12  # bytes that stand nowhere by chance
SALES = ("sale-number-0001", "sale-number-0002", "sale-number-0003")


@pytest.fixture(params=logs.FORMATS)
def log(request: pytest.FixtureRequest) -> Iterator[StringIO]:
    """All that the process logs, in either format, at the finest level."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    stream = StringIO()
    logs.setup(stream, "debug", request.param)
    yield stream
    root.setLevel(level)
    root.handlers[:] = handlers


async def test_purchases_leave_nothing_personal_in_the_log(stopped: World, log: StringIO) -> None:
    async with served(stopped):
        secrets = await play(stopped)
    text = log.getvalue()
    assert len(text.splitlines()) > 30
    assert all(sale_id in text for sale_id in SALES)
    assert [name for name, value in secrets.items() if is_shown(value, text)] == []


async def test_every_line_about_a_sale_names_it(stopped: World, log: StringIO) -> None:
    async with served(stopped):
        await play(stopped)
    if not log.getvalue().startswith("{"):
        return
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {line["sale"] for line in lines if line["event"] == "sale"} == set(SALES)
    for line in lines:
        named = {sale_id for sale_id in SALES if sale_id in json.dumps(line)}
        assert named <= {line.get("sale")}


@asynccontextmanager
async def served(world: World) -> AsyncIterator[None]:
    """The bridge, asking for a token; `world.http` bears it."""
    directory = world.config.journal.parent
    token = directory / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    world.config = replace(world.config, listen=replace(world.config.listen, token=token))
    async with world.bridge():
        await world.http.close()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession(world.daemon.till_url, headers=headers) as world.http:
            yield


async def play(world: World) -> dict[str, bytes]:
    """Sales that go well, badly and wrong in every layer; all that must not be told of them."""
    offers, approvals = [], []

    async def buy(sale_id: str, amount: int) -> None:
        await world.ring(sale_id, amount=amount, reference=NOTE)
        offers.append(await world.device.offered())
        approvals.append(pay(world))
        while (sale := await world.sale(sale_id))["state"] == "unknown":
            pass
        assert sale["state"] == "approved"
        await world.call("POST", f"/v1/sales/{sale_id}/paid")
        await world.call("POST", f"/v1/sales/{sale_id}/cancel")

    world.device.raw = b"Guru Meditation\0\x01" + world.buyer.credential + b"\0"
    world.device.send(wire.HEALTH, wire.Health(5, 60_000, 1, b"\xff", 0, 0))
    await buy(SALES[0], AMOUNT)
    await world.call("POST", "/v1/refunds", json={"reference": NOTE})
    async with world.http.get("/v1/receivers", headers={"Authorization": TOKEN + "1"}):
        pass
    await bad_http(world)
    faults = world.authority.faults
    faults.fault, faults.prefix, faults.times = Fault.DROP, "/v1/authorisations", 1
    await buy(SALES[1], AMOUNT + 1)
    await world.ring(SALES[2], reference=NOTE)
    offers.append(await world.device.offered())
    world.device.present(world.buyer.credential)
    world.device.present(world.buyer.credential[:-1] + b"?")  # refused, with its detail
    approvals.append(pay(world, amount=1))
    await world.call("POST", f"/v1/sales/{SALES[2]}/abort")
    return secrets_of(world, offers, approvals)


def pay(world: World, **changes: Any) -> bytes:
    """The buyer pays for the offer that is there, and the receiver agrees: the approval."""
    offer = world.device.offer
    approval = world.buyer.approve(offer, **changes)
    world.device.present(world.buyer.credential)
    world.device.approve(approval)
    world.device.judge(world.buyer.name(offer, approval))
    return approval


async def bad_http(world: World) -> None:
    """A request that the HTTP server itself refuses, token and all."""
    port = int(world.daemon.till_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET / HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\x01\r\n\r\n".encode())
    assert b" 400 " in await asyncio.wait_for(reader.readline(), PATIENCE_S)
    writer.close()


def secrets_of(world: World, offers: list[bytes], approvals: list[bytes]) -> dict[str, bytes]:
    return {
        "code": CODE.encode(),
        "code key": world.buyer._k,
        "credential": world.buyer.credential,
        "recipient": b"recipient",  # by that name, as its number is 1 here
        "phone": PHONE,
        "phone's public key": host.ed25519_public(PHONE),
        "phone's code key": PHONE_CODE_KEY,
        "receiver": RECEIVER,
        "note": NOTE.encode(),
        "token": TOKEN.encode(),
        **{f"offer {n}": value for n, value in enumerate(offers)},
        **{f"approval {n}": value for n, value in enumerate(approvals)},
        **{f"proof {n}": said(value)[8] for n, value in enumerate(approvals)},
    }


def said(signed_: bytes) -> Any:
    """What a COSE_Sign1 says, by key."""
    envelope: Any = cbor.decode(signed_)
    return cbor.decode(envelope[2])


def is_shown(secret: bytes, text: str) -> bool:
    """Whether any twelve bytes of `secret`, or all of a shorter one, stand in `text` somehow."""
    if secret.isdigit():  # of a number that is a part of another one nothing is learnt
        return bool(re.search(rf"(?<![0-9a-f]){secret.decode()}(?![0-9a-f])", text))
    size = min(PIECE, len(secret))
    pieces = [secret[at : at + size] for at in range(len(secret) - size + 1)]
    return any(form in text for piece in pieces for form in forms(piece))


def forms(piece: bytes) -> list[str]:
    """How bytes come to stand in a text."""
    as_text = [piece.decode()] if piece.isascii() and piece.decode().isprintable() else []
    encoded = [base64.b64encode(piece), base64.urlsafe_b64encode(piece)]
    codes = [
        piece.hex(),
        piece.hex().upper(),
        piece.hex(" "),
        repr(piece)[2:-1],
        str(list(piece))[1:-1],
    ]
    return [*as_text, *(it.decode().rstrip("=") for it in encoded), *codes]


def test_the_search_finds_what_it_looks_for() -> None:
    secret = bytes(range(200, 240))
    hidden = secret[10:35]
    for shown in (
        hidden.hex(),
        repr(hidden),
        base64.b64encode(b"?" + hidden).decode(),
        str([*hidden]),
    ):
        assert is_shown(secret, f"state={shown} till=3")
    assert not is_shown(secret, secret[:11].hex())
    assert is_shown(b"314159", "code=314159")
    assert not is_shown(b"314159", "approval=314159ab")
