"""What HTTP brings, as targets, tills' and bridges' requests and answers; and what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from aiohttp import web

from bridge import contracts
from bridge.authority import client
from bridge.authority.clock_skew import Clock
from bridge.authority.messages import PositionClaim, RefundRequest, Refusal, StateRequest
from bridge.books.books import Books
from bridge.domain import event_codec, receiver_status
from bridge.domain.sale import Terms
from bridge.domain.verification import Evidence
from bridge.sales.orders import Order, RefundOrder
from bridge.sales.stand_in import REVOCATIONS_MOST, StandInHere
from bridge.till.rest import requests as till
from bridge.till.rest.views import health_view
from bridge.till.server.access import Guard, Speakers
from bridge.till.server.problems import ProblemError
from bridge.till.server.rate_limits import Rates
from receiver import reasons
from receiver.encoding import cbor
from receiver.host.currencies import LETTERS
from receiver.link import wire
from receiver.link.wire import NONCE_SIZE
from simulator.authority.api import requests as office
from simulator.authority.api.models import BuyerChange, NewBuyer
from simulator.authority.api.requests import RequestError
from tests.fuzz.target import Target

_JSON = "application/json"
_SALE_ID = "sale-0123456789ab"
_ORDERS: list[dict[str, Any]] = [
    {"sale_id": _SALE_ID, "amount": 24_900, "currency": "SEK"},
    {"sale_id": "A" * 64, "amount": 0xFFFFFFFF, "currency": "EUR", "till": 65535},
    {"sale_id": "a.b:c-d_0123456789", "amount": 1, "currency": "NOK", "till": 1, "patience_s": 120},
    {"sale_id": _SALE_ID, "amount": 5, "currency": "DKK", "reference": "Kvitto 17 åäö ✓"},
]
_REFUNDS: list[dict[str, Any]] = [
    {"refund_id": _SALE_ID, "amount": 1, "sale_id": "A" * 16},
    {"refund_id": "A" * 64, "amount": 0xFFFFFFFF, "sale_id": _SALE_ID, "phone": True},
    {"refund_id": _SALE_ID, "amount": 5, "currency": "SEK", "transaction_id": "0f" * 16, "till": 7},
]
_ASKED: list[dict[str, Any]] = [
    {"receiver_id": "00" * 8, "nonce": "ff" * NONCE_SIZE},
    {"receiver_id": "00" * 8, "transaction_id": "0f" * 16, "amount": 1, "currency": 999},
    {"organisation": 1, "name": "Ännu en", "purchase_limit": 0, "recipients": [1, 0xFFFFFFFF]},
    {"blocked": True, "purchase_limit": 7},
    {
        **{"bridge_id": "01" * 8, "life": "02" * 16, "run": "03" * 8, "sequence": 10**18 - 1},
        **{"hash": "04" * 32, "previous": None, "ended": False},
        "checked": {"sequence": 0, "hash": "05" * 32},
    },
]
_STRANGE: list[dict[str, Any]] = [
    {"receiver_id": 0, "nonce": "x" * 80},
    {"receiver_id": True, "nonce": "Ännu en"},
]
_BODIES: tuple[type[Any], ...] = (StateRequest, RefundRequest, PositionClaim, NewBuyer, BuyerChange)
_REFUSALS = [b'{"status": 422, "reason": "busy"}', b'{"reason": null}', b"{}"]

_GUARD = Guard(Speakers(("till.example",)), Rates())

T = TypeVar("T")


def targets() -> Iterator[tuple[str, Target]]:
    yield "till-order", Target(_order, None, partial(_dumped, _ORDERS))
    yield "till-refund", Target(_refund, None, partial(_dumped, _REFUNDS))
    yield "till-wait", Target(_wait, None, lambda: [b"", b"0", b"60", b"1.5", b"5e-1"])
    yield "till-host", Target(_host, None, _hosts)
    yield (
        "authority-request",
        Target(_request, None, partial(_dumped, _ASKED), near=partial(_dumped, _STRANGE)),
    )
    yield "health", Target(_health, None, _counted)
    yield "authority-answer", Target(_answer, None, lambda: _REFUSALS)
    yield "revocations", Target(_revoked, None, _revocations, near=lambda: [cbor.encode([1])])


def _order(data: bytes) -> bool | None:
    """A till's sale: said again it is the same, and so it is read from the journal."""
    order = _taken(partial(till.order, _request_of(data)), ProblemError)
    if order is None:
        return None
    assert order == _now(till.order(_request_of(_spelled(order))))
    terms = Terms(
        order.sale_id, order.till or 1, *order[1:3], *order[4:], _SALE_ID.encode(), bytes(8)
    )
    assert event_codec.load_terms(event_codec.dump_terms(terms).encode().decode()) == terms
    return True


