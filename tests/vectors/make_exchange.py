"""Writes exchange.json: one purchase with every key and every intermediate value, and what a
phone must refuse. Made with cbor2, OpenSSL and the RFCs, sharing nothing with the product.

The same values stand in docs/protocol.md as its worked example (`markdown`), so that whoever writes
a phone app can hold each step of theirs beside each step of this one.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDH
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from make_messages import (
    CERTIFICATE,
    OFFER,
    SIGNED,
    alg,
    digest,
    message,
    p256_key,
    payload,
    private,
    public,
    structure,
    x25519_public,
)

Values = dict[str, Any]
Section = tuple[str, Values]

PHONE = "phone p256"
CODE = "135790"
CODE_KEYS = ("phone code p256", "authority code p256")
TIME = 1_800_000_109
PINNED = tuple(f"authority {role}" for role in range(1, 5))
SERVICE = bytes.fromhex("7b1f00005c0e4d2b9a57c1a91ad0c0de")

CREDENTIAL: Values = {
    "expires": 1_800_259_200,
    "not_before": 1_800_000_000,
    "id": b"cred0001",
    "key": public(PHONE),
    "offline_floor": 0,
    "recipient": 100_200,
    "least_app": 3,
}
APPROVAL: Values = {
    "version": 1,
    "counter": 9,
    "amount": 24_900,
    "currency": 752,
    "recipient": 100_200,
    "time": 1_800_000_108,
    "app": 4,
}
RECEIPT: Values = {
    "version": 1,
    "outcome": 1,
    "amount": 24_900,
    "currency": 752,
    "transaction_id": digest(b"transaction")[:16],
    "time": TIME,
    "store": 4711,
    "till": 7,
    "reason": 0,
}

# Primitives, from the RFCs.

KEM = b"KEM\0\x20"
HPKE = b"HPKE\0\x20\0\1\0\3"


def agree(name: str, peer: bytes) -> bytes:
    """X25519 (RFC 7748) of a named private key."""
    key = X25519PrivateKey.from_private_bytes(private(name))
    return key.exchange(X25519PublicKey.from_public_bytes(peer))


def extract(salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract (RFC 5869)."""
    return hmac.digest(salt or bytes(32), ikm, sha256)


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869)."""
    found, block = b"", b""
    while len(found) < length:
        block = hmac.digest(key, block + info + bytes([len(found) // 32 + 1]), sha256)
        found += block
    return found[:length]


def labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """RFC 9180 §4."""
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def labeled_expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """RFC 9180 §4."""
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return expand(key, labeled, length)


def hpke(offer: bytes) -> Values:
    """The phone's context for the offer (RFC 9180 §4.1, §5.1, §5.3)."""
    enc = x25519_public("encapsulated")
    shared = agree("encapsulated", OFFER["ephemeral"])
    prk = labeled_extract(KEM, b"", b"eae_prk", shared)
    secret = labeled_expand(KEM, prk, b"shared_secret", enc + OFFER["ephemeral"], 32)
    info = b"tillsign/1" + digest(offer)
    psk_id_hash = labeled_extract(HPKE, b"", b"psk_id_hash", b"")
    schedule = b"\0" + psk_id_hash + labeled_extract(HPKE, b"", b"info_hash", info)
    root = labeled_extract(HPKE, secret, b"secret", b"")
    exporter = labeled_expand(HPKE, root, b"exp", schedule, 32)
    result = labeled_expand(HPKE, exporter, b"sec", b"tillsign/1 result", 44)
    return {
        "enc": enc,
        "x25519": shared,
        "shared_secret": secret,
        "info": info,
        "key_schedule_context": schedule,
        "key": labeled_expand(HPKE, root, b"key", schedule, 32),
        "base_nonce": labeled_expand(HPKE, root, b"base_nonce", schedule, 12),
        "exporter_secret": exporter,
        "result_key": result[:32],
        "result_base": result[32:],
        "resume_key": labeled_expand(HPKE, exporter, b"sec", b"tillsign/1 resume", 32),
    }


def sealed(type_: int, key: bytes, base: bytes, count: int, message: bytes, *, size: int) -> Values:
    """A message on its way: padded, its nonce, and the bytes on air."""
    padded = bytes([len(message)]) + message + bytes(size - 1 - len(message))
    nonce = (int.from_bytes(base, "big") ^ count).to_bytes(12, "big")
    body = ChaCha20Poly1305(key).encrypt(nonce, padded, b"")
    return {"padded": padded, "nonce": nonce, "on_air": bytes([type_]) + body}


