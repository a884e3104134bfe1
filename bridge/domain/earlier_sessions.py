"""Earlier sessions: results to send again, ended sessions, approvals seen before."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.link import wire
from receiver.protocol import gatt, identifiers, messages
from receiver.protocol.signed import digest

if TYPE_CHECKING:
    from .effects import Effects
    from .sale import Sale

SEEN_MOST = 256  # approvals remembered, only to report a replay as such
REFUSED_MOST = 2 * gatt.LINKS_MOST  # of the current session and of the one before


class Last(NamedTuple):
    """The final outcome of a session: its result, or that it is accepted offline."""

    reference: bytes
    channel: int
    value: wire.Result | wire.StandIn


class EarlierSessions:
    """The last session with an outcome, and the last that ended in any way."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self.over = b""  # the last session with an outcome
        self._last: Last | None = None
        self._ended = b""

    def report(self, sale: Sale, receipt: bytes) -> None:
        """Send the outcome of its session to the receiver."""
        self.over = own = identifiers.session_id(sale.offer)
        self._last = Last(sale.terms.reference, wire.RESULT, wire.Result(own, receipt))
        self.tell_again()

    def stand_in(self, sale: Sale, at: int) -> None:
        """Have the receiver tell the phone that its approval is accepted offline."""
        self.over = own = identifiers.session_id(sale.offer)
        accepted = wire.StandIn(own, sale.approval_id, at)
        self._last = Last(sale.terms.reference, wire.STAND_IN, accepted)
        self.tell_again()

    def tell_again(self) -> None:
        """Send the final outcome again, to a receiver that missed it."""
        if self._last is not None:
            self._effects.send(self._last.channel, self._last.value)

    def late(self, message: wire.Verdict) -> None:
        """Handle an unawaited verdict: late, repeated, or a refusal of an offline acceptance.

        It changes nothing about the money, as the till may be notified already. The phone is
        released, and asks the authority.
        """
        last = self._last
        if last is None or last.channel != wire.STAND_IN or message.session != self.over:
            return
        if message.reason != reasons.OK:
            self._effects.refuse(message.reason, "by the receiver, after an offline acceptance")
            self._effects.send(wire.CANCEL, wire.Cancel(last.reference, message.reason))

    def dismiss(self, message: wire.Opened) -> None:
        """End a session that is not ours; if it has an outcome, the receiver missed the result."""
        if self.is_over_for(message.offer):
            self.tell_again()
        elif message.offer and len(message.reference) == messages.REFERENCE_SIZE:
            self._effects.send(wire.CANCEL, wire.Cancel(message.reference, reasons.WITHDRAWN))

    def end(self, session_id: bytes) -> None:
        """Mark this session as ended."""
        self._ended = session_id

    def is_over_for(self, offer: bytes) -> bool:
        return bool(offer) and identifiers.session_id(offer) == self.over

    def knows(self, session_id: bytes) -> bool:
        """Whether a late message about this session is expected."""
        return session_id in (self._ended, self.over)


class SeenApprovals:
    """Approvals that were valid once, by the hash of their bytes, and refusals counted here."""

    def __init__(self) -> None:
        self._digests: deque[bytes] = deque(maxlen=SEEN_MOST)
        self._refused: deque[tuple[bytes, int]] = deque(maxlen=REFUSED_MOST)

    def add(self, data: bytes) -> None:
        self._digests.append(digest(data))

    def name(self, data: bytes, reason: int) -> int:
        """Return `reason`, or REPLAY if these bytes were valid before."""
        return reasons.REPLAY if digest(data) in self._digests else reason

    def refuse(self, session_id: bytes, link: int) -> None:
        """Count a refused approval on this link: the receiver's echo follows."""
        if (session_id, link) not in self._refused:
            self._refused.append((session_id, link))

    def echoes(self, session_id: bytes, link: int) -> bool:
        """Whether the receiver's refusal on `link` concerns an approval that was counted here."""
        known = (session_id, link) in self._refused
        if known:
            self._refused.remove((session_id, link))
        return known
