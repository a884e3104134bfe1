"""The hearing of one offer: what phones bring for it, until one approval is good enough."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from receiver import gatt, layout, messages, reasons, session, wire
from receiver.errors import Error
from receiver.signed import ID_SIZE, digest

from . import ports
from .evidence import approval_id
from .sale import Event, Fact, State

if TYPE_CHECKING:
    from receiver.checks import Offered

    from .evidence import Claim, Evidence
    from .pen import Pen
    from .sale import Sale

VERDICT_MS = 5_000  # design §3.4: no verdict in 5 s is a refusal
SEEN_MOST = 256  # approvals remembered, only to call a replay by its name
NO_APPROVAL = bytes(ID_SIZE)  # names an approval that cannot even be read

# Only the bridge judges these where the receiver has not heard the time since boot (design §3.4): a
# receiver that finds such an approval good does not lie.
_OF_TIME = (
    reasons.CREDENTIAL_EXPIRED,
    reasons.CREDENTIAL_NOT_YET_VALID,
    reasons.OFFER_EXPIRED,
    reasons.OLD_APP,
)
T = TypeVar("T")
_WAITING = (State.OPEN, State.CLAIMED)


class Seen:
    """Approvals that were good once, by the hash of their bytes."""

    def __init__(self) -> None:
        self._digests: deque[bytes] = deque(maxlen=SEEN_MOST)

    def add(self, data: bytes) -> None:
        self._digests.append(digest(data))

    def name(self, data: bytes, reason: int) -> int:
        """`reason`, or REPLAY where these bytes were good before."""
        return reasons.REPLAY if digest(data) in self._digests else reason


class Unfit(NamedTuple):
    """A credential that does not hold, and why: an approval with it is refused by the same name."""

    record: wire.CredentialRecord
    reason: int


class Candidate(NamedTuple):
    """A proved approval that waits for the receiver's word until `due` (ms)."""

    approval_id: bytes
    claim: Claim
    data: bytes
    due: int


