"""Encode sales as journal lines and decode them: the same lines always give the same sales.

The code proof of an approval is stored apart from its line, as `secret`, so that it can be erased.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from receiver.encoding import cose, schema
from receiver.errors import Error
from receiver.protocol import messages, signed

from .sale import CARRIED, Fact, Sale, Terms
from .states import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNG = "rung"  # the line that begins a sale or a refund; every other kind is an Event
_OCTETS = ("reference", "receiver_id", "original")
_HIDDEN = "hidden"  # the place of the secret in the approval or the record
_WITH_A_PROOF = ("approval", "record")
_ALGORITHMS = (cose.ALG_ESP256, cose.ALG_ED25519)


class JournalLine(Protocol):
    """A line as the journal returns it; `at` in milliseconds since 1970."""

    @property
    def at(self) -> int: ...
    @property
    def sale_id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def secret(self) -> bytes: ...


class Written(NamedTuple):
    """A line's body, and the secret that is erased with the end of the sale."""

    body: str
    secret: bytes


def dump_terms(terms: Terms) -> str:
    octets = {name: getattr(terms, name).hex() for name in _OCTETS}
    return _json({**terms._asdict(), **octets})


def dump_fact(fact: Fact) -> Written:
    """Encode the fact without its event, which is the line's kind."""
    body: dict[str, object] = {"reason": fact.reason} if fact.reason else {}
    secret = b""
    for name in CARRIED:
        value = getattr(fact, name)
        if value and name in _WITH_A_PROOF:
            secret = fact.secret or _proof(name, value)
            body[_HIDDEN] = at = value.rindex(secret)
            value = value[:at] + bytes(len(secret)) + value[at + len(secret) :]
        if value:
            body[name] = value.hex()
    return Written(_json(body), secret)


def load_terms(body: str) -> Terms:
    values = json.loads(body)
    octets = {name: bytes.fromhex(values.get(name, "")) for name in _OCTETS}
    return Terms(**{**values, **octets})


def load_fact(kind: str, body: str, secret: bytes) -> Fact:
    """Decode the fact in a line; an erased secret is replaced by zeros."""
    values = json.loads(body)
    reason, hidden = values.pop("reason", 0), values.pop(_HIDDEN, 0)
    carried = {name: bytes.fromhex(value) for name, value in values.items()}
    for name in _WITH_A_PROOF:
        if secret and name in carried:
            data = carried[name]
            carried[name] = data[:hidden] + secret + data[hidden + len(secret) :]
    return Fact(Event(kind), reason, **carried)


def replay(lines: Iterable[JournalLine]) -> dict[str, Sale]:
    """Return every sale in the journal by its id, in the order of their beginning."""
    sales: dict[str, Sale] = {}
    for line in lines:
        follow(sales, line)
    return sales


def follow(sales: dict[str, Sale], line: JournalLine) -> Sale:
    """Apply one more line and return its sale."""
    if line.kind == RUNG:
        sales[line.sale_id] = Sale(load_terms(line.body))
    else:
        fact = load_fact(line.kind, line.body, line.secret)
        sale = sales[line.sale_id]
        sale.take(fact)
        sale.date(fact.event, line.at, sale)
    return sales[line.sale_id]


def _proof(name: str, value: bytes) -> bytes:
    """Return the code proof in an approval or a record; all bytes if it cannot be decoded."""
    try:
        if name == "record":
            value = schema.decode(messages.RECORD, value, messages.Record).approval
    except Error:
        return value
    for algorithm in _ALGORITHMS:
        try:
            proof: bytes = signed.parse(messages.APPROVAL, value, algorithm).value.proof
        except Error:
            continue
        return proof
    return value


def _json(body: dict[str, object]) -> str:
    return msgspec.json.encode(body, order="sorted").decode()
