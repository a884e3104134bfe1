"""One offer: all that phones bring for it, until one approval is acceptable."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import gatt, identifiers, messages, validation
from receiver.protocol.signed import ID_SIZE

from . import effects, verification
from .events import BRIDGE, PHONE, RECEIVER
from .sale import Fact
from .states import UNVERIFIED, WAITING, Event, State

if TYPE_CHECKING:
    from receiver.protocol.validation import Named, Offered

    from .earlier_sessions import SeenApprovals
    from .effects import Effects
    from .inputs import ApprovalChecked, CredentialChecked
    from .sale import Sale
    from .verification import Claim

VERDICT_MS = 5_000  # design §3.4: no verdict in 5 s is a refusal
NO_APPROVAL = bytes(ID_SIZE)  # the id of an approval that cannot be decoded

# Only the bridge verifies these if the receiver has had no time since boot (design §3.4): then a
# receiver that finds such an approval valid does not lie.
_OF_TIME = (
    reasons.CREDENTIAL_EXPIRED,
    reasons.CREDENTIAL_NOT_YET_VALID,
    reasons.OFFER_EXPIRED,
    reasons.OLD_APP,
)
_BY_OUR_CLOCK = (reasons.CREDENTIAL_EXPIRED, reasons.CREDENTIAL_NOT_YET_VALID)
T = TypeVar("T")


class Unfit(NamedTuple):
    """An invalid credential with its reason; an approval with it is refused for the same reason."""

    record: wire.CredentialRecord
    reason: int


class ApprovalAttempt:
    """One verified offer. Times in milliseconds, `at` in seconds since 1970."""

    def __init__(
        self, effects: Effects, seen: SeenApprovals, sale: Sale, offered: Offered, now: int
    ) -> None:
        self.offered = offered
        self.session = identifiers.session_id(offered.data)
        self._effects = effects
        self._seen = seen
        self._sale = sale
        self._end = now + offered.offer.ttl * 1000 + gatt.GRACE_MS
        self._claims: dict[int, Claim] = {}
        self._unfit: dict[int, Unfit] = {}
        self.verdict_due = 0  # while the receiver's verdict is awaited
        self.link = 0  # the link of the last approval
        self._bad = b""  # the approval id that the bridge last found invalid
        self._bad_for = reasons.OK  # the reason

    @property
    def untimely(self) -> bool:
        """Whether a buyer was refused because of this terminal's clock."""
        found = {self._bad_for, *(shown.reason for shown in self._unfit.values())}
        return not found.isdisjoint(_BY_OUR_CLOCK)

    def await_anew(self, now: int) -> None:
        """Restart the wait for the verdict: the receiver's approval is acknowledged only now."""
        self.verdict_due = now + VERDICT_MS

    # These three return whether they end the wait for the receiver's verdict on the candidate.

    def expire(self, now: int) -> bool:
        late = self._sale.state in UNVERIFIED and now >= self.verdict_due
        if late:
            self._turn_down(reasons.VERDICT_TIMEOUT, "no verdict")
        return late

    def restart(self) -> bool:
        """End the wait: the receiver came back without this session and sends no verdict."""
        awaited = self._sale.state in UNVERIFIED
        if awaited:
            self._recall(reasons.RECEIVER_OFFLINE, "restarted")
        elif self._sale.state is State.CLAIMED:
            self._effects.persist(self._sale, Fact(Event.LEFT), RECEIVER)
        return awaited

    def verdict(self, message: wire.Verdict) -> bool:
        """Handle the receiver's verdict: one more condition, never a substitute."""
        name, reason = message.approval_id, message.reason
        awaited = self._sale.state in UNVERIFIED and name not in self._sale.reversals
        if awaited:
            self._weigh(name, reason)
        elif name not in self._sale.reversals:  # else it is too late, and the receiver knows
            self._mind(name, reason)
        return awaited

    def phone(self, message: wire.Phone) -> None:
        """Handle a phone that left, was refused or is gone; its approval stays in force."""
        if self._sale.state not in WAITING:
            return
        claimed = self._claims.pop(message.link, None) is not None
        if message.event == wire.PHONE_LEFT:
            fact = Fact(Event.LEFT, reasons.BUYER_SAID_NO)
            self._effects.persist(self._sale, fact, PHONE)
        elif claimed and not self._claims:
            self._effects.persist(self._sale, Fact(Event.LEFT, message.reason), PHONE)

    def credential(self, record: wire.CredentialRecord, at: int) -> None:
        """Have the credential that a phone has shown checked."""
        self._claims.pop(record.link, None)
        self._effects.put(effects.CheckCredential(self.offered, record, at))

    def credential_checked(self, answer: CredentialChecked) -> None:
        """Remember a link's credential, valid or not."""
        record, found = answer.record, answer.found
        if isinstance(found, Error):
            _remember(self._unfit, record.link, Unfit(record, found.code))
            self._effects.refuse(found.code, found.detail)
            return
        _remember(self._claims, record.link, found)
        if self._sale.state in WAITING:
            self._effects.persist(self._sale, Fact(Event.CLAIMED), PHONE)

    def approval(self, record: wire.ApprovalRecord, now: int, at: int) -> None:
        """Journal an approval and have it checked; raises Error if it cannot be the candidate."""
        named = self._named(record)
        name = NO_APPROVAL if isinstance(named, Error) else named.id
        if name in self._sale.reversals:
            self._reject(name, reasons.REPLAY)
        elif self._sale.state in WAITING:
            secret = b"" if isinstance(named, Error) else named.parsed.value.proof
            fact = Fact(Event.APPROVAL_RECEIVED, approval=record.data, secret=secret)
            self._effects.persist(self._sale, fact, PHONE)
            self._check(record, named, now, at)
        elif record.data != self._sale.approval:  # the link may deliver the same approval twice
            self._reject(name, reasons.SECOND_APPROVAL)

    def approval_checked(self, answer: ApprovalChecked, now: int) -> None:
        """Ask the authority while the receiver verifies (design §3.5)."""
        check, found = answer.check, answer.found
        if isinstance(found, Error):
            self._refuse(check.data, check.named.id, check.claim.record.link, found)
            return
        self._bad = b""
        self._seen.add(check.data)
        self.verdict_due = now + VERDICT_MS
        self.link = check.claim.record.link
        data = schema.encode(messages.RECORD, _record(check))
        fact = Fact(
            Event.AUTHORISATION_SENT, approval_id=found.id, record=data, secret=found.approval.proof
        )
        self._effects.persist(self._sale, fact, BRIDGE)
        self._effects.put(effects.RequestAuthorisation(self._sale, found.id, data))

    def _check(self, record: wire.ApprovalRecord, named: Named | Error, now: int, at: int) -> None:
        claim = self._claims.get(record.link)
        if claim is None:
            error = Error(self._no_claim(record.link), f"no credential on link {record.link}")
        elif now > self._end:
            error = Error(reasons.OFFER_EXPIRED, "approval after the offer's end")
        elif isinstance(named, Error):
            error = named
        else:
            check = effects.CheckApproval(self.offered, claim, named, record.data, at)
            self._effects.put(check)
            return
        name = NO_APPROVAL if isinstance(named, Error) else named.id
        self._refuse(record.data, name, record.link, error)

    def _refuse(self, data: bytes, name: bytes, link: int, error: Error) -> None:
        """Refuse an approval without asking the authority; the receiver's slot becomes free."""
        reason = self._seen.name(data, error.code)
        self._bad = name
        self._seen.refuse(self.session, link)
        self._bad_for = reason
        self._effects.refuse(reason, error.detail)
        self._effects.persist(self._sale, Fact(Event.REFUSED, reason), BRIDGE)
        self._effects.verdict(self.session, name, reason)

    def _mind(self, name: bytes, reason: int) -> None:
        """Handle a verdict that is not awaited; raises Error if it is false or out of order."""
        if reason == reasons.OK and name == self._bad:
            if self._bad_for not in _OF_TIME:
                raise Error(reasons.RECEIVER_UNTRUSTED, "verified an invalid approval")
        elif name not in (self._bad, self._sale.approval_id):
            raise Error(reasons.WRONG_ORDER, f"verdict while {self._sale.state}")

    def _weigh(self, name: bytes, reason: int) -> None:
        """Handle the awaited verdict; a refusal without an id means the candidate."""
        own = name == self._sale.approval_id
        if own and reason == reasons.OK:
            # A decline alone is stored; the verdict changes nothing about it.
            if self._sale.state is not State.DECLINED_AWAITING_RECEIVER:
                self._effects.persist(self._sale, Fact(Event.VERIFIED), RECEIVER)
        elif reason != reasons.OK and (own or name == NO_APPROVAL):
            self._turn_down(reason, "by the receiver")
        else:
            self._turn_down(reasons.RECEIVER_UNTRUSTED, "another approval's verdict")

    def _turn_down(self, reason: int, detail: str) -> None:
        """Refuse the approval after the authority was asked; the receiver's slot becomes free."""
        name = self._sale.approval_id
        self._seen.refuse(self.session, self.link)
        if self._recall(reason, detail):
            self._effects.verdict(self.session, name, reason)

    def _recall(self, reason: int, detail: str) -> bool:
        """Recall the approval and return True; False after a decline, as nothing is held."""
        self._effects.refuse(reason, detail)
        held = self._sale.state is not State.DECLINED_AWAITING_RECEIVER
        if held:
            self._effects.owe(self._sale, Event.RECALLED, reason)
        return held

    def _reject(self, name: bytes, reason: int) -> None:
        """Refuse an approval that never became the candidate."""
        self._effects.verdict(self.session, name, reason)
        raise Error(reason, name.hex())

    def _no_claim(self, link: int) -> int:
        unfit = self._unfit.get(link)
        return unfit.reason if unfit else reasons.WRONG_CREDENTIAL

    def _named(self, record: wire.ApprovalRecord) -> Named | Error:
        """Return the approval in `record` with its id, verified or not, or the error."""
        claim, unfit = self._claims.get(record.link), self._unfit.get(record.link)
        try:
            if claim is not None:
                shown, holder = claim.record, claim.credential
            elif unfit is not None:
                shown, holder = unfit.record, verification.holder(unfit.record)
            else:
                return Error(reasons.WRONG_CREDENTIAL, f"no credential on link {record.link}")
            submission = validation.Submission(shown.enc, shown.data, holder, record.data)
            return validation.named(self.offered, submission)
        except Error as error:
            return error


def _record(check: effects.CheckApproval) -> messages.Record:
    shown = check.claim.record
    return messages.Record(
        shown.certificate_hash,
        shown.offer,
        shown.enc,
        shown.data,
        check.data,
        messages.ONLINE,
        check.at,
    )


def _remember(links: dict[int, T], link: int, value: T) -> None:
    """Remember one value for each link; the oldest is dropped, as on the receiver."""
    links.pop(link, None)
    if len(links) >= gatt.LINKS_MOST:
        del links[next(iter(links))]
    links[link] = value