def signed(kind: str, value: Values, kid: bytes, signer: str, context: bytes = b"") -> Values:
    """A signed message with what it is made of (RFC 9052 §4.4)."""
    protected = cbor2.dumps({1: alg(signer), 4: kid} if kid else {1: alg(signer)})
    content = payload(SIGNED[kind][2], value)
    made = message(kind, value, kid, signer, context)
    return {
        "protected": protected,
        "payload": content,
        "external_aad": digest(b"tillsign/1 " + kind.encode() + context),
        "sig_structure": structure(kind, protected, content, context),
        "signature": cbor2.loads(made)[3],
        "message": made,
        "sha256": digest(made),
    }


# The purchase.


def keys() -> Values:
    """Who holds what; every private key is the SHA-256 of its name."""
    made: Values = {}
    for name in (*PINNED, "receiver", PHONE, *CODE_KEYS):
        made[f"{name} private"] = private(name)
        made[f"{name} public"] = public(name)
    for name in ("ephemeral", "encapsulated"):
        made[f"{name} private"] = private(name)
        made[f"{name} public"] = x25519_public(name)
    return made


def code_proof(context: bytes) -> Values:
    """What the authority checks the code by; no other can."""
    ours, theirs = map(p256_key, CODE_KEYS)
    shared = ours.exchange(ECDH(), theirs.public_key())
    k = expand(extract(b"", shared), b"tillsign/1 code" + CODE.encode(), 32)
    return {
        "code": CODE,
        "ecdh": shared,
        "k": k,
        "proof": hmac.digest(k, context, sha256)[:16],
    }


def purchase() -> list[Section]:
    """Every step in order, each bound to the ones before it."""
    certificate = signed("certificate", CERTIFICATE, b"\1\1", PINNED[0])
    offer = signed("offer", OFFER, certificate["sha256"][:8], "receiver")
    context = hpke(offer["message"])
    credential = signed("credential", CREDENTIAL, b"\2\1", PINNED[1])
    bound = certificate["sha256"] + offer["sha256"] + context["enc"] + credential["sha256"]
    proof = code_proof(bound)
    approval = signed("approval", {**APPROVAL, "proof": proof["proof"]}, b"", PHONE, bound)
    approval_id = digest(approval["sig_structure"])[:16]
    receipt = signed("receipt", {**RECEIPT, "approval_id": approval_id}, b"\3\1", PINNED[2])
    key, base = context["key"], context["base_nonce"]
    back = (context["result_key"], context["result_base"])
    return [
        ("keys", keys()),
        ("certificate", certificate),
        ("offer", offer),
        ("session", names(offer["sha256"])),
        ("key", {**context, "on_air": b"\x02" + context["enc"]}),
        ("credential", {**credential, **sealed(3, key, base, 0, credential["message"], size=165)}),
        ("code proof", proof),
        (
            "approval",
            {
                "context": bound,
                **approval,
                "approval_id": approval_id,
                **sealed(4, key, base, 1, approval["message"], size=130),
            },
        ),
        ("result", {**receipt, **sealed(5, *back, 0, receipt["message"], size=165)}),
        ("refusal", refusal(*back)),
        ("lost link", lost_link(context)),
    ]


def names(session: bytes) -> Values:
    """What the offer's hash names, and the advertisement (Core Supplement Part A)."""
    service = SERVICE[::-1]
    return {
        "session_id": session,
        "tag": session[:3],
        "match_code": f"{int.from_bytes(session, 'big') % 100:02d}",
        "adv_data": b"\x02\x01\x06" + b"\x11\x07" + service + b"\x07\x08Till 7",
        "scan_response": b"\x18\x21" + service + b"\x01\x01\x00\x07" + session[:3],
    }


def refusal(key: bytes, base: bytes) -> Values:
    """`busy`, plain, and sealed as a second answer after the result."""
    nonce = (int.from_bytes(base, "big") ^ 1).to_bytes(12, "big")
    body = ChaCha20Poly1305(key).encrypt(nonce, b"\x02", b"")
    return {"plain": b"\x06\x02", "nonce": nonce, "sealed": b"\x06" + body}


def lost_link(context: Values) -> Values:
    """The first two claims of new links, and what the receiver may say to one."""
    made: Values = {}
    for number in range(2):
        made[f"proof {number}"] = proof(context["resume_key"], number)
        made[f"resume {number}"] = b"\x08" + context["enc"] + made[f"proof {number}"]
    for last, name in ((0, "nothing"), (2, "key"), (3, "credential"), (4, "approval")):
        made[f"resumed, {name}"] = b"\x09" + bytes([last])
    return made


