"""Pad and seal messages so that lengths reveal nothing about the buyer (design §3.3).

A phone seals credential and approval with its HPKE context (`crypto.hpke`), padded to one length
each; the receiver seals results and refusals with a key exported from the same context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.crypto.hpke import KEY_SIZE, NONCE_SIZE, Messages
from receiver.errors import Error
from receiver.reasons import BAD_SEAL, MALFORMED

from . import gatt
from .signed import digest

if TYPE_CHECKING:
    from receiver.crypto.hpke import Context
    from receiver.crypto.interface import Crypto

# Bytes. What goes into one packet as type ‖ seal(length ‖ message ‖ zeros) ‖ tag.
ENC_SIZE = 32  # the encapsulated key of DHKEM(X25519), RFC 9180 §7.1
TAG_SIZE = 16  # of ChaCha20-Poly1305, RFC 8439 §2.8
_LENGTH_SIZE = 1
CREDENTIAL_SEALED = gatt.EXCHANGE_MOST - 1  # behind the type byte
CREDENTIAL_PADDED = CREDENTIAL_SEALED - TAG_SIZE
CREDENTIAL_MOST = CREDENTIAL_PADDED - _LENGTH_SIZE  # what one packet leaves
RESULT_SEALED, RESULT_PADDED, RECEIPT_MOST = CREDENTIAL_SEALED, CREDENTIAL_PADDED, CREDENTIAL_MOST
APPROVAL_MOST = 129  # every number in it at its largest
APPROVAL_PADDED = _LENGTH_SIZE + APPROVAL_MOST
APPROVAL_SEALED = APPROVAL_PADDED + TAG_SIZE
_REFUSAL_SIZE = 1  # the code, which needs no padding
REFUSAL_SEALED = _REFUSAL_SIZE + TAG_SIZE

_INFO = b"tillsign/1"
_RESULT_LABEL = b"tillsign/1 result"


def info(offer: bytes) -> bytes:
    """Return the `info` that binds a context to its session."""
    return _INFO + digest(offer)


def pad(message: bytes, size: int) -> bytes:
    """Return length ‖ message ‖ zeros, `size` bytes; raise ValueError if it is too long."""
    if len(message) > size - _LENGTH_SIZE:
        raise ValueError("message of %d bytes in %d" % (len(message), size))
    return bytes([len(message)]) + message + bytes(size - _LENGTH_SIZE - len(message))


def unpad(data: bytes) -> bytes:
    """Return the padded message; raise Error(MALFORMED) unless its length fits and zeros follow."""
    end = _LENGTH_SIZE + data[0] if data else 0
    if not 0 < end <= len(data) or data[end:] != bytes(len(data) - end):
        raise Error(MALFORMED, "padding")
    return data[_LENGTH_SIZE:end]


def unseal(context: Context, sealed: bytes) -> bytes:
    """Open a phone's next sealed body; raise Error(BAD_SEAL), Error(MALFORMED)."""
    return unpad(_opened(context.open(sealed)))


class Results(Messages):
    """Results and refusals on one link: the receiver seals, the phone opens, in the same order.

    To repeat one, send the same bytes.
    """

    def __init__(self, crypto: Crypto, context: Context) -> None:
        secret = context.export(_RESULT_LABEL, KEY_SIZE + NONCE_SIZE)
        super().__init__(crypto, secret[:KEY_SIZE], secret[KEY_SIZE:])

    def seal_receipt(self, receipt: bytes) -> bytes:
        """Return the body of a result."""
        return self.seal(pad(receipt, RESULT_PADDED))

    def seal_refusal(self, code: int) -> bytes:
        """Return the body of a refusal with one of `exchange`'s codes."""
        return self.seal(bytes([code]))

    def open_receipt(self, body: bytes) -> bytes:
        """Return the receipt in a result; raise Error(BAD_SEAL), Error(MALFORMED)."""
        return unpad(_opened(self.open(body)))

    def open_refusal(self, body: bytes) -> int:
        """Return the code in a refusal; raise Error(BAD_SEAL), Error(MALFORMED)."""
        data = _opened(self.open(body))
        if len(data) != _REFUSAL_SIZE:
            raise Error(MALFORMED, "refusal of %d bytes" % len(data))
        return data[0]


def _opened(data: bytes | None) -> bytes:
    if data is None:
        raise Error(BAD_SEAL, "seal does not open")
    return data
