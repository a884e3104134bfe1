"""The bridge's report of its journal's newest position, and the authority's answer."""

from __future__ import annotations

from typing import NamedTuple

from bridge.journal import Position

from .messages import (
    BridgeId,
    Checked,
    Hash,
    KnownPosition,
    LifeId,
    PositionClaim,
    RunId,
    StandingAnswer,
    Verdict,
)

__all__ = ["JournalClaim", "PositionAnswer", "Verdict", "answer", "claim_body"]


class JournalClaim(NamedTuple):
    """The report; `checked` is this chain's hash at the authority's newest position."""

    bridge_id: bytes
    run: bytes
    position: Position
    previous: bytes = b""
    checked: Position | None = None
    ended: bool = False


class PositionAnswer(NamedTuple):
    """The journal's standing; `newest` as the authority had it, `follows` the life before it."""

    verdict: Verdict
    newest: Position | None
    follows: bytes
    lease_s: float
    retry_after_s: float


def claim_body(claim: JournalClaim) -> PositionClaim:
    """Encode the request."""
    life, sequence, hash_ = claim.position
    checked = claim.checked
    return PositionClaim(
        bridge_id=BridgeId(claim.bridge_id),
        life=LifeId(life),
        run=RunId(claim.run),
        sequence=sequence,
        hash=Hash(hash_),
        previous=LifeId(claim.previous) if claim.previous else None,
        ended=claim.ended,
        checked=Checked(sequence=checked.sequence, hash=Hash(checked.hash)) if checked else None,
    )


def answer(said: StandingAnswer) -> PositionAnswer:
    """Decode the answer."""
    return PositionAnswer(
        said.standing,
        _position(said.newest) if said.newest else None,
        said.follows or b"",
        said.lease_s,
        said.retry_after_s or 0,
    )


def _position(newest: KnownPosition) -> Position:
    return Position(newest.life, newest.sequence, newest.hash)
