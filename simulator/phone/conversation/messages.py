"""What the phone says at each step of an exchange; tests put liars in its place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.crypto import host, hpke
from receiver.errors import Error
from receiver.protocol import exchange, identifiers, messages, padding, signed
from simulator.crypto import code_proof
from simulator.phone.wallet.wallet import Pending

if TYPE_CHECKING:
    from receiver.protocol.messages import Approval, Credential
    from receiver.protocol.validation import Offered
    from simulator.phone.wallet.wallet import Wallet

APP_BUILD = 1  # what `least_app` of credential and state is compared with

_PADDED = {
    exchange.CREDENTIAL: padding.CREDENTIAL_PADDED,
    exchange.APPROVAL: padding.APPROVAL_PADDED,
}


class Presented(NamedTuple):
    """A credential, and what to write to present it."""

    credential: bytes
    writes: list[bytes]


class Signed(NamedTuple):
    """An approval, and what to write for it: the last one is the approval itself."""

    pending: Pending
    writes: list[bytes]


class Agreed(NamedTuple):
    """What phone and receiver share for one offer on one link."""

    offer: bytes
    enc: bytes
    context: hpke.Context
    results: padding.ResultOpener


class Maker:
    """Builds the three messages of one link, and opens the answers.

    Whoever wants to lie overrides one method. Times in seconds since 1970.
    """

    def __init__(self, wallet: Wallet, recipient: int | None = None) -> None:
        self.wallet = wallet
        self.recipient = wallet.recipients[0].id if recipient is None else recipient
        self._agreed: Agreed | None = None

    def show(self, offered: Offered) -> list[bytes]:
        """The offer is on the screen; raises Error where its key is no use.

        Each time with a fresh key: the receiver takes none twice, for the same offer neither.
        """
        self._forget()
        return [bytes([exchange.KEY]) + self.agree(offered).enc]

    def begin(self, offered: Offered, recipient: int | None, now: int) -> Presented:
        """The first digit is typed; raises Error where no credential is left.

        A refund goes back to whom the purchase was invoiced, whoever is chosen.
        """
        if offered.offer.kind == messages.REFUND:
            recipient = self.wallet.original(offered.offer).recipient
        recipient = self.recipient if recipient is None else recipient
        credential = self.wallet.take_credential(recipient, now)
        return Presented(credential, [self.seal(offered, exchange.CREDENTIAL, credential)])

    def complete(self, offered: Offered, credential: bytes, code: str, now: int) -> Signed:
        """The code is complete: sign once, remember, and only then let it out."""
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
        """What the approval is bound to."""
        enc = self._held.enc
        return identifiers.approval_context(offered.certificate_hash, offered.data, enc, credential)

    def value(self, offered: Offered, credential: bytes, code: str, now: int) -> Approval:
        """What the approval says; ValueError for a code that is not six digits."""
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
        """The approval itself."""
        key = self.wallet.key
        alg = signed.algorithm(key.public)
        return signed.encode(messages.APPROVAL, value, b"", key.sign, context, alg)

    def agree(self, offered: Offered) -> Agreed:
        """The context for this offer, made when it is first asked for; the last one is erased."""
        if self._agreed is None or self._agreed.offer != offered.data:
            self._forget()
            info = padding.info(offered.data)
            made = hpke.sender(host, offered.offer.ephemeral, info, os.urandom(hpke.KEY_SIZE))
            if made is None:
                raise Error(reasons.BAD_SEAL, "the offer's key agrees with nobody")
            enc, context = made
            results = padding.ResultOpener(host, context)
            self._agreed = Agreed(offered.data, enc, context, results)
        return self._agreed

    def seal(self, offered: Offered, kind: int, message: bytes) -> bytes:
        """A credential or an approval (a type of `exchange`) as it is written."""
        padded = padding.pad(message, _PADDED[kind])
        return bytes([kind]) + self.agree(offered).context.seal(padded)

    def result(self, body: bytes) -> bytes:
        """The receipt in a result; raises Error."""
        return self._held.results.open(body)

    def refusal(self, body: bytes) -> int:
        """The code in a sealed refusal; raises Error."""
        return self._held.results.refusal(body)

    @property
    def _held(self) -> Agreed:
        if self._agreed is None:
            raise Error(reasons.BAD_SEAL, "sealed, and no key was agreed on")
        return self._agreed

    def _forget(self) -> None:
        if self._agreed is not None:
            self._agreed.context.erase()
            self._agreed.results.erase()
            self._agreed = None


class Mute(Maker):
    """Looks at the offer and never says a word."""

    def show(self, offered: Offered) -> list[bytes]:
        return []
