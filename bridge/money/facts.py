"""Sales as journal lines and back: replaying the same lines always gives the same sales."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from .sale import CARRIED, Event, Fact, Sale, Terms

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNG = "rung"  # the line that begins a sale; every other kind is an Event
_OCTETS = ("reference", "receiver_id")


class Line(Protocol):
    """What a journal gives back."""

    @property
    def sale_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def body(self) -> str: ...


def dump_terms(terms: Terms) -> str:
    octets = {name: getattr(terms, name).hex() for name in _OCTETS}
    return _json({**terms._asdict(), **octets})


def dump_fact(fact: Fact) -> str:
    """The fact without its event, which is the line's kind."""
    body: dict[str, object] = {"reason": fact.reason} if fact.reason else {}
    for name in CARRIED:
        if value := getattr(fact, name):
            body[name] = value.hex()
    return _json(body)


def load_terms(body: str) -> Terms:
    values = json.loads(body)
    octets = {name: bytes.fromhex(values[name]) for name in _OCTETS}
    return Terms(**{**values, **octets})


def load_fact(kind: str, body: str) -> Fact:
    values = json.loads(body)
    reason = values.pop("reason", 0)
    carried = {name: bytes.fromhex(value) for name, value in values.items()}
    return Fact(Event(kind), reason, **carried)


def replay(lines: Iterable[Line]) -> dict[str, Sale]:
    """Every sale in the journal by its id, in the order in which they began."""
    sales: dict[str, Sale] = {}
    for line in lines:
        if line.kind == RUNG:
            sales[line.sale_id] = Sale(load_terms(line.body))
        else:
            sales[line.sale_id].take(load_fact(line.kind, line.body))
    return sales


def _json(body: dict[str, object]) -> str:
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
