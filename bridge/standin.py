"""Who says yes in the authority's place at one receiver, if anybody may (design §5 rule 4)."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from receiver import cbor, reasons
from receiver.errors import Error

from .logs import Log
from .money import offline

if TYPE_CHECKING:
    from .books import Books
    from .money.evidence import Evidence
    from .money.offline import Accepted
    from .money.sale import Sale

REVOCATIONS_MOST = 0x10000  # bytes of a list; 7,000 names, more than anybody revokes in 72 h

_log = Log(__name__)


class StandInHere:
    """The limits of one receiver, and what stands on them according to the journal."""

    def __init__(self, evidence: Evidence, books: Books, allowed: bool) -> None:
        self._evidence = evidence
        self._books = books
        self._allowed = allowed
        self._revoked: frozenset[bytes] | None = None
        self._revoked_at = 0

    def take_revocations(self, data: bytes) -> None:
        """Learn the list that the latest state names; raises Error for any other."""
        state = self._evidence.state
        if state is None or sha256(data).digest() != state.revocations:
            raise Error(reasons.STALE_STATE, "not the list that the state names")
        self._revoked, self._revoked_at = frozenset(_names(data)), state.time

    def accepts(self, sale: Sale) -> Accepted | None:
        """The acceptance, where the bridge is set up for it and every limit holds."""
        state, at = self._evidence.state, int(time.time())
        if not self._allowed or state is None or self._revoked is None:
            return None
        limits = offline.Limits(state, self._revoked, self._revoked_at)
        exposure = self._books.exposure(sale.terms.receiver_id)
        broken = offline.judge(sale, limits, exposure, at)
        if broken is not None:
            _log.info("not offline", sale=sale.terms.sale_id, detail=broken)
            return None
        return offline.accept(sale, at)


def _names(data: bytes) -> list[bytes]:
    listed: Any = cbor.decode(data, REVOCATIONS_MOST)
    if not isinstance(listed, list) or not all(isinstance(one, bytes) for one in listed):
        raise Error(reasons.MALFORMED, "revocations are no list of names")
    return listed
