"""The operation about a bridge's journal: may it serve?"""

from __future__ import annotations

from bridge.authority.messages import (
    POSITIONS,
    Hash,
    KnownPosition,
    LifeId,
    PositionClaim,
    RunId,
    StandingAnswer,
)
from simulator.authority.accounts import bindings
from simulator.authority.accounts.bindings import Position
from simulator.authority.ledger import journal_positions
from simulator.authority.ledger.journal_positions import Answer, Claim, Known

from .operations import Api, Call

api = Api("bridge", lambda call: call.fingerprint, (403,))


@api.on("POST", POSITIONS)
def claim(call: Call, asked: PositionClaim) -> StandingAnswer:
    """Decide whether a bridge may serve with its journal; only `current` changes the books."""
    office, client = call.office, bindings.certificate(call.store, call.fingerprint).client
    wanted = claim_of(asked)
    found = journal_positions.claim(call.store, client, wanted, office.now(), office.lease_s)
    return standing_of(found, office.lease_s)


def claim_of(body: PositionClaim) -> Claim:
    """Convert the request to the ledger's claim."""
    checked = body.checked
    return Claim(
        Position(body.bridge_id, body.life, body.run, body.sequence, body.hash),
        body.previous,
        (checked.sequence, checked.hash) if checked else None,
        body.ended,
    )


def standing_of(found: Answer, lease_s: int) -> StandingAnswer:
    """Convert the ledger's answer to the response."""
    return StandingAnswer(
        found.standing,
        _known(found.newest) if found.newest else None,
        LifeId(found.follows) if found.follows else None,
        lease_s,
        found.retry_after_s,
    )


def _known(known: Known) -> KnownPosition:
    newest = known.position
    return KnownPosition(
        LifeId(newest.life), RunId(newest.run), newest.sequence, Hash(newest.hash), known.heard
    )
