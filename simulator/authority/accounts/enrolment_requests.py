"""What an enrolment's requests and echoes must prove: the key, the challenge, the certificate."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AttributeOID

from bridge.authority.messages import EnrolmentRefusal
from receiver.crypto import host
from receiver.errors import Error
from receiver.protocol import enrolment, signed

from .tickets import EnrolmentError


def receivers_request(data: bytes, challenge: bytes) -> enrolment.Request:
    """Read a receiver's request, which its own key must have signed under this challenge."""
    try:
        parsed = signed.parse(enrolment.REQUEST, data)
        value: enrolment.Request = parsed.value
        signed.verify(enrolment.REQUEST, parsed, value.key, host)
    except Error as error:
        raise EnrolmentError(
            EnrolmentRefusal.REQUEST_INVALID, f"the receiver's request: {error.detail}"
        ) from error
    if value.challenge != challenge:
        raise _other_challenge()
    return value


def client_certificate(data: bytes, challenge: bytes | None) -> x509.CertificateSigningRequest:
    """Read a bridge's PKCS#10 request: P-256, signed by its key, with the challenge as password.

    A renewal has no challenge: the TLS connection it comes over proves the same.
    """
    try:
        found = x509.load_der_x509_csr(data)
        _check_key(found)
        given = None
        if challenge is not None:
            attribute = found.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD)
            given = attribute.value
    except (ValueError, InvalidSignature, x509.AttributeNotFound) as error:
        raise EnrolmentError(
            EnrolmentRefusal.REQUEST_INVALID, f"not a PKCS#10 request with P-256: {error}"
        ) from error
    if challenge is not None and given != challenge.hex().encode():
        raise _other_challenge()
    return found


def check_echo(echo: bytes, key: bytes, wanted: enrolment.Installed) -> None:
    """Check the receiver's signed account of what it stores; raises EnrolmentError.

    Which firmware it takes at the least is its own: it never goes down.
    """
    try:
        parsed = signed.parse(enrolment.INSTALLED, echo)
        signed.verify(enrolment.INSTALLED, parsed, key, host)
    except Error as error:
        raise EnrolmentError(
            EnrolmentRefusal.ECHO_OTHER, f"not this receiver's echo: {error.detail}"
        ) from error
    value: enrolment.Installed = parsed.value
    if value.challenge != wanted.challenge:
        raise _other_challenge()
    if value._replace(least_release=wanted.least_release) != wanted:
        raise EnrolmentError(
            EnrolmentRefusal.ECHO_OTHER,
            "the receiver stores another certificate, other pins or another till: install again",
        )


def _check_key(found: x509.CertificateSigningRequest) -> None:
    """Raise ValueError unless the request is signed by its own key on P-256."""
    key = found.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("the key is not on P-256")
    if not found.is_signature_valid:
        raise ValueError("the signature does not fit the key")


def _other_challenge() -> EnrolmentError:
    return EnrolmentError(
        EnrolmentRefusal.CHALLENGE_OTHER, "made for another challenge: ask the device again"
    )
