"""Decide whether an offer, a credential or an approval is valid: one set of rules for both ends.

Each check raises Error with exactly one cause: cheap comparisons first, the signature last, and no
value is returned before it verified. Functions ending in `_job` work in slices, for the chip;
their namesakes at once, for hosts. `now` is the authority's time in seconds, or None on a receiver
that has not heard it since boot; then only the bridge judges validity in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.crypto.job import finish
from receiver.errors import Error

from . import identifiers, messages, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job

    from .messages import Approval, Certificate, Credential, Offer
    from .signed import Key, Ring, Signed

    Pins = Mapping[bytes, bytes]

# An offer with the values to check it against.
Offered = NamedTuple(
    "Offered",
    [
        ("certificate", "Certificate"),
        ("certificate_hash", bytes),
        ("data", bytes),
        ("offer", "Offer"),
    ],
)
# What one phone submits for an offer; `enc` is the key that sealed it, its credential is verified.
Submission = NamedTuple(
    "Submission",
    [
        ("enc", bytes),
        ("credential_data", bytes),
        ("credential", "Credential"),
        ("approval_data", bytes),
    ],
)
# A valid approval, and the id to request authorisation under.
Approved = NamedTuple("Approved", [("id", bytes), ("approval", "Approval")])
# One whose signature is not checked yet.
Named = NamedTuple("Named", [("id", bytes), ("parsed", "Signed"), ("structure", bytes)])


def certificate_job(ring: Ring, data: bytes, now: int | None) -> Job[Certificate]:
    """Return the authority's statement about a receiver, if valid."""
    parsed = signed.parse(messages.CERTIFICATE, data)
    value: Certificate = parsed.value
    if now is not None and now >= value.expires:
        raise Error(reasons.CERTIFICATE_EXPIRED, "certificate ended at %d" % value.expires)
    yield from ring.verify_job(messages.CERTIFICATE, parsed)
    return value


def certificate(crypto: Crypto, pins: Pins, data: bytes, now: int | None) -> Certificate:
    return finish(certificate_job(signed.Ring(crypto, pins), data, now))


def offer(crypto: Crypto, holder: Certificate, certificate_data: bytes, data: bytes) -> Offered:
    """Check an offer signed by the key in `holder`, with bytes `certificate_data`. Hosts only."""
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
    """Return the authority's short-lived statement about a phone's key, if valid."""
    parsed = signed.parse(messages.CREDENTIAL, data)
    if now is not None:
        in_time(parsed.value, now)
    yield
    yield from ring.verify_job(messages.CREDENTIAL, parsed)
    value: Credential = parsed.value
    return value


def in_time(value: Credential, now: int) -> None:
    """Raise Error if the credential has expired or is not valid yet."""
    if now >= value.expires:
        raise Error(reasons.CREDENTIAL_EXPIRED, "credential ended at %d" % value.expires)
    if now < value.not_before:
        raise Error(reasons.CREDENTIAL_NOT_YET_VALID, "credential begins %d" % value.not_before)


def credential(crypto: Crypto, pins: Pins, data: bytes, now: int | None) -> Credential:
    return finish(credential_job(signed.Ring(crypto, pins), data, now))


def named(offered: Offered, submission: Submission) -> Named:
    """Parse an approval and name it, signature unchecked; raise Error if it is none."""
    enc, credential_data, holder, data = submission
    parsed = signed.parse(messages.APPROVAL, data, signed.algorithm(holder.key))
    context = identifiers.approval_context(
        offered.certificate_hash, offered.data, enc, credential_data
    )
    structure = signed.structure(messages.APPROVAL, parsed, context)
    return Named(identifiers.approval_id(structure), parsed, structure)


def named_job(
    key: Key, offered: Offered, holder: Credential, it: Named, least_app: int
) -> Job[Approved]:
    """Check a parsed approval, as `approval_job` does."""
    value: Approval = it.parsed.value
    _equal(value.version, messages.VERSION, reasons.WRONG_VERSION)
    _equal(value.amount, offered.offer.amount, reasons.WRONG_AMOUNT)
    _equal(value.currency, offered.offer.currency, reasons.WRONG_CURRENCY)
    _equal(value.recipient, holder.recipient, reasons.WRONG_RECIPIENT)
    if value.app < max(holder.least_app, least_app):
        raise Error(reasons.OLD_APP, "app build %d" % value.app)
    yield from signed.check_job(key, messages.APPROVAL, it.parsed, it.structure)
    return Approved(it.id, value)


def approval_job(
    key: Key, offered: Offered, submission: Submission, least_app: int
) -> Job[Approved]:
    """Check the phone's signature over this offer, its certificate, the credential and `enc`.

    `key` is the credential's, prepared by `signed.prepare_job`.
    """
    it = named(offered, submission)
    yield
    return (yield from named_job(key, offered, submission.credential, it, least_app))


def approval(crypto: Crypto, offered: Offered, submission: Submission, least_app: int) -> Approved:
    key = finish(signed.prepare_job(crypto, submission.credential.key))
    return finish(approval_job(key, offered, submission, least_app))


def _equal(found: int, wanted: int, reason: int) -> None:
    if found != wanted:
        raise Error(reason, "%d instead of %d" % (found, wanted))
