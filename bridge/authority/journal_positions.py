"""What the bridge says to the authority of its journal's newest position, and hears of it."""

from __future__ import annotations

from typing import NamedTuple

from bridge.journal import Position

from .messages import (
    BridgeId,
    Checked,
    Hash,
    JournalStanding,
    KnownPosition,
    LifeId,
    PositionClaim,
    RunId,
    Verdict,
)

__all__ = ["Answer", "Claim", "Verdict", "answer", "claim_body"]


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


def claim_body(claim: Claim) -> PositionClaim:
    """As it is sent."""
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


def answer(said: JournalStanding) -> Answer:
    """As the bridge goes by it."""
    return Answer(
        said.standing,
        _position(said.newest) if said.newest else None,
        said.follows or b"",
        said.lease_s,
        said.retry_after_s or 0,
    )


def _position(newest: KnownPosition) -> Position:
    return Position(newest.life, newest.sequence, newest.hash)
