"""Who watches, and which of them is a till: what is approved is told to that one alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from bridge.books.event_bus import EventBus
from bridge.domain.events import AUTHORITY, BRIDGE, Refused, SaleChanged
from bridge.domain.sale import Sale
from bridge.domain.states import Event, State
from bridge.sales.sale_service import Service
from bridge.till.rest import websocket
from receiver import reasons
from tests.support.bridge.outbox import TERMS


class Desk:
    """As much of the service as a stream looks at, with one approved sale."""

    def __init__(self) -> None:
        self.sale = Sale(TERMS)
        self.sale.state = State.APPROVED
        self.books = SimpleNamespace(find=lambda _: self.sale, open_sales=lambda: [self.sale])
        self.shown: list[Sale] = []

    def show(self, sale: Sale) -> None:
        self.shown.append(sale)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("till", [True, False])
async def test_an_approval_is_no_event_and_notifies_its_till_alone(desk: Desk, till: bool) -> None:
    bus, refused = EventBus(), Refused(BRIDGE, 0.0, 7, reasons.BUSY)
    with bus.subscribe() as watch:
        change = SaleChanged(AUTHORITY, 0.0, 3, 7, Event.AUTHORISED, desk.sale.copy())
        bus.publish(change)
        bus.publish(refused)
        events = websocket.told(cast("Service", desk), [], watch, till=till)
        assert await anext(events) == refused
    assert desk.shown == ([desk.sale] if till else [])


@pytest.mark.parametrize("till", [True, False])
async def test_who_comes_back_is_notified_if_it_is_a_till(desk: Desk, till: bool) -> None:
    assert await websocket.missed(cast("Service", desk), None, till=till) == []
    assert desk.shown == ([desk.sale] if till else [])
