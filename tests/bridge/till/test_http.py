"""The till API as HTTP: what it takes, what it refuses, and that it is as described."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from bridge.authority.clock_skew import Clock
from bridge.till.rest import requests
from bridge.till.rest.app import application
from bridge.till.rest.openapi import DOCUMENT, PATHS, SCHEMAS
from receiver import reasons
from receiver.link import wire
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.till import AMOUNT, SALE, TILL, World, outcome


async def test_the_same_sale_id_is_the_same_sale(world: World) -> None:
    body = {"sale_id": SALE, "amount": AMOUNT, "currency": "SEK"}
    assert (await world.call("POST", "/v1/sales", json=body))[0] == 201
    assert (await world.call("POST", "/v1/sales", json=body | {"till": TILL}))[0] == 200
    status, problem = await world.call("POST", "/v1/sales", json=body | {"amount": 1})
    assert (status, problem["sale"]["amount"]) == (409, AMOUNT)
    other = body | {"sale_id": "sale-of-the-next-buyer"}
    status, problem = await world.call("POST", "/v1/sales", json=other)
    assert (status, problem["sale"]["sale_id"]) == (409, body["sale_id"])
    await world.device.offered()
    sale = await world.decide("cancel")
    assert outcome(sale) == ("cancelled", "cashier_cancelled")
    await world.device.heard(wire.CANCEL)
    assert await world.decide("cancel") == sale
    assert (await world.call("POST", "/v1/sales", json=other))[0] == 201


async def test_no_phone_comes(world: World) -> None:
    await world.ring(patience_s=1)
    sale = await world.sale()
    assert outcome(sale) == ("cancelled", "nobody_came")
    assert sale["reason"]["sv"]
    assert sale["reason"]["en"]


GOOD = {"sale_id": SALE, "amount": AMOUNT, "currency": "SEK"}


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 2**32},
        {"amount": 249.0},
        {"amount": "24900"},
        {"amount": True},
        {"currency": "sek"},
        {"currency": 752},
        {"currency": ["SEK"]},
        {"sale_id": "short"},
        {"sale_id": "x" * 65},
        {"sale_id": "sale 0123456789ab"},
        {"sale_id": 1},
        {"till": "3"},
        {"patience_s": 0},
        {"patience_s": 121},
        {"reference": "x" * 65},
        {"reference": 1},
        {"tip": 1},
    ],
)
async def test_a_sale_that_is_not_one(world: World, changes: dict[str, Any]) -> None:
    status, problem = await world.call("POST", "/v1/sales", json=GOOD | changes)
    assert (status, problem["status"], problem["title"]) == (400, 400, "Bad Request")
    assert next(iter(changes)) in problem["detail"]


@pytest.mark.parametrize("data", [b"{", b'{"amount": NaN}', b'{"reference": "\\ud800"}', b"\xff"])
async def test_a_body_that_is_not_json(world: World, data: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    status, problem = await world.call("POST", "/v1/sales", data=data, headers=headers)
    assert (status, problem["type"]) == (400, "urn:tillsign:problem:malformed-json")


async def test_a_till_that_is_not_here(world: World) -> None:
    status, problem = await world.call("POST", "/v1/sales", json=GOOD | {"till": 4})
    assert (status, problem["type"]) == (404, "urn:tillsign:problem:unknown-till")
    assert str(TILL) in problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "request_", "status"),
    [
        ("POST", "/v1/sales", {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/v1/sales", {"json": []}, 400),
        ("POST", "/v1/sales", {"json": {}}, 400),
        ("POST", "/v1/sales", {"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ("POST", "/v1/sales", {"json": {"x": "y" * requests.BODY_MOST}}, 413),
        ("POST", f"/v1/sales/{SALE}/cancel", {}, 404),
        ("GET", f"/v1/sales/{SALE}", {}, 404),
        ("GET", f"/v1/sales/{SALE}?wait=61", {}, 400),
        ("GET", f"/v1/sales/{SALE}?wait=nan", {}, 400),
        ("GET", f"/v1/sales/{SALE}?wait=soon", {}, 400),
        ("GET", f"/v1/sales/{SALE}?patience=1", {}, 400),
        ("PUT", "/v1/sales", {}, 405),
        ("DELETE", "/v1/receivers", {}, 405),
        ("GET", "/nowhere", {}, 404),
        ("GET", "/healthz", {"headers": {"Host": "till.example"}}, 403),
        ("GET", "/healthz", {"headers": {"Origin": "https://till.example"}}, 403),
        ("GET", "/v1/events", {"headers": {"Origin": "null"}}, 403),
        ("GET", "/v1/events", {}, 400),
    ],
)
async def test_problems_are_json(
    world: World, method: str, path: str, request_: dict[str, Any], status: int
) -> None:
    async with world.http.request(method, path, **request_) as response:
        problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["status"]) == (status, status)
        assert problem["type"].startswith("urn:tillsign:problem:")
        assert problem["detail"]
        assert status != 405 or "Allow" in response.headers


async def test_the_document_names_every_route(world: World) -> None:
    app = application(world.daemon.service, world.daemon.guard, world.daemon.metrics, Clock())
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource
    }
    assert routes == {(method, path) for path, row in PATHS.items() for method in row}
    assert (await world.call("GET", "/openapi.json")) == (200, json.loads(json.dumps(DOCUMENT)))
    status, health = await world.call("GET", "/healthz")
    assert (status, health["status"], health["version"]) == (200, "ok", "0.1.0")
    assert set(health) == set(SCHEMAS["Serving"]["properties"])


async def test_answers_are_as_the_document_says(world: World) -> None:
    schemas = SCHEMAS
    assert set(await world.ring()) == set(schemas["Sale"]["properties"])
    await world.device.offered()
    world.device.send(wire.HEALTH, wire.Health(5, 60_000, 1, b"\xa1\x01\x02", 0, 3))
    async with world.http.ws_connect("/v1/events") as watch:
        await world.pay()
        await world.until(watch, event="sale", what="authorisation_sent")
    [receiver] = (await world.call("GET", "/v1/receivers"))[1]["receivers"]
    for name, part in (
        ("Receiver", receiver),
        ("Hello", receiver["hello"]),
        ("Health", receiver["health"]),
    ):
        assert set(part) == set(schemas[name]["properties"])
    assert receiver["health"]["counters"] == {"malformed": 2}
    assert receiver["hello"]["interpreter"] == "cpython"
    assert receiver["hello"]["reset_cause"] == "power"
    assert (receiver["hello"]["fault"], receiver["health"]["fault"]) == (None, None)
    assert receiver["health"]["dropped"] == 3
    world.device.send(wire.HEALTH, wire.Health(5, 1, 1, b"\xa0", reasons.STORE_FAILED, 0))
    async with asyncio.timeout(PATIENCE_S):
        while (fault := receiver["health"]["fault"]) is None:
            [receiver] = (await world.call("GET", "/v1/receivers"))[1]["receivers"]
    assert fault["code"] == "store_failed"
    assert set(fault) == set(schemas["Reason"]["properties"])


async def test_a_wait_ends_when_the_bridge_stops(world: World) -> None:
    await world.ring()
    waiting = asyncio.ensure_future(world.sale(wait=60))
    async with asyncio.timeout(PATIENCE_S):
        while not world.daemon.service.books.waiting._waiting:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
    await world.daemon.__aexit__(None, None, None)
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def test_a_journal_that_fails_ends_the_bridge(stopped: World) -> None:
    async def sell_without_journal() -> None:
        async with stopped.bridge():
            await stopped.device.heard(wire.STATE)
            stopped.daemon.service.books._journal.close()
            assert (await stopped.call("POST", "/v1/sales", json=GOOD))[0] == 500
            await stopped.daemon.wait()

    with pytest.raises(ExceptionGroup):
        await sell_without_journal()


@pytest.mark.parametrize("path", ["outbox", "receivers", "sales", "totals", "reconciliation"])
async def test_an_unknown_parameter(world: World, path: str) -> None:
    """A typing error is not a question about everything."""
    assert (await world.problem("GET", f"/v1/{path}?tils=7"))[:2] == (400, "invalid-request")
