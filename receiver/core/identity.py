"""Hold the receiver's own key, certificate, pinned keys, time and next sequence number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.crypto.job import finish
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import enrolment as enrolling
from receiver.protocol import identifiers, messages, signed, validation
from receiver.protocol import pins as pinned
from receiver.protocol.signed import Ring
from receiver.protocol.validation import Offered

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job
    from receiver.protocol.messages import Certificate, Credential, Offer, State
    from receiver.protocol.validation import Pins

# Reserve this many sequence numbers at a time in the store: one flash write in 64 sales, and a
# power cut skips at most as many.
SEQUENCE_BLOCK = 64

# How far receiver and bridge may differ about the time of an offline purchase: both drift by
# seconds a day, so a larger difference means that one of them is wrong or lies.
APART_S = 300


# What the store has (`receiver.protocol.enrolment`), with its pins decoded.
Enrolment = NamedTuple(
    "Enrolment",
    [
        ("seed", bytes),  # b"" before enrolment
        ("certificate", bytes),
        ("pins", "Pins"),
        ("till", int),
        ("least_release", int),
    ],
)
NOT_ENROLLED = Enrolment(b"", b"", {}, 0, 0)


class Identity:
    """Hold what enrolment gave the receiver, and make its offers.

    `reserved` is the first sequence number that no earlier boot can have used; `entropy(n)` gives n
    random bytes.
    """

    def __init__(
        self,
        enrolment: Enrolment,
        crypto: Crypto,
        entropy: Callable[[int], bytes],
        reserved: int,
    ) -> None:
        self._seed = enrolment.seed
        self.till = enrolment.till  # to advertise until a bridge states another one
        self._least_release = enrolment.least_release
        self.ring = Ring(crypto, enrolment.pins)
        self.crypto = crypto
        self.entropy = entropy
        self._sequence = reserved
        self.reserved = reserved
        self.nonce = entropy(wire.NONCE_SIZE)
        self.state: State | None = None
        self._state_at = 0
        self.certificate_data = b""
        self.certificate: Certificate | None = None
        self.problem: Error | None = None  # why the stored certificate is not in use
        self.fault: Error | None = None  # why this receiver sells nothing until it is reset
        try:
            if enrolment.certificate:
                self.certificate = finish(self.certificate_job(enrolment.certificate))
                self.certificate_data = enrolment.certificate
        except Error as error:  # a receiver that cannot start cannot receive a better one
            self.problem = error

    @property
    def receiver_id(self) -> bytes:
        """Eight bytes; zeros for a board that was never enrolled."""
        return self.certificate.receiver_id if self.certificate else bytes(8)

    @property
    def least_app(self) -> int:
        return self.state.least_app if self.state else 0

    def seconds(self, now: int) -> int | None:
        """Return the authority's time, or None if it has not arrived since boot."""
        if self.state is None:
            return None
        return self.state.time + (now - self._state_at) // 1000

    def certificate_job(self, data: bytes) -> Job[Certificate]:
        """Check the certificate in `data`; raise Error if it is not for this key."""
        value = yield from validation.certificate_job(self.ring, data, None)
        if value.key != self.crypto.ed25519_public(self._seed):
            raise Error(reasons.WRONG_RECEIVER, "certificate for another key")
        return value

    def renewed(self, certificate: bytes) -> bytes:
        """Return the value to store under this certificate: all of the enrolment at once."""
        pins = pinned.encode(self.ring.pins)
        value = enrolling.Stored(self._seed, certificate, pins, self.till, self._least_release)
        return schema.encode(enrolling.STORED, value)

    def state_job(self, data: bytes, now: int) -> Job[None]:
        """Apply time and limits that the authority stated at `now`; raise Error."""
        value: State = yield from self.ring.read_job(messages.STATE, data)
        if value.receiver_id != self.receiver_id:
            raise Error(reasons.WRONG_RECEIVER, "state for another receiver")
        if value.nonce != self.nonce or (self.state and value.version <= self.state.version):
            raise Error(reasons.STALE_STATE, "state %d" % value.version)
        self.state, self._state_at = value, now

    def must_reserve(self) -> bool:
        """Return whether the next offer needs a new block in the store; count it as reserved."""
        if self._sequence < self.reserved:
            return False
        self.reserved += SEQUENCE_BLOCK
        return True

    def may_offer(self, order: wire.Open, now: int) -> Certificate:
        """Return the certificate to offer under; raise Error if this receiver may not sell."""
        if self.fault is not None:
            raise self.fault
        holder = self.certificate
        if holder is None:
            raise Error(reasons.NO_CERTIFICATE, "not enrolled")
        seconds = self.seconds(now)
        if seconds is not None and seconds >= holder.expires:
            raise Error(reasons.CERTIFICATE_EXPIRED, "certificate ended")
        if self.state is not None and self.state.least_protocol > messages.VERSION:
            raise Error(reasons.WRONG_VERSION, "firmware is too old for this authority")
        if order.currency != holder.currency:
            raise Error(reasons.WRONG_CURRENCY, "currency %d" % order.currency)
        if len(order.original) != (signed.ID_SIZE if order.kind == messages.REFUND else 0):
            raise Error(reasons.MALFORMED, "original of %d bytes" % len(order.original))
        return holder

    def offer_job(self, order: wire.Open, ephemeral: bytes, now: int) -> Job[Offered]:
        """Sign an offer for `order` with this ephemeral key; raise Error as `may_offer`."""
        holder = self.may_offer(order, now)
        offer = messages.Offer(
            messages.VERSION,
            self._sequence,
            order.amount,
            order.currency,
            order.till,
            self.seconds(now) or 0,
            order.ttl,
            ephemeral,
            order.reference,
            order.kind,
            order.original,
        )
        self._sequence += 1
        hashed = identifiers.certificate_hash(self.certificate_data)
        kid = hashed[: messages.OFFER_KID_SIZE]
        data = yield from signed.encode_job(messages.OFFER, offer, kid, self._sign_job)
        return Offered(holder, hashed, data, offer)

    def may_stand_in(self, offer: Offer, holder: Credential, as_of: int, now: int) -> None:
        """Raise Error if this receiver may not sign a provisional receipt."""
        seconds, state = self.seconds(now), self.state
        if seconds is None or state is None:
            raise Error(reasons.STALE_STATE, "no time since boot")
        if abs(seconds - as_of) > APART_S:
            raise Error(reasons.STALE_STATE, "%d s from the bridge's time" % (seconds - as_of))
        if offer.kind != messages.PURCHASE:
            raise Error(reasons.WRONG_KIND, "a refund offline")
        if offer.amount > min(state.offline_floor, holder.offline_floor):
            raise Error(reasons.ABOVE_FLOOR, "%d offline" % offer.amount)

    def provisional_job(self, offered: Offered, approval_id: bytes, as_of: int) -> Job[bytes]:
        """Sign a provisional receipt for an approval that the bridge accepts offline."""
        offer, store = offered.offer, offered.certificate.store
        value = messages.Provisional(
            messages.VERSION, approval_id, offer.amount, offer.currency, as_of, store, offer.till
        )
        kid = offered.certificate_hash[: messages.OFFER_KID_SIZE]
        data = yield from signed.encode_job(messages.PROVISIONAL, value, kid, self._sign_job)
        return data

    def _sign_job(self, message: bytes) -> Job[bytes]:
        return self.crypto.ed25519_sign_job(self._seed, message)
