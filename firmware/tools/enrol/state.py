"""What a laptop must not forget between two runs of one enrolment: a file beside its results.

It holds no secret: the ticket's hash tells whether it is the same ticket again.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Self

from bridge.authority import enrolment_client
from receiver.host import whole_files

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.authority.enrolment_messages import EnrolmentBegun


class EnrolmentState(NamedTuple):
    """One enrolment as far as this laptop knows it."""

    ticket_hash: str
    begun: EnrolmentBegun
    request: bytes = b""

    @classmethod
    def load(cls, place: Path, ticket: str) -> Self | None:
        """Return the state of this ticket's enrolment; None for another ticket's or a bad file."""
        try:
            stored = json.loads(place.read_bytes())
            begun = enrolment_client.begun_in(stored["begun"])
            state = cls(stored["ticket_hash"], begun, bytes.fromhex(stored["request"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return state if state.ticket_hash == hash_of(ticket) else None

    def keep(self, place: Path) -> None:
        """Write it, whole or not at all."""
        stored = {
            "ticket_hash": self.ticket_hash,
            "begun": enrolment_client.begun_text(self.begun),
            "request": self.request.hex(),
        }
        whole_files.write(place, json.dumps(stored, indent=2).encode())


def hash_of(ticket: str) -> str:
    return sha256(ticket.encode()).hexdigest()
