"""What makes an offer, a credential and an approval acceptable: the same rules on chip and bridge.

Each check raises Error with exactly one cause: what is cheap to compare comes first, the signature
last, and nothing comes out before it held. What ends in `_job` works in slices, for the chip; its
namesake at once, for hosts. `now` is the authority's time in seconds, or None where a receiver does
not know it since boot; then only the bridge judges validity in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.crypto.job import finish
from receiver.errors import Error

from . import identifiers, messages, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from receiver.crypto import Crypto
    from receiver.crypto.job import Job

    from .messages import Approval, Certificate, Credential, Offer
    from .signed import Key, Ring

    Pins = Mapping[bytes, bytes]

# An offer with the things it is read beside.
Offered = NamedTuple(
    "Offered",
    [
        ("certificate", "Certificate"),
        ("certificate_hash", bytes),
        ("data", bytes),
        ("offer", "Offer"),
    ],
)
# An approval that holds, and the id under which money is asked for.
Approved = NamedTuple("Approved", [("id", bytes), ("approval", "Approval")])


def certificate_job(ring: Ring, data: bytes, now: int | None) -> Job[Certificate]:
    """The authority's statement about a receiver, if it holds."""
    parsed = signed.parse(messages.CERTIFICATE, data)
    value: Certificate = parsed.value
    if now is not None and now >= value.expires:
        raise Error(reasons.CERTIFICATE_EXPIRED, "certificate ended at %d" % value.expires)
    yield from ring.verify_job(messages.CERTIFICATE, parsed)
    return value


def certificate(crypto: Crypto, pins: Pins, data: bytes, now: int | None) -> Certificate:
    return finish(certificate_job(signed.Ring(crypto, pins), data, now))


def offer(crypto: Crypto, holder: Certificate, certificate_data: bytes, data: bytes) -> Offered:
    """An offer signed by the key in `holder`, whose bytes are `certificate_data`. Hosts only."""
    parsed = signed.parse(messages.OFFER, data)
    value: Offer = parsed.value
    hashed = identifiers.certificate_hash(certificate_data)
    if parsed.sign1.kid != hashed[: messages.OFFER_KID_SIZE]:
        raise Error(reasons.WRONG_RECEIVER, "offer under another certificate")
    _equal(value.version, messages.VERSION, reasons.WRONG_VERSION)
    _equal(value.currency, holder.currency, reasons.WRONG_CURRENCY)
    signed.verify(messages.OFFER, parsed, holder.key, crypto)
    return Offered(holder, hashed, data, value)


def credential_job(ring: Ring, data: bytes, now: int | None) -> Job[Credential]:
    """The authority's short-lived statement about a phone's key, if it holds."""
    parsed = signed.parse(messages.CREDENTIAL, data)
    if now is not None:
        in_time(parsed.value, now)
    yield from ring.verify_job(messages.CREDENTIAL, parsed)
    value: Credential = parsed.value
    return value


def in_time(value: Credential, now: int) -> None:
    """Raise Error where the credential holds no more, or not yet."""
    if now >= value.expires:
        raise Error(reasons.CREDENTIAL_EXPIRED, "credential ended at %d" % value.expires)
    if now < value.not_before:
        raise Error(reasons.CREDENTIAL_NOT_YET_VALID, "credential begins %d" % value.not_before)


def credential(crypto: Crypto, pins: Pins, data: bytes, now: int | None) -> Credential:
    return finish(credential_job(signed.Ring(crypto, pins), data, now))


def approval_job(
    crypto: Crypto,
    offered: Offered,
    credential_data: bytes,
    holder: Credential,
    key: Key,
    enc: bytes,
    data: bytes,
    least_app: int,
) -> Job[Approved]:
    """The phone's signature over this offer, certificate and credential, sealed under `enc`.

    `key` is `holder.key` made ready by `signed.prepare_job`.
    """
    parsed = signed.parse(messages.APPROVAL, data, signed.algorithm(holder.key))
    value: Approval = parsed.value
    _equal(value.version, messages.VERSION, reasons.WRONG_VERSION)
    _equal(value.amount, offered.offer.amount, reasons.WRONG_AMOUNT)
    _equal(value.currency, offered.offer.currency, reasons.WRONG_CURRENCY)
    _equal(value.recipient, holder.recipient, reasons.WRONG_RECIPIENT)
    if value.app < max(holder.least_app, least_app):
        raise Error(reasons.OLD_APP, "app build %d" % value.app)
    context = identifiers.approval_context(
        offered.certificate_hash, offered.data, enc, credential_data
    )
    structure = yield from signed.verify_job(crypto, key, messages.APPROVAL, parsed, context)
    return Approved(identifiers.approval_id(structure), value)


def approval(
    crypto: Crypto,
    offered: Offered,
    credential_data: bytes,
    holder: Credential,
    enc: bytes,
    data: bytes,
    least_app: int,
) -> Approved:
    key = finish(signed.prepare_job(crypto, holder.key))
    return finish(approval_job(crypto, offered, credential_data, holder, key, enc, data, least_app))


def approval_id(
    offered: Offered, credential_data: bytes, holder: Credential, enc: bytes, data: bytes
) -> bytes:
    """The name of an approval whose signature nobody has looked at; raises Error if it is none."""
    parsed = signed.parse(messages.APPROVAL, data, signed.algorithm(holder.key))
    context = identifiers.approval_context(
        offered.certificate_hash, offered.data, enc, credential_data
    )
    return identifiers.approval_id(signed.structure(messages.APPROVAL, parsed, context))


def _equal(found: int, wanted: int, reason: int) -> None:
    if found != wanted:
        raise Error(reason, "%d instead of %d" % (found, wanted))
