"""The till of a conversation, as far as the phone has verified it."""

from __future__ import annotations

from collections.abc import Mapping

from receiver import reasons
from receiver.crypto import host
from receiver.errors import Error
from receiver.host.currencies import LETTERS
from receiver.protocol import identifiers, messages, signed, validation
from receiver.protocol.messages import Certificate, Provisional
from receiver.protocol.validation import Offered

from .events import View


class OfferedTill:
    """The certificate, once it is verified, and the current offer."""

    def __init__(self, pins: Mapping[bytes, bytes]) -> None:
        self._pins = pins
        self._holder: Certificate | None = None
        self._certificate = b""
        self._offered: Offered | None = None

    def trust(self, certificate: bytes, now: int) -> Certificate:
        """Accept the receiver (`now` in seconds); raises Error."""
        self._holder = validation.certificate(host, self._pins, certificate, now)
        self._certificate = certificate
        return self._holder

    def check(self, offer: bytes) -> Offered:
        """Verify an offer under the trusted certificate, in a known currency; raises Error."""
        if self._holder is None:
            raise Error(reasons.NO_CERTIFICATE, "an offer before its certificate")
        offered = validation.offer(host, self._holder, self._certificate, offer)
        if offered.offer.currency not in LETTERS:
            raise Error(reasons.WRONG_CURRENCY, f"currency {offered.offer.currency}")
        return offered

    def provisional(self, data: bytes) -> Provisional | None:
        """Verify a provisional receipt in a result; None without one; raises Error if it is forged.

        It is signed under the receiver's certificate, as offers are.
        """
        try:
            parsed = signed.parse(messages.PROVISIONAL, data)
        except Error:
            return None
        hashed = self.offered.certificate_hash
        if parsed.sign1.kid != hashed[: messages.OFFER_KID_SIZE]:
            raise Error(reasons.WRONG_RECEIVER, "provisional under another certificate")
        signed.verify(messages.PROVISIONAL, parsed, self.offered.certificate.key, host)
        word: Provisional = parsed.value
        return word

    def take(self, offered: Offered) -> None:
        """Make this the current offer."""
        self._offered = offered

    @property
    def offered(self) -> Offered:
        if self._offered is None:
            raise ValueError("no current offer")
        return self._offered

    def offers(self, data: bytes) -> bool:
        """Return whether `data` is the current offer."""
        return self._offered is not None and self._offered.data == data

    def sells(self, reference: bytes) -> bool:
        """Return whether the current offer belongs to this sale."""
        return self._offered is not None and self._offered.offer.reference == reference

    def view(self, kind: str, attempt: int, reason: int = reasons.OK) -> View | None:
        """Return the current offer as a screen; None without one."""
        if self._offered is None:
            return None
        offer = self._offered.offer
        return View(
            kind,
            attempt,
            self._offered.certificate.store_name,
            offer.till,
            offer.amount,
            offer.currency,
            identifiers.match_code(self._offered.data),
            reason,
            offer.kind == messages.REFUND,
        )
