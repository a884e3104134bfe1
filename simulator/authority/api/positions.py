"""What a bridge says of itself: where its journal stands; and which receivers are its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from receiver.protocol import messages
from simulator.authority.accounts import bindings
from simulator.authority.ledger import journal_positions

from .requests import (
    client_fingerprint,
    flag,
    json_body,
    number,
    object_of,
    octets,
    position,
    query,
)

if TYPE_CHECKING:
    from simulator.authority.context import Office
    from simulator.authority.ledger.journal_positions import Answer, Claim, Known

BRIDGE_ID_SIZE = 8
LIFE_SIZE = 16
RUN_SIZE = 8
SEQUENCE_MOST = 10**18 - 1  # as many digits as the header takes; a database holds it


class PositionApi:
    """For any client certificate: it hears of itself only."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/positions", self.claim),
            web.get("/v1/receivers", self.receivers),
        ]

    async def claim(self, request: web.Request) -> web.Response:
        """Whether a bridge may serve with its journal; it asks at its start, and goes on asking."""
        fingerprint, office = client_fingerprint(request), self._office
        names = ("bridge_id", "life", "run", "sequence", "hash", "previous", "ended")
        asked = claim_of(await json_body(request, *names, optional=("checked",)))
        client = bindings.certificate(office.store, fingerprint).client
        answer = journal_positions.claim(office.store, client, asked, office.now(), office.lease_s)
        return web.json_response(answered(answer, office.lease_s))

    async def receivers(self, request: web.Request) -> web.Response:
        """Every receiver that is or ever was bound to the client, page by page."""
        fingerprint, store = client_fingerprint(request), self._office.store
        values = query(request, after="")
        size = messages.RECEIVER_ID_SIZE
        after = octets(values["after"], "after", size) if values["after"] else b""
        client = bindings.certificate(store, fingerprint).client
        journal_positions.note(store, client, position(request), self._office.now())
        page, following = bindings.listed(store, fingerprint, after)
        return web.json_response({"receivers": page, "next": following})


def claim_of(body: dict[str, Any]) -> Claim:
    """The claim in a JSON body; raises RequestError."""
    previous, checked = body["previous"], body.get("checked")
    return journal_positions.Claim(
        journal_positions.Position(
            octets(body["bridge_id"], "bridge_id", BRIDGE_ID_SIZE),
            octets(body["life"], "life", LIFE_SIZE),
            octets(body["run"], "run", RUN_SIZE),
            *_place(body),
        ),
        None if previous is None else octets(previous, "previous", LIFE_SIZE),
        None if checked is None else _place(object_of(checked, "checked", "sequence", "hash")),
        flag(body["ended"], "ended"),
    )


def _place(body: dict[str, Any]) -> tuple[int, bytes]:
    sequence = number(body["sequence"], "sequence", 0, SEQUENCE_MOST)
    return sequence, octets(body["hash"], "hash", messages.HASH_SIZE)


def answered(answer: Answer, lease_s: int) -> dict[str, Any]:
    """The answer as JSON."""
    return {
        "standing": answer.standing,
        "newest": None if answer.newest is None else _shown(answer.newest),
        "follows": answer.follows.hex() if answer.follows else None,
        "lease_s": lease_s,
        "retry_after_s": answer.retry_after_s,
    }


def _shown(known: Known) -> dict[str, Any]:
    newest = known.position
    return {
        "life": newest.life.hex(),
        "run": newest.run.hex(),
        "sequence": newest.sequence,
        "hash": newest.hash.hex(),
        "time": known.heard,
    }
