"""The phone's messages at each step of an exchange; tests replace them with false ones."""

from __future__ import annotations

import os
from typing import NamedTuple

from receiver import reasons
from receiver.crypto import host, hpke
from receiver.errors import Error
from receiver.protocol import exchange, identifiers, messages, padding, signed
from receiver.protocol.messages import Approval, Credential
from receiver.protocol.resuming import PROOFS_MOST, Proofs
from receiver.protocol.validation import Offered
from simulator.crypto import code_proof
from simulator.phone.wallet.wallet import Pending, Wallet

LOST_MOST = 3  # answers in a row: a provisional receipt, a receipt, a refusal
APP_BUILD = 1  # compared with `least_app` of credential and state

_PADDED = {
    exchange.CREDENTIAL: padding.CREDENTIAL_PADDED,
    exchange.APPROVAL: padding.APPROVAL_PADDED,
}


class Presented(NamedTuple):
    """A credential, and the writes that present it."""

    credential: bytes
    writes: list[bytes]


class Signed(NamedTuple):
    """An approval, and its writes: the last one is the approval itself."""

    pending: Pending
    writes: list[bytes]


class Answers(padding.Results):
    """The receiver's answers, of which some may have been lost with a link."""

    def open(self, sealed: bytes, aad: bytes = b"") -> bytes | None:
        """Open the next one, or one that follows it closely; None if it is neither."""
        for skipped in range(LOST_MOST + 1):
            self._count += skipped
            opened = super().open(sealed, aad)
            if opened is not None:
                return opened
            self._count -= skipped
        return None


class Agreed(NamedTuple):
    """The secrets that phone and receiver share for one offer."""

    offer: bytes
    enc: bytes
    context: hpke.Context
    results: Answers
    proofs: Proofs


class Maker:
    """The maker of the messages of one exchange; it also opens the answers.

    A false phone overrides one method. Times in seconds since 1970.
    """

    def __init__(self, wallet: Wallet, recipient: int | None = None) -> None:
        self.wallet = wallet
        self.recipient = wallet.chosen(recipient)
        self._agreed: Agreed | None = None

    def show(self, offered: Offered) -> list[bytes]:
        """Make the message for a shown offer; raises Error where its key is not usable.

        Each has a fresh key: the receiver accepts none twice, even for the same offer.
        """
        self._forget()
        return [bytes([exchange.KEY]) + self.agree(offered).enc]

    def begin(self, offered: Offered, recipient: int | None, now: int) -> Presented:
        """Make the messages for the first digit; raises Error where no credential is left.

        A refund goes to the recipient of the purchase, whichever one is chosen.
        """
        if offered.offer.kind == messages.REFUND:
            recipient = self.wallet.original(offered.offer).recipient
        recipient = self.recipient if recipient is None else recipient
        credential = self.wallet.take_credential(recipient, now)
        return Presented(credential, [self.seal(offered, exchange.CREDENTIAL, credential)])

    def complete(self, offered: Offered, credential: bytes, code: str, now: int) -> Signed:
        """Sign once for the complete code and remember the approval; only then send it."""
        context = self.context(offered, credential)
        value = self.value(offered, credential, code, now)
        approval = self.sign(value, context)
        parsed = signed.parse(messages.APPROVAL, approval, signed.algorithm(self.wallet.key.public))
        message = self.seal(offered, exchange.APPROVAL, approval)
        offer, holder = offered.offer, signed.parse(messages.CREDENTIAL, credential).value
        pending = Pending(
            reference=offer.reference,
            approval_id=identifiers.approval_id(
                signed.structure(messages.APPROVAL, parsed, context)
            ),
            counter=value.counter,
            message=message,
            amount=offer.amount,
            currency=offer.currency,
            store=offered.certificate.store,
            till=offer.till,
            time=now,
            recipient=holder.recipient,
            original=offer.original,
            offline=offer.kind == messages.PURCHASE and offer.amount <= holder.offline_floor,
        )
        self.wallet.remember(pending)
        return Signed(pending, [message])

    def context(self, offered: Offered, credential: bytes) -> bytes:
        """Return the context that the approval is bound to."""
        enc = self._held.enc
        return identifiers.approval_context(offered.certificate_hash, offered.data, enc, credential)

    def value(self, offered: Offered, credential: bytes, code: str, now: int) -> Approval:
        """Return the approval's content; ValueError for a code that is not six digits."""
        holder: Credential = signed.parse(messages.CREDENTIAL, credential).value
        key = code_proof.code_key(self.wallet.code_private, self.wallet.authority_code_key, code)
        return messages.Approval(
            version=messages.VERSION,
            counter=self.wallet.counter,
            amount=offered.offer.amount,
            currency=offered.offer.currency,
            recipient=holder.recipient,
            time=now,
            app=APP_BUILD,
            proof=code_proof.prove(key, self.context(offered, credential)),
        )

    def sign(self, value: Approval, context: bytes) -> bytes:
        """Sign the approval."""
        key = self.wallet.key
        alg = signed.algorithm(key.public)
        return signed.encode(messages.APPROVAL, value, b"", key.sign, context=context, alg=alg)

    def agree(self, offered: Offered) -> Agreed:
        """Return the context for this offer, made at the first request; the last one is erased."""
        if self._agreed is None or self._agreed.offer != offered.data:
            self._forget()
            info = padding.info(offered.data)
            made = hpke.sender(host, offered.offer.ephemeral, info, os.urandom(hpke.KEY_SIZE))
            if made is None:
                raise Error(reasons.BAD_SEAL, "no key agreement with the offer's key")
            enc, context = made
            results, proofs = Answers(host, context), Proofs(context)
            self._agreed = Agreed(offered.data, enc, context, results, proofs)
        return self._agreed

    def seal(self, offered: Offered, kind: int, message: bytes) -> bytes:
        """Seal a credential or an approval (a type of `exchange`) for its write."""
        padded = padding.pad(message, _PADDED[kind])
        return bytes([kind]) + self.agree(offered).context.seal(padded)

    def resume(self) -> bytes | None:
        """Make the message that goes on with the exchange on a new link; None without one."""
        if self._agreed is None or self._agreed.proofs.used >= PROOFS_MOST:
            return None
        return exchange.resume(self._agreed.enc, self._agreed.proofs.make())

    def result(self, body: bytes) -> bytes:
        """Open the receipt in a result; raises Error."""
        return self._held.results.open_receipt(body)

    def refusal(self, body: bytes) -> int:
        """Open the code in a sealed refusal; raises Error."""
        return self._held.results.open_refusal(body)

    @property
    def _held(self) -> Agreed:
        if self._agreed is None:
            raise Error(reasons.BAD_SEAL, "sealed, but no key was agreed on")
        return self._agreed

    def _forget(self) -> None:
        if self._agreed is not None:
            self._agreed.context.erase()
            self._agreed.results.erase()
            self._agreed.proofs.erase()
            self._agreed = None


class Mute(Maker):
    """A maker that sends nothing after the offer."""

    def show(self, offered: Offered) -> list[bytes]:
        return []