def proof(key: bytes, number: int) -> bytes:
    """That a new link belongs to the exchange of a lost one."""
    numbered = bytes([number])
    return numbered + hmac.digest(key, numbered, sha256)[:16]


# The purchase once more, over links that are lost.


def transcript(sections: dict[str, Values]) -> list[Values]:
    """Every message in order; `lost` ones are on the air when their link ends."""
    key, lost = sections["key"], sections["lost link"]
    credential, approval = sections["credential"]["on_air"], sections["approval"]["on_air"]

    def said(link: int, by: str, data: bytes, *, lost: bool = False) -> Values:
        return {"link": link, "from": by, "data": data, "lost": lost}

    return [
        said(1, "phone", key["on_air"]),
        said(1, "phone", credential, lost=True),
        said(2, "phone", lost["resume 0"]),
        said(2, "receiver", lost["resumed, key"]),
        said(2, "phone", credential),
        said(2, "phone", approval),
        said(2, "receiver", sections["result"]["on_air"], lost=True),
        said(3, "phone", lost["resume 1"]),
        said(3, "receiver", lost["resumed, approval"]),
        said(3, "receiver", sections["result"]["on_air"]),
    ]


# What the same till may say besides.


def others(sections: dict[str, Values]) -> dict[str, Values]:
    """An offer to give the purchase back, and the receiver's own word in the result's place.

    Which the phone of this purchase refuses, as its credential has no offline floor.
    """
    kid = sections["certificate"]["sha256"][:8]
    original = RECEIPT["transaction_id"]
    refund = signed("offer", {**OFFER, "kind": 1, "original": original}, kid, "receiver")
    value = {name: RECEIPT[name] for name in ("version", "amount", "currency", "time")}
    value = {**value, "store": RECEIPT["store"], "till": RECEIPT["till"]}
    value["approval_id"] = sections["approval"]["approval_id"]
    word = signed("provisional", value, kid, "receiver")
    back = (sections["key"]["result_key"], sections["key"]["result_base"])
    return {
        "refund": refund,
        "provisional": {**word, **sealed(5, *back, 0, word["message"], size=165)},
    }


# What a phone must refuse, one thing wrong in each.


def foreign_certificates() -> Values:
    """Instead of the certificate, with the reason for each."""
    good = message("certificate", CERTIFICATE, b"\1\1", PINNED[0])
    ended = {**CERTIFICATE, "expires": TIME - 1}
    return {
        "signed by the credential key": (
            message("certificate", CERTIFICATE, b"\2\1", PINNED[1]),
            "wrong_role",
        ),
        "under an epoch that is not pinned": (
            message("certificate", CERTIFICATE, b"\1\2", PINNED[0]),
            "unknown_issuer",
        ),
        "signed by the receiver itself": (
            message("certificate", CERTIFICATE, b"\1\1", "receiver"),
            "bad_signature",
        ),
        "ended": (message("certificate", ended, b"\1\1", PINNED[0]), "certificate_expired"),
        "trailing byte": (good + b"\0", "malformed"),
    }


def foreign_offers() -> Values:
    """Instead of the offer."""
    certificate = message("certificate", CERTIFICATE, b"\1\1", PINNED[0])
    kid = digest(certificate)[:8]

    def made(signer: str = "receiver", kid: bytes = kid, **changes: Any) -> bytes:
        return message("offer", {**OFFER, **changes}, kid, signer)

    return {
        "signed by another": (made("phone"), "bad_signature"),
        "under another certificate": (made(kid=bytes(8)), "wrong_receiver"),
        "another version": (made(version=2), "wrong_version"),
        "another currency than the certificate's": (made(currency=978), "wrong_currency"),
        "amount of zero": (made(amount=0), "malformed"),
        "a refund without a transaction": (made(kind=1), "malformed"),
        "a purchase with a transaction": (made(original=bytes(16)), "malformed"),
        "time to live over 120 s": (made(ttl=121), "malformed"),
        "a certificate in its place": (
            message("certificate", CERTIFICATE, kid, "receiver"),
            "malformed",
        ),
        "trailing byte": (made() + b"\0", "malformed"),
    }