def _refund(data: bytes) -> bool | None:
    """A till's refund: of a sale or of a transaction, never of both or neither."""
    order: RefundOrder | None = _taken(partial(till.refund, _request_of(data)), ProblemError)
    if order is None:
        return None
    assert bool(order.sale_id) != bool(order.transaction_id)
    assert order.currency or order.sale_id
    return True


def _spelled(order: Order) -> bytes:
    """An order as a till might have written it."""
    body: dict[str, Any] = {**order._asdict(), "currency": LETTERS[order.currency]}
    body["reference"] = body.pop("note")
    return json.dumps({key: value for key, value in body.items() if value is not None}).encode()


def _wait(data: bytes) -> bool | None:
    request = SimpleNamespace(query={"wait": data.decode("latin-1")} if data else {})
    try:
        seconds = till.query(cast("web.Request", request), till.WaitQuery).wait
    except ProblemError:
        return None
    assert 0 <= seconds <= till.WAIT_MOST_S
    return True


def _host(data: bytes) -> bool | None:
    """The Host header: taken where it names this machine."""
    return _GUARD._named(data.decode("latin-1")) or None


def _hosts() -> list[bytes]:
    ours = [b"localhost", b"127.0.0.1:8080", b"[::1]:80", b"127.9.9.9", b"LOCALHOST:1"]
    return [*ours, b"till.example:8470"]


def _request(data: bytes) -> bool | None:
    """A body for the authority: what is taken, said again, is the same."""
    bodies = [
        _taken(partial(office.body_of, _request_of(data), type_), RequestError) for type_ in _BODIES
    ]
    for body in filter(None, bodies):
        assert contracts.decode(contracts.encode(body), type(body)) == body
    return True if any(bodies) else None


def _answer(data: bytes) -> bool | None:
    """A problem document from the authority: some reason of ours, whatever it says."""
    try:
        problem = client._decoded(data, Refusal)
    except client.UnansweredError:
        return None
    assert client._refusal(422, problem, Clock()).reason in reasons.NAMES
    return True


def _revoked(data: bytes) -> bool:
    """A list of revoked credentials with the hash that the state names."""
    state = SimpleNamespace(revocations=sha256(data).digest(), time=1)
    evidence = cast("Evidence", SimpleNamespace(state=state))
    here = StandInHere(evidence, cast("Books", None), True)
    here.take_revocations(data)
    assert here._revoked is not None
    assert all(isinstance(name, bytes) for name in here._revoked)
    return True


def _revocations() -> list[bytes]:
    ids = [number.to_bytes(8, "big") for number in range(300)]  # more than fit in a message
    return [cbor.encode(ids[:count], REVOCATIONS_MOST) for count in (0, 1, 24, 300)]


def _health(data: bytes) -> bool:
    """A receiver's counters, as the till API shows them."""
    payload = wire.encode(wire.HEALTH, wire.Health(1, 2, 3, data, 0, 0))
    assert contracts.encode(health_view(receiver_status.health(payload)))
    return True


def _counted() -> list[bytes]:
    return [cbor.encode({}), cbor.encode({reasons.BUSY: 3, reasons.EVICTED: 0xFFFFFFFF, 255: 1})]


def _request_of(data: bytes) -> web.Request:
    """As much of a request as these readers look at."""

    async def read() -> bytes:
        return data

    return cast("web.Request", SimpleNamespace(content_type=_JSON, read=read))


def _taken(read: Callable[[], Coroutine[Any, Any, T]], refusal: type[Exception]) -> T | None:
    try:
        return _now(read())
    except refusal:
        return None


def _now(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    work.close()
    raise AssertionError("a reader waits for more than the body")


def _dumped(values: list[dict[str, Any]]) -> list[bytes]:
    plain = [json.dumps(value, ensure_ascii=False).encode() for value in values]
    return [*plain, *[json.dumps(value, indent=1).encode() for value in values]]
