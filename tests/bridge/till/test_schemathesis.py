"""What a machine makes of the till API's own description, sent to a bridge with sales in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks

from bridge.till.rest.openapi import DOCUMENT
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop import refunding
from tests.support.shop.till import World, world_in

pytestmark = pytest.mark.processes

EXAMPLES = 20  # of each operation
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
]
WATCHES = "/v1/events"  # by WebSocket, which this machine does not speak
POSTED, PAID, CANCELLED, APPROVED = (f"sale-that-is-{what:-<9}" for what in ("a", "b", "c", "d"))
SALES = cycle([POSTED, PAID, CANCELLED, APPROVED])
REFUNDS = cycle([refunding.REFUND])

schema = schemathesis.openapi.from_dict(
    DOCUMENT, config=schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": False}}})
)


class Shop:
    """The world in a thread of its own, since these tests know no event loop."""

    def __init__(self, directory: Path) -> None:
        self.url = ""
        self._directory = directory
        self._ready = Event()
        self._thread = Thread(target=asyncio.run, args=(self._run(),))

    def __enter__(self) -> Shop:
        self._thread.start()
        assert self._ready.wait(3 * PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with world_in(self._directory) as world, world.bridge():
                await _sell(world)
                self.url = world.daemon.till_url
                self._ready.set()
                await self._end.wait()
        finally:
            self._ready.set()


async def _sell(world: World) -> None:
    """A sale in each state that lasts, and a refund."""
    await world.posted(POSTED)
    await refunding.ask(world, sale_id=POSTED, amount=1)
    await refunding.done(world)
    await world.posted(PAID)
    await world.ring(CANCELLED)
    await world.decide("cancel", CANCELLED)
    await world.approved(APPROVED)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, requests.Session]]:
    with Shop(tmp_path_factory.mktemp("shop")) as one, requests.Session() as session:
        yield one.url, session


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_as_described(
    case: schemathesis.Case[Any], shop: tuple[str, requests.Session]
) -> None:
    """No fault, no answer that the description does not know, and nothing taken that it forbids."""
    url, session = shop
    _within_reach(case)
    unfit = [checks.positive_data_acceptance] if case.path == WATCHES else []
    answer = case.call_and_validate(url, session, None, CHECKS, excluded_checks=unfit)
    if (case.method, case.path, answer.status_code) == ("POST", "/v1/sales", 201):  # the next one
        session.post(f"{url}/v1/sales/{answer.json()['sale_id']}/cancel").raise_for_status()


def _within_reach(case: schemathesis.Case[Any]) -> None:
    """Ask about what there is, and wait for nobody, wherever anything would do."""
    if case.meta is None or case.meta.generation.mode is not schemathesis.GenerationMode.POSITIVE:
        return
    ids = REFUNDS if case.path.startswith("/v1/refunds/") else SALES
    if "sale_id" in case.path_parameters:
        case.path_parameters["sale_id"] = next(ids)
    if "wait" in case.query:
        case.query["wait"] = 0.01
    if isinstance(case.body, dict):
        case.body |= {name: _plain(value) for name, value in case.body.items()}
        if "refund_id" in case.body and "sale_id" in case.body:
            case.body["sale_id"] = next(ids)


def _plain(value: Any) -> Any:
    """What JSON Schema cannot say: no fraction, not even of zeros, and printable text alone."""
    if isinstance(value, float):
        return int(value)
    return value if not isinstance(value, str) or value.isprintable() else "printable"
