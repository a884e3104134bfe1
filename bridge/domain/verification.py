"""Rule 0: the bridge repeats every check of the receiver (design §5).

All raise `receiver.errors.Error` with one cause. `at` is seconds since 1970 on the bridge's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar, assert_never

from receiver import reasons
from receiver.crypto.job import finish
from receiver.errors import Error
from receiver.protocol import messages, signed, validation

from . import receipts
from .effects import CheckApproval, CheckCredential, CheckOffer, CheckProvisional, CheckReceipt
from .inputs import (
    ApprovalChecked,
    CredentialChecked,
    OfferChecked,
    ProvisionalChecked,
    ReceiptChecked,
)
from .receipts import ROLES, must_equal

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.crypto.interface import Crypto
    from receiver.link.wire import CredentialRecord
    from receiver.protocol.messages import Credential, Provisional, Receipt, State
    from receiver.protocol.signed import Key
    from receiver.protocol.validation import Approved, Offered, Pins

    from .effects import Check
    from .inputs import Checked
    from .sale import Terms

T = TypeVar("T")


class Claim(NamedTuple):
    """A credential record from the receiver, verified here, with the phone's prepared key."""

    record: CredentialRecord
    credential: Credential
    key: Key | None


class Evidence:
    """Verifies for one receiver, by its certificate and the pinned keys."""

    def __init__(self, crypto: Crypto, pins: Pins, certificate: bytes) -> None:
        self._crypto = crypto
        self._ring = signed.Ring(crypto, pins, keep=ROLES)
        self.certificate = certificate
        self.holder = finish(validation.certificate_job(self._ring, certificate, None))
        self.state: State | None = None  # the latest; its limits hold from its time on

    def renew(self, fresh: Evidence) -> bool:
        """Use another certificate of the same receiver, and its pins; return whether it differs."""
        changed = self.certificate != fresh.certificate
        self._ring, self.certificate, self.holder = fresh._ring, fresh.certificate, fresh.holder
        return changed

    def answer(self, check: Check) -> Checked:
        """Return the result of a check that a controller asked for."""
        match check:
            case CheckOffer(terms, data, at):
                return OfferChecked(data, _or_error(lambda: self.offer(terms, data, at)))
            case CheckCredential(offered, record, at):
                claim = _or_error(lambda: self.claim(offered, record, at))
                return CredentialChecked(record, claim)
            case CheckApproval():
                return ApprovalChecked(check, _or_error(lambda: self.approval(check)))
            case CheckReceipt(terms, name, data):
                return ReceiptChecked(
                    name, data, _or_error(lambda: self.receipt(terms, name, data))
                )
            case CheckProvisional(terms, name, data):
                receipt = _or_error(lambda: self.provisional(terms, name, data))
                return ProvisionalChecked(data, receipt)
            case _:
                assert_never(check)

    def offer(self, terms: Terms, data: bytes, at: int) -> Offered:
        """Return the offer in `data` if it is this receiver's and matches the till's order."""
        if at >= self.holder.expires:
            raise Error(reasons.CERTIFICATE_EXPIRED, f"certificate ended at {self.holder.expires}")
        offered = validation.offer(self._crypto, self.holder, self.certificate, data)
        offer = offered.offer
        must_equal(offer.amount, terms.amount, reasons.WRONG_AMOUNT)
        must_equal(offer.currency, terms.currency, reasons.WRONG_CURRENCY)
        must_equal(offer.till, terms.till, reasons.WRONG_TILL)
        must_equal(offer.reference, terms.reference, reasons.WRONG_REFERENCE)
        must_equal(offer.kind, terms.kind, reasons.WRONG_KIND)
        must_equal(offer.original, terms.original, reasons.WRONG_REFERENCE)
        return offered

    def claim(self, offered: Offered, record: CredentialRecord, at: int) -> Claim:
        """Return the verified credential that a phone has shown for this offer."""
        must_equal(record.certificate_hash, offered.certificate_hash, reasons.WRONG_RECEIVER)
        must_equal(record.offer, offered.data, reasons.WRONG_SESSION)
        holder = finish(validation.credential_job(self._ring, record.data, at))
        return Claim(record, holder, self._prepared(holder.key))

    def _prepared(self, key: bytes) -> Key | None:
        """Prepare the phone's key while the buyer types; an invalid key fails with its approval."""
        try:
            return finish(signed.prepare_job(self._crypto, key))
        except Error:
            return None

    def approval(self, check: CheckApproval) -> Approved:
        """Return the phone's verified approval of this offer with this credential."""
        holder = check.claim.credential
        if check.at >= holder.expires:
            raise Error(reasons.CREDENTIAL_EXPIRED, f"ended at {holder.expires}")
        least_app = self.state.least_app if self.state else 0
        key = check.claim.key or finish(signed.prepare_job(self._crypto, holder.key))
        return finish(validation.named_job(key, check.offered, holder, check.named, least_app))

    def receipt(self, terms: Terms, approval_id: bytes, data: bytes) -> Receipt:
        """Return the authority's verified receipt for this approval and sale."""
        return receipts.proved(self._ring, terms, approval_id, data)

    def provisional(self, terms: Terms, approval_id: bytes, data: bytes) -> Provisional:
        """Return the receiver's verified provisional receipt: the phone has the acceptance."""
        parsed = signed.parse(messages.PROVISIONAL, data)
        receipt: Provisional = parsed.value
        signed.verify(messages.PROVISIONAL, parsed, self.holder.key, self._crypto)
        must_equal(receipt.version, messages.VERSION, reasons.WRONG_VERSION)
        must_equal(receipt.approval_id, approval_id, reasons.WRONG_SESSION)
        must_equal(receipt.amount, terms.amount, reasons.WRONG_AMOUNT)
        must_equal(receipt.currency, terms.currency, reasons.WRONG_CURRENCY)
        return receipt

    def take_state(self, nonce: bytes, data: bytes) -> State:
        """Store and return the authority's limits for this receiver; never from an older state."""
        state: State = finish(self._ring.read_job(messages.STATE, data))
        must_equal(state.receiver_id, self.holder.receiver_id, reasons.WRONG_RECEIVER)
        must_equal(state.nonce, nonce, reasons.STALE_STATE)
        if self.state is not None and state.version < self.state.version:
            raise Error(reasons.STALE_STATE, f"state {state.version} after {self.state.version}")
        self.state = state
        return state


def holder(record: CredentialRecord) -> Credential:
    """Decode a credential without checking its signature; raises Error if it is none."""
    value: Credential = signed.parse(messages.CREDENTIAL, record.data).value
    return value


def _or_error(check: Callable[[], T]) -> T | Error:
    try:
        return check()
    except Error as error:
        return error
