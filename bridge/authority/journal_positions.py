"""What bridge and authority say to each other of a journal's newest position, spelled once."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from bridge.journal import Position

PATH = "/v1/positions"
HEADER = "Tillsign-Position"  # bridge id, life, run, sequence, hash: of every other call


class Verdict(StrEnum):
    """What the authority makes of a position."""

    CURRENT = "current"
    BEHIND = "behind"
    FORK = "fork"
    SUPERSEDED = "superseded"
    IN_USE = "in_use"


class Claim(NamedTuple):
    """What is said to the authority; `checked` is what this chain has at its newest position."""

    bridge_id: bytes
    run: bytes
    position: Position
    previous: bytes = b""
    checked: Position | None = None
    ended: bool = False


class Answer(NamedTuple):
    """How the journal stands; `newest` as it was known, `follows` the life that this one ended."""

    verdict: Verdict
    newest: Position | None
    follows: bytes
    lease_s: float
    retry_after_s: float


def claim_body(claim: Claim) -> dict[str, Any]:
    """As JSON."""
    life, sequence, hash_ = claim.position
    checked = claim.checked
    body = {
        "bridge_id": claim.bridge_id.hex(),
        "life": life.hex(),
        "run": claim.run.hex(),
        "sequence": sequence,
        "hash": hash_.hex(),
        "previous": claim.previous.hex() or None,
        "ended": claim.ended,
    }
    if checked:
        body["checked"] = {"sequence": checked.sequence, "hash": checked.hash.hex()}
    return body


def answer(document: Mapping[str, Any]) -> Answer:
    """Raises ValueError for anything but an answer."""
    try:
        newest, follows = document["newest"], document["follows"]
        return Answer(
            Verdict(document["standing"]),
            _position(newest) if newest is not None else None,
            bytes.fromhex(follows or ""),
            float(document["lease_s"]),
            float(document["retry_after_s"] or 0),
        )
    except (KeyError, TypeError) as error:
        raise ValueError("not an answer about a position") from error


def _position(newest: Mapping[str, Any]) -> Position:
    sequence = newest["sequence"]
    if not isinstance(sequence, int) or isinstance(sequence, bool):
        raise ValueError("not a sequence")
    return Position(bytes.fromhex(newest["life"]), sequence, bytes.fromhex(newest["hash"]))
