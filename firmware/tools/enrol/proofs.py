"""Check what board and authority say to each other, before the laptop passes it on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.tools.board_line import BoardLineError
from receiver.crypto import host
from receiver.errors import Error
from receiver.protocol import enrolment, pins, signed, validation

if TYPE_CHECKING:
    from bridge.authority.enrolment_messages import EnrolmentBegun


class ProofError(BoardLineError):
    """Board or authority gave something else than was asked for."""


def request(data: bytes, challenge: bytes) -> enrolment.Request:
    """Read a board's request; raises ProofError."""
    value: enrolment.Request = _verified(enrolment.REQUEST, data, None).value
    if value.challenge != challenge:
        raise ProofError("the board answers another challenge: pull its plug and run this again")
    return value


def certificate(data: bytes, begun: EnrolmentBegun, key: bytes) -> None:
    """Check that a certificate is for this key and these terms; raises ProofError."""
    trusted = pins.decode(bytes.fromhex(begun.pins))
    try:
        value = validation.certificate(host, trusted, data, None)
    except Error as error:
        raise ProofError(
            f"the authority's certificate does not verify: {error.detail}: report this"
        ) from error
    terms = begun.terms
    for what, wanted, given in (
        ("key", key, value.key),
        ("receiver", terms.receiver_id, value.receiver_id),
        ("store", terms.store, value.store),
        ("store name", terms.store_name, value.store_name),
        ("invoice issuer", terms.invoice_issuer, value.invoice_issuer),
        ("currency", terms.currency, value.currency),
    ):
        if wanted != given:
            raise ProofError(f"the authority's certificate is for another {what}: report this")


def echo(data: bytes, key: bytes, wanted: enrolment.Installed) -> None:
    """Check the board's account of what it stores; raises ProofError."""
    value: enrolment.Installed = _verified(enrolment.INSTALLED, data, key).value
    if value != wanted:
        raise ProofError("the board stores something else than was sent: run this again")


def _verified(kind: signed.Kind, data: bytes, key: bytes | None) -> signed.Signed:
    """Parse a message that the board signed, by `key` or the key in it; raises ProofError."""
    try:
        parsed = signed.parse(kind, data)
        signed.verify(kind, parsed, key or parsed.value.key, host)
    except Error as error:
        raise ProofError(f"the board's answer proves nothing: {error.detail}") from error
    return parsed