def foreign_results(sections: dict[str, Values]) -> Values:
    """Instead of the result, as it comes on air."""
    key, base = sections["key"]["result_key"], sections["key"]["result_base"]
    value = {**RECEIPT, "approval_id": sections["approval"]["approval_id"]}

    def made(
        signer: str = PINNED[2], kid: bytes = b"\3\1", count: int = 0, **changes: Any
    ) -> bytes:
        receipt = message("receipt", {**value, **changes}, kid, signer)
        air: bytes = sealed(5, key, base, count, receipt, size=165)["on_air"]
        return air

    good = made()
    padded = sections["result"]["padded"]
    dirty = ChaCha20Poly1305(key).encrypt(base, padded[:-1] + b"\1", b"")
    return {
        "about another approval": (made(approval_id=bytes(16)), "wrong_session"),
        "over another amount": (made(amount=24_901), "wrong_amount"),
        "in another currency": (made(currency=978), "wrong_amount"),
        "from another till": (made(till=8), "wrong_till"),
        "from another store": (made(store=4712), "wrong_till"),
        "signed by the receiver": (made("receiver"), "bad_signature"),
        "signed by the state key": (made(PINNED[3], b"\4\1"), "wrong_role"),
        "sealed under the second nonce": (made(count=1), "bad_seal"),
        "last bit of the tag": (good[:-1] + bytes([good[-1] ^ 1]), "bad_seal"),
        "padding that is not zeros": (b"\x05" + dirty, "malformed"),
    }


def foreign_provisionals(sections: dict[str, Values]) -> Values:
    """Instead of the receiver's own word, opened."""
    value = {**RECEIPT, "approval_id": sections["approval"]["approval_id"]}
    own = sections["certificate"]["sha256"][:8]

    def made(signer: str = "receiver", kid: bytes = own, **changes: Any) -> bytes:
        return message("provisional", {**value, **changes}, kid, signer)

    return {
        "about another approval": (made(approval_id=bytes(16)), "wrong_session"),
        "over another amount": (made(amount=24_901), "wrong_amount"),
        "in another currency": (made(currency=978), "wrong_amount"),
        "from another till": (made(till=8), "wrong_till"),
        "from another store": (made(store=4712), "wrong_till"),
        "another version": (made(version=2), "wrong_version"),
        "signed by another": (made("phone"), "bad_signature"),
        "signed by the receipts' key": (made(PINNED[2]), "bad_signature"),
        "under another certificate": (made(kid=bytes(8)), "wrong_receiver"),
        "above the credential's floor": (made(), "above_floor"),
    }


def refused(sections: dict[str, Values]) -> dict[str, list[Values]]:
    """Tables of cases: what is wrong, the bytes, the reason."""
    tables = {
        "certificates": foreign_certificates(),
        "offers": foreign_offers(),
        "results": foreign_results(sections),
        "provisionals": foreign_provisionals(sections),
    }
    return {
        name: [{"why": why, "data": data, "reason": reason} for why, (data, reason) in rows.items()]
        for name, rows in tables.items()
    }


# Writing it down.


def document() -> Values:
    """What the file holds, bytes as hex."""
    sections = dict(purchase())
    fields = {
        "certificate": CERTIFICATE,
        "offer": OFFER,
        "credential": CREDENTIAL,
        "approval": APPROVAL,
        "receipt": RECEIPT,
    }
    return {
        "time": TIME,
        "purchase": {title: _hexed(values) for title, values in sections.items()},
        "lost_links": [_hexed(one) for one in transcript(sections)],
        "others": {title: _hexed(values) for title, values in others(sections).items()},
        "fields": {kind: _hexed(values) for kind, values in fields.items()},
        "refused": {
            name: [_hexed(case) for case in cases] for name, cases in refused(sections).items()
        },
    }


def markdown() -> str:
    """The worked example as docs/protocol.md shows it."""
    lines = []
    for title, values in purchase():
        lines += [f"#### {title.capitalize()}", "", "```text"]
        for name, value in values.items():
            lines += _wrapped(name, value.hex() if isinstance(value, bytes) else str(value))
        lines += ["```", ""]
    return "\n".join(lines)


_WIDTH = 100
_INDENT = 4


def _wrapped(name: str, text: str) -> list[str]:
    """A name and its value, on lines of their own where it is long."""
    if len(name) + 2 + len(text) <= _WIDTH:
        return [f"{name}: {text}"]
    step = _WIDTH - _INDENT
    rest = [" " * _INDENT + text[at : at + step] for at in range(0, len(text), step)]
    return [f"{name}:", *rest]


def _hexed(values: Values) -> Values:
    return {name: v.hex() if isinstance(v, bytes) else v for name, v in values.items()}


def main() -> None:
    text = json.dumps(document(), ensure_ascii=False, indent=1)
    Path(__file__).with_name("exchange.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
