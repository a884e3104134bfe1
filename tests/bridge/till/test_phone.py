"""The buyer's phone as the till sees it: in the sale, among the receivers, and as events."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from receiver import reasons
from receiver.host.texts import PHONES
from receiver.link import wire
from receiver.protocol import identifiers
from tests.support.bridge.device import LINK, PATIENCE_S
from tests.support.shop.till import World

Json = dict[str, Any]


def report(world: World, event: int, link: int = LINK) -> None:
    session = identifiers.session_id(world.device.offer) if event == wire.PHONE_SHOWN else b""
    world.device.send(wire.PHONE, wire.Phone(session, link, event, reasons.OK))


async def events(socket: aiohttp.ClientWebSocketResponse, kind: str, what: str) -> Json:
    """Return the next event of this kind."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event: Json = await socket.receive_json()
            if (event["event"], event["what" if "what" in event else "event"]) == (kind, what):
                return event


def shown(code: str) -> Json:
    return {"code": code, "sv": PHONES[code].sv, "en": PHONES[code].en}


async def at_receiver(world: World) -> Json | None:
    [receiver] = (await world.call("GET", "/v1/receivers"))[1]["receivers"]
    phone: Json | None = receiver["phone"]
    return phone


async def test_a_phone_that_checks_in_is_shown_before_the_sale_and_in_it(world: World) -> None:
    async with world.http.ws_connect("/v1/events") as socket:
        assert await at_receiver(world) is None
        report(world, wire.PHONE_NEAR)
        event = await events(socket, "phone", "near")
        assert (event["from"], event["link"], event["reason"]) == ("phone", LINK, None)
        assert event["phone"] == await at_receiver(world) == shown("near")
        await world.ring_up()
        assert (await world.sale(wait=0))["phone"] == shown("near")
        report(world, wire.PHONE_SHOWN)
        assert (await events(socket, "phone", "shown"))["phone"] == shown("looking")
        world.device.present(world.buyer.credential)
        claimed = (await events(socket, "sale", "claimed"))["sale"]
        assert (claimed["state"], claimed["phone"]) == ("claimed", shown("typing"))
        report(world, wire.PHONE_GONE)
        assert (await events(socket, "phone", "gone"))["phone"] is None
        assert (await world.sale(wait=0))["phone"] is None


async def test_the_phone_is_shown_only_while_a_buyer_is_awaited(world: World) -> None:
    await world.ring_up()
    report(world, wire.PHONE_NEAR)
    await world.pay()
    assert (await world.sale())["phone"] is None
    assert await at_receiver(world) is None  # it has paid: it is not the next buyer's


async def test_no_phone_is_near_an_unplugged_receiver(world: World) -> None:
    async with world.http.ws_connect("/v1/events") as socket:
        report(world, wire.PHONE_NEAR)
        await events(socket, "phone", "near")
        world.device.unplug()
        gone = await events(socket, "phone", "gone")
        assert (gone["reason"], gone["phone"]) == ("receiver_offline", None)
        assert await at_receiver(world) is None
