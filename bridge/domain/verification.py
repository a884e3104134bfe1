"""Rule 0: the bridge trusts nobody's word (design §5); every check of the receiver once more.

All raise `receiver.errors.Error` with one cause. `at` is seconds since 1970 on the bridge's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.errors import Error
from receiver.protocol import messages, signed, validation

from . import receipts
from .receipts import must_equal

if TYPE_CHECKING:
    from receiver.crypto import Crypto
    from receiver.link.wire import CredentialRecord
    from receiver.protocol.messages import Credential, Provisional, Receipt, State
    from receiver.protocol.validation import Approved, Offered, Pins

    from .sale import Terms


class Claim(NamedTuple):
    """A credential record from the receiver, verified here."""

    record: CredentialRecord
    credential: Credential


class Evidence:
    """What this bridge can prove about one receiver: its certificate and the pinned keys."""

    def __init__(self, crypto: Crypto, pins: Pins, certificate: bytes) -> None:
        self._crypto = crypto
        self._pins = pins
        self.certificate = certificate
        self.holder = validation.certificate(crypto, pins, certificate, None)
        self.state: State | None = None  # the latest; what it allows holds from its time on

    def renew(self, fresh: Evidence) -> bool:
        """Go by another certificate of the same receiver, and its pins; whether it is another."""
        changed = self.certificate != fresh.certificate
        self._pins, self.certificate, self.holder = fresh._pins, fresh.certificate, fresh.holder
        return changed

    def offer(self, terms: Terms, data: bytes, at: int) -> Offered:
        """The offer in `data`, if it is this receiver's and says what the till asked for."""
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
        """The credential that a phone has shown for this offer."""
        must_equal(record.certificate_hash, offered.certificate_hash, reasons.WRONG_RECEIVER)
        must_equal(record.offer, offered.data, reasons.WRONG_SESSION)
        return Claim(record, validation.credential(self._crypto, self._pins, record.data, at))

    def approval(self, offered: Offered, claim: Claim, data: bytes, at: int) -> Approved:
        """The phone's approval of this offer with this credential."""
        if at >= claim.credential.expires:
            raise Error(reasons.CREDENTIAL_EXPIRED, f"ended at {claim.credential.expires}")
        record = claim.record
        least_app = self.state.least_app if self.state else 0
        return validation.approval(
            self._crypto, offered, record.data, claim.credential, record.enc, data, least_app
        )

    def receipt(self, terms: Terms, approval_id: bytes, data: bytes) -> Receipt:
        """The authority's answer about this approval and sale."""
        return receipts.proved(self._crypto, self._pins, terms, approval_id, data)

    def provisional(self, terms: Terms, approval_id: bytes, data: bytes) -> Provisional:
        """The receiver's own word that it told the phone of an offline acceptance."""
        parsed = signed.parse(messages.PROVISIONAL, data)
        receipt: Provisional = parsed.value
        signed.verify(messages.PROVISIONAL, parsed, self.holder.key, self._crypto)
        must_equal(receipt.version, messages.VERSION, reasons.WRONG_VERSION)
        must_equal(receipt.approval_id, approval_id, reasons.WRONG_SESSION)
        must_equal(receipt.amount, terms.amount, reasons.WRONG_AMOUNT)
        must_equal(receipt.currency, terms.currency, reasons.WRONG_CURRENCY)
        return receipt

    def take_state(self, nonce: bytes, data: bytes) -> State:
        """Learn, and give, the authority's limits for this receiver; never from an older state."""
        state: State = signed.from_authority(messages.STATE, data, self._pins, self._crypto)
        must_equal(state.receiver_id, self.holder.receiver_id, reasons.WRONG_RECEIVER)
        must_equal(state.nonce, nonce, reasons.STALE_STATE)
        if self.state is not None and state.version < self.state.version:
            raise Error(reasons.STALE_STATE, f"state {state.version} after {self.state.version}")
        self.state = state
        return state


def approval_id(offered: Offered, record: CredentialRecord, data: bytes) -> bytes:
    """The name of an approval, its signature unseen; raises Error where it is no approval."""
    holder: Credential = signed.parse(messages.CREDENTIAL, record.data).value
    return validation.approval_id(offered, record.data, holder, record.enc, data)
