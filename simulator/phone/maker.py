"""What the phone says at each step of an exchange; tests put liars in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import exchange, messages, session, signed
from simulator import proof

from .wallet import Pending

if TYPE_CHECKING:
    from receiver.checks import Offered
    from receiver.messages import Approval, Credential

    from .wallet import Wallet

APP_BUILD = 1  # what `least_app` of credential and state is compared with


class Presented(NamedTuple):
    """A credential, and what to write to present it."""

    credential: bytes
    writes: list[bytes]


class Signed(NamedTuple):
    """An approval, and what to write for it: the last one is the approval itself."""

    pending: Pending
    writes: list[bytes]


class Maker:
    """Builds the three messages. Whoever wants to lie overrides one method; seconds since 1970."""

    def __init__(self, wallet: Wallet, recipient: int | None = None) -> None:
        self.wallet = wallet
        self.recipient = wallet.recipients[0].id if recipient is None else recipient

    def show(self, offered: Offered) -> list[bytes]:
        """The offer is on the screen."""
        return [bytes([exchange.KEY]) + exchange.ENC]

    def begin(self, offered: Offered, recipient: int | None, now: int) -> Presented:
        """The first digit is typed; raises Error where no credential is left."""
        recipient = self.recipient if recipient is None else recipient
        credential = self.wallet.take_credential(recipient, now)
        return Presented(credential, [bytes([exchange.CREDENTIAL]) + credential])

    def complete(self, offered: Offered, credential: bytes, code: str, now: int) -> Signed:
        """The code is complete: sign once, remember, and only then let it out."""
        context = self.context(offered, credential)
        value = self.value(offered, credential, code, now)
        approval = signed.encode(messages.APPROVAL, value, b"", self.wallet.sign, context)
        structure = signed.structure(
            messages.APPROVAL, signed.parse(messages.APPROVAL, approval), context
        )
        message = bytes([exchange.APPROVAL]) + approval
        pending = Pending(
            reference=offered.offer.reference,
            approval_id=session.approval_id(structure),
            counter=value.counter,
            message=message,
            amount=offered.offer.amount,
            currency=offered.offer.currency,
            store=offered.certificate.store,
            till=offered.offer.till,
            time=now,
        )
        self.wallet.remember(pending)
        return Signed(pending, [message])

    def context(self, offered: Offered, credential: bytes) -> bytes:
        """What the approval is bound to."""
        return session.approval_context(
            offered.certificate_hash, offered.data, exchange.ENC, credential
        )

    def value(self, offered: Offered, credential: bytes, code: str, now: int) -> Approval:
        """What the approval says; ValueError for a code that is not six digits."""
        holder: Credential = signed.parse(messages.CREDENTIAL, credential).value
        key = proof.code_key(self.wallet.code_private, self.wallet.authority_code_key, code)
        return messages.Approval(
            version=messages.VERSION,
            counter=self.wallet.counter,
            amount=offered.offer.amount,
            currency=offered.offer.currency,
            recipient=holder.recipient,
            time=now,
            app=APP_BUILD,
            proof=proof.prove(key, self.context(offered, credential)),
        )


class Mute(Maker):
    """Looks at the offer and never says a word."""

    def show(self, offered: Offered) -> list[bytes]:
        return []
