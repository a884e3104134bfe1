"""Derive identifiers: session, match code, approval id, sale reference (design §3.3, §5)."""

from __future__ import annotations

from .signed import digest


def certificate_hash(certificate: bytes) -> bytes:
    """Return SHA-256 of the certificate; its first 8 bytes are the offer's kid."""
    return digest(certificate)


def session_id(offer: bytes) -> bytes:
    """Return SHA-256(offer), 32 bytes."""
    return digest(offer)


def tag(offer: bytes) -> bytes:
    """Return the 3 bytes of an offer in the scan response, zeros when there is none."""
    return digest(offer)[:3] if offer else bytes(3)


def match_code(offer: bytes) -> str:
    """Return two digits for till and phone: against the neighbour's till, not attackers."""
    return "%02d" % (int.from_bytes(digest(offer), "big") % 100)


def approval_context(certificate: bytes, offer: bytes, enc: bytes, credential: bytes) -> bytes:
    """Return what an approval is bound to, at no cost on air. `certificate` is already its hash."""
    return certificate + digest(offer) + enc + digest(credential)


def approval_id(structure: bytes) -> bytes:
    """Return SHA-256(Sig_structure)[0:16]: never over the signature, which can be rewritten."""
    return digest(structure)[:16]


def sale_reference(bridge_id: bytes, till: int, sale_id: str) -> bytes:
    """Return SHA-256(bridge id ‖ till ‖ sale_id)[0:8]; `till` as two bytes."""
    return digest(bridge_id + till.to_bytes(2, "big") + sale_id.encode())[:8]
