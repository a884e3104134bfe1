"""Accept offline for one receiver, within the authority's limits (design §5 rule 4)."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bridge.authority.cached_limits import Kept
from bridge.domain import offline
from bridge.observability.logs import Log
from receiver import reasons
from receiver.encoding import cbor
from receiver.errors import Error

if TYPE_CHECKING:
    from bridge.authority.cached_limits import KeptLimits
    from bridge.books.books import Books
    from bridge.domain.offline import Accepted
    from bridge.domain.sale import Sale
    from bridge.domain.verification import Evidence
    from receiver.protocol.messages import State

    from .ports import Authority

REVOCATIONS_MOST = 0x10000  # bytes of a list: 7,000 names, more than are revoked in 72 h

_log = Log(__name__)


class StandInHere:
    """The limits of one receiver, and its exposure according to the journal."""

    def __init__(
        self, evidence: Evidence, books: Books, allowed: bool, kept: KeptLimits | None = None
    ) -> None:
        self._evidence = evidence
        self._books = books
        self._allowed = allowed
        self._kept = kept
        self._heard = 0.0  # the time of the request for the state (monotonic s)
        self._revoked: frozenset[bytes] | None = None
        self._revoked_at = 0

    async def ask(self, authority: Authority, nonce: bytes) -> bytes:
        """Fetch the state (COSE) for the receiver's run with this nonce, and store its limits.

        Raises UnansweredError, RefusedError and Error.
        """
        receiver_id, asked = self._evidence.holder.receiver_id, time.monotonic()
        state = await authority.state(receiver_id, nonce)
        self._take_state(nonce, state, asked)
        if self._allowed:
            revocations = await authority.revocations(receiver_id)
            self.take_revocations(revocations)
            if self._kept:
                self._kept.write(Kept(state, revocations))
        return state

    def recall(self, nonce: bytes) -> None:
        """Load the cached limits after a restart, if the receiver has not restarted since."""
        kept = self._kept.read() if self._kept and self._allowed else None
        if kept is None or self._evidence.state is not None:
            return
        try:
            state = self._take_state(nonce, kept.state, time.monotonic())
            self._heard -= max(0.0, time.time() - state.time)  # the only estimate of its age
            self.take_revocations(kept.revocations)
        except Error as error:
            receiver_id = self._evidence.holder.receiver_id.hex()
            _log.debug("limits of another life", receiver=receiver_id, detail=error.detail)

    def take_revocations(self, data: bytes) -> None:
        """Store the list that the latest state names; raises Error for any other."""
        state = self._evidence.state
        if state is None or sha256(data).digest() != state.revocations:
            raise Error(reasons.STALE_STATE, "not the list named in the state")
        self._revoked, self._revoked_at = frozenset(_names(data)), state.time

    def accepts(self, sale: Sale) -> Accepted | None:
        """Return the acceptance if the bridge is configured for it and every limit holds."""
        state, at = self._evidence.state, int(time.time())
        if not self._allowed or state is None or self._revoked is None:
            return None
        passed = int(time.monotonic() - self._heard)
        limits = offline.Limits(state, self._revoked, self._revoked_at)
        exposure = self._books.exposure(sale.terms.receiver_id)
        broken = offline.judge(sale, limits, exposure, at, passed)
        if broken is not None:
            _log.info("not offline", sale=sale.terms.sale_id, detail=broken)
            return None
        return offline.accept(sale, at)

    def _take_state(self, nonce: bytes, data: bytes, asked: float) -> State:
        state = self._evidence.take_state(nonce, data)
        self._heard = asked
        return state


def _names(data: bytes) -> list[bytes]:
    listed: Any = cbor.decode(data, REVOCATIONS_MOST)
    if not isinstance(listed, list) or not all(isinstance(one, bytes) for one in listed):
        raise Error(reasons.MALFORMED, "the revocations are not a list of names")
    return listed