class Hearing:
    """One verified offer. Times in milliseconds, `at` in seconds since 1970."""

    def __init__(
        self, pen: Pen, evidence: Evidence, seen: Seen, sale: Sale, offered: Offered, now: int
    ) -> None:
        self.offered = offered
        self.session = session.session_id(offered.data)
        self._pen = pen
        self._evidence = evidence
        self._seen = seen
        self._sale = sale
        self._end = now + offered.offer.ttl * 1000 + gatt.GRACE_MS
        self._claims: dict[int, Claim] = {}
        self._unfit: dict[int, Unfit] = {}
        self._candidate: Candidate | None = None
        self._bad = b""  # the approval id that was last found bad here
        self._late = False  # bad for its time alone

    def deadline(self) -> int | None:
        return self._candidate.due if self._candidate else None

    def expire(self, now: int) -> None:
        if self._candidate and now >= self._candidate.due:
            self._turn_down(self._candidate.approval_id, reasons.VERDICT_TIMEOUT, "no verdict")

    def restart(self) -> None:
        """The receiver came back without this session: no phone and no verdict of it will come."""
        if self._sale.state is State.HANDED:
            self._drop(reasons.RECEIVER_OFFLINE, "restarted")
        elif self._sale.state is State.CLAIMED:
            self._pen.keep(self._sale, Fact(Event.LEFT), ports.RECEIVER)

    def phone(self, message: wire.Phone) -> None:
        """A phone left, was refused or is gone; what it has handed over stands on its own."""
        if self._sale.state not in _WAITING:
            return
        claimed = self._claims.pop(message.link, None) is not None
        if message.event == wire.PHONE_LEFT:
            fact = Fact(Event.LEFT, reasons.BUYER_SAID_NO)
            self._pen.keep(self._sale, fact, ports.PHONE)
        elif claimed and not self._claims:
            self._pen.keep(self._sale, Fact(Event.LEFT, message.reason), ports.PHONE)

    def credential(self, record: wire.CredentialRecord, at: int) -> None:
        """Remember a link's credential; raises Error for one that does not hold."""
        self._claims.pop(record.link, None)
        try:
            claim = self._evidence.claim(self.offered, record, at)
        except Error as error:
            _remember(self._unfit, record.link, Unfit(record, error.code))
            raise
        _remember(self._claims, record.link, claim)
        if self._sale.state in _WAITING:
            self._pen.keep(self._sale, Fact(Event.CLAIMED), ports.PHONE)

    def approval(self, record: wire.ApprovalRecord, now: int, at: int) -> None:
        """Journal first, then judge; raises Error for a second one."""
        if self._sale.state in _WAITING:
            fact = Fact(Event.HANDED, approval=record.data)
            self._pen.keep(self._sale, fact, ports.PHONE)
            self._judge(record, now, at)
        elif record.data != self._sale.approval:  # the same again is the link's doing
            name = self._name(record)
            self._pen.verdict(self.session, name, reasons.SECOND_APPROVAL)
            raise Error(reasons.SECOND_APPROVAL, name.hex())

    def verdict(self, message: wire.Verdict, at: int) -> None:
        """The receiver's word: one more condition, never a substitute."""
        verified = message.reason == reasons.OK
        candidate = self._candidate
        if verified and message.approval_id == self._bad:
            if self._late:
                return
            raise Error(reasons.RECEIVER_UNTRUSTED, "called a bad approval verified")
        if candidate is None:
            if message.approval_id != self._sale.approval_id:
                raise Error(reasons.WRONG_ORDER, f"verdict while {self._sale.state}")
        elif message.approval_id != candidate.approval_id:
            reason = reasons.RECEIVER_UNTRUSTED
            self._turn_down(candidate.approval_id, reason, "another approval's verdict")
        elif not verified:
            self._drop(message.reason, "by the receiver")
        else:
            self._ask(candidate, at)

    def _judge(self, record: wire.ApprovalRecord, now: int, at: int) -> None:
        claim = self._claims.get(record.link)
        try:
            if claim is None:
                raise Error(self._no_claim(record.link), f"no credential on link {record.link}")
            if now > self._end:
                raise Error(reasons.OFFER_EXPIRED, "approval after the offer's end")
            approved = self._evidence.approval(self.offered, claim, record.data, at)
        except Error as error:
            reason = self._seen.name(record.data, error.code)
            self._bad = self._name(record)
            self._late = reason in _OF_TIME
            self._turn_down(self._bad, reason, error.detail)
            return
        self._bad = b""
        self._seen.add(record.data)
        self._candidate = Candidate(approved.id, claim, record.data, now + VERDICT_MS)

    def _ask(self, candidate: Candidate, at: int) -> None:
        credential = candidate.claim.record
        record = messages.Record(
            credential.certificate_hash,
            credential.offer,
            credential.enc,
            credential.data,
            candidate.data,
            messages.ONLINE,
            at,
        )
        data = layout.encode(messages.RECORD, record)
        fact = Fact(Event.ASKED, approval_id=candidate.approval_id, record=data)
        self._candidate = None
        self._pen.keep(self._sale, fact, ports.RECEIVER)
        self._pen.put(ports.Ask(self._sale, candidate.approval_id, data))

    def _turn_down(self, name: bytes, reason: int, detail: str) -> None:
        """Refuse the approval at hand and free the receiver's slot for the next phone."""
        self._drop(reason, detail)
        self._pen.verdict(self.session, name, reason)

    def _drop(self, reason: int, detail: str) -> None:
        self._candidate = None
        self._pen.refuse(reason, detail)
        self._pen.keep(self._sale, Fact(Event.REFUSED, reason), ports.BRIDGE)

    def _no_claim(self, link: int) -> int:
        unfit = self._unfit.get(link)
        return unfit.reason if unfit else reasons.WRONG_CREDENTIAL

    def _name(self, record: wire.ApprovalRecord) -> bytes:
        """The approval id in `record`, proved or not."""
        shown = self._claims.get(record.link) or self._unfit.get(record.link)
        if shown is None:
            return NO_APPROVAL
        try:
            return approval_id(self.offered, shown.record, record.data)
        except Error:
            return NO_APPROVAL


def _remember(links: dict[int, T], link: int, value: T) -> None:
    """One for each link; the oldest makes room, as on the receiver."""
    links.pop(link, None)
    if len(links) >= gatt.LINKS_MOST:
        del links[next(iter(links))]
    links[link] = value
