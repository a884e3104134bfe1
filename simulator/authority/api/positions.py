"""Routes about the bridge itself: its journal's position and its receivers."""

from __future__ import annotations

from aiohttp import web

from bridge.authority import messages
from bridge.authority.messages import (
    Hash,
    KnownPosition,
    LifeId,
    PositionClaim,
    ReceiversQuery,
    RunId,
    StandingAnswer,
)
from simulator.authority.accounts import bindings
from simulator.authority.context import Office
from simulator.authority.ledger import journal_positions
from simulator.authority.ledger.journal_positions import Answer, Claim, Known

from .requests import answer, body_of, client_fingerprint, position, query_of


class PositionApi:
    """Routes for any client certificate; each client sees only its own data."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post(messages.POSITIONS, self.claim),
            web.get(messages.RECEIVERS, self.receivers),
        ]

    async def claim(self, request: web.Request) -> web.Response:
        """Decide whether a bridge may serve with its journal; it asks at its start and later."""
        fingerprint, office = client_fingerprint(request), self._office
        asked = claim_of(await body_of(request, PositionClaim))
        client = bindings.certificate(office.store, fingerprint).client
        found = journal_positions.claim(office.store, client, asked, office.now(), office.lease_s)
        return answer(standing_of(found, office.lease_s))

    async def receivers(self, request: web.Request) -> web.Response:
        """List every receiver that is or was bound to the client, page by page."""
        fingerprint, store = client_fingerprint(request), self._office.store
        after = query_of(request, ReceiversQuery).after or b""
        client = bindings.certificate(store, fingerprint).client
        journal_positions.note(store, client, position(request), self._office.now())
        return answer(bindings.listed(store, fingerprint, after))


def claim_of(body: PositionClaim) -> Claim:
    """Convert the request to the ledger's claim."""
    checked = body.checked
    return journal_positions.Claim(
        journal_positions.Position(body.bridge_id, body.life, body.run, body.sequence, body.hash),
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
