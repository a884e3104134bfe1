"""Evidence of a purchase, made piece by piece: certificate, offer, credential, approval, record.

Every function takes what it signs with and what it is bound to; `changes` replace single fields of
the message, so that a test can spoil exactly one thing.
"""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from receiver.crypto import host
from receiver.encoding import cose, schema
from receiver.protocol import identifiers, messages, signed
from simulator.authority.keys import Keys
from simulator.crypto import code_proof
from simulator.phone.wallet.keys import ED25519, P256, PhoneKey

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SEK = 752
AMOUNT = 12_550
RECEIVER_ID = bytes(range(8))
REFERENCE = b"saleref1"
LIFE_S = 3600
TTL_S = 90
APP = 7
ENC = sha256(b"enc").digest()  # what a phone sent as its encapsulated key


def seed(name: str) -> bytes:
    """A private key (32 bytes) that is the same whenever the name is."""
    return sha256(name.encode()).digest()


def certificate(keys: Keys, receiver: bytes, now: int, **changes: Any) -> bytes:
    """The authority's word about the receiver with this seed."""
    value = messages.Certificate(
        issuer="test",
        receiver_id=RECEIVER_ID,
        expires=now + LIFE_S,
        issued=now,
        key=host.ed25519_public(receiver),
        store=101,
        store_name="Storgatan 1",
        invoice_issuer=7,
        currency=SEK,
    )
    return keys.certificate(value._replace(**changes))


def offer(receiver: bytes, certificate: bytes, now: int, **changes: Any) -> bytes:
    """A sale, signed by the receiver with this seed, under the certificate's hash."""
    value = messages.Offer(
        version=messages.VERSION,
        sequence=1,
        amount=AMOUNT,
        currency=SEK,
        till=3,
        issued=now,
        ttl=TTL_S,
        ephemeral=seed("ephemeral"),
        reference=REFERENCE,
        kind=messages.PURCHASE,
        original=b"",
    )
    kid = identifiers.certificate_hash(certificate)[: messages.OFFER_KID_SIZE]
    sign = partial(host.ed25519_sign, receiver)
    return signed.encode(messages.OFFER, value._replace(**changes), kid, sign)


def credential(keys: Keys, phone: bytes, now: int, *, kind: str = P256, **changes: Any) -> bytes:
    """The authority's word about the phone with this private key."""
    value = messages.Credential(
        expires=now + LIFE_S,
        not_before=now - LIFE_S,
        id=b"cred0001",
        key=PhoneKey(kind, phone).public,
        offline_floor=0,
        recipient=1,
        least_app=1,
    )
    return keys.credential(value._replace(**changes))


def state(keys: Keys, now: int, **changes: Any) -> bytes:
    """The authority's word about time and limits, to a receiver that drew zeros as its nonce."""
    value = signed.parse(messages.STATE, keys.state(1, RECEIVER_ID, bytes(16), now)).value
    return keys._sign(messages.STATE, value._replace(**changes))


def approval(
    phone: bytes,
    certificate: bytes,
    offer: bytes,
    credential: bytes,
    *,
    k: bytes = bytes(code_proof.KEY_SIZE),
    enc: bytes = ENC,
    **changes: Any,
) -> bytes:
    """The buyer's yes to this offer, by default with its amount and the credential's recipient.

    Signed by the private key `phone`, which is of the kind that the credential names.
    """
    context = approval_context(certificate, offer, credential, enc)
    holder = signed.parse(messages.CREDENTIAL, credential).value
    alg = signed.algorithm(holder.key)
    key = PhoneKey(P256 if alg == cose.ALG_ESP256 else ED25519, phone)
    seen = signed.parse(messages.OFFER, offer).value
    value = messages.Approval(
        version=messages.VERSION,
        counter=1,
        amount=seen.amount,
        currency=seen.currency,
        recipient=holder.recipient,
        time=seen.issued,
        app=APP,
        proof=code_proof.prove(k, context),
    )
    return signed.encode(
        messages.APPROVAL, value._replace(**changes), b"", key.sign, context=context, alg=alg
    )


def record(
    certificate: bytes,
    offer: bytes,
    credential: bytes,
    approval: bytes,
    *,
    accepted: int,
    enc: bytes = ENC,
) -> bytes:
    """The bundle for the authority."""
    value = messages.Record(
        identifiers.certificate_hash(certificate),
        offer,
        enc,
        credential,
        approval,
        messages.ONLINE,
        accepted,
    )
    return schema.encode(messages.RECORD, value)


def approval_context(
    certificate: bytes, offer: bytes, credential: bytes, enc: bytes = ENC
) -> bytes:
    """What an approval is bound to, from the whole certificate."""
    hashed = identifiers.certificate_hash(certificate)
    return identifiers.approval_context(hashed, offer, enc, credential)


def approval_id(
    certificate: bytes, offer: bytes, credential: bytes, approval: bytes, enc: bytes = ENC
) -> bytes:
    """The id under which money is asked for."""
    holder = signed.parse(messages.CREDENTIAL, credential).value
    parsed = signed.parse(messages.APPROVAL, approval, signed.algorithm(holder.key))
    context = approval_context(certificate, offer, credential, enc)
    return identifiers.approval_id(signed.structure(messages.APPROVAL, parsed, context))


def provisional(
    receiver: bytes, certificate: bytes, approval_id: bytes, now: int, **changes: Any
) -> bytes:
    """The word of the receiver with this seed for an approval that was accepted offline."""
    value = messages.Provisional(messages.VERSION, approval_id, AMOUNT, SEK, now, store=101, till=3)
    kid = identifiers.certificate_hash(certificate)[: messages.OFFER_KID_SIZE]
    sign = partial(host.ed25519_sign, receiver)
    return signed.encode(messages.PROVISIONAL, value._replace(**changes), kid, sign)


def receipt(data: bytes, pins: dict[bytes, bytes]) -> messages.Receipt:
    """The verified content of a receipt."""
    value: messages.Receipt = signed.from_authority(messages.RECEIPT, data, pins, host)
    return value


def second_signature(private: bytes, message: bytes) -> bytes:
    """Another P-256 signature that verifies as well: its nonce is drawn, its s low."""
    key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")
