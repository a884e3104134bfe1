"""Writes messages.json with cbor2 and OpenSSL, sharing nothing with the product.

SIGNED, CHANNELS and PLAIN say the protocol's tables once more, from the design: key, name, kind of
value, smallest and largest (a number, or a length in bytes). Bytes of the kind "refund" are there
in refunds, and have no key in purchases.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Field = tuple[int, str, str, int, int]
Case = dict[str, Any]

U32 = 2**32 - 1
AMOUNT = (1, U32)
CURRENCY = (1, 999)
TILL = (0, 65535)
ANY = (0, U32)

SIGNED: dict[str, tuple[int, int, list[Field]]] = {  # role (0: not the authority), size of kid
    "certificate": (
        1,
        2,
        [
            (1, "issuer", "text", 0, 32),
            (2, "receiver_id", "bytes", 8, 8),
            (4, "expires", "uint", *ANY),
            (6, "issued", "uint", *ANY),
            (8, "key", "cnf", 32, 32),
            (-1, "store", "uint", *ANY),
            (-2, "store_name", "text", 0, 40),
            (-3, "invoice_issuer", "uint", *ANY),
            (-4, "currency", "uint", *CURRENCY),
        ],
    ),
    "offer": (
        0,
        8,
        [
            (1, "version", "uint", 0, 23),
            (2, "sequence", "uint", *ANY),
            (3, "amount", "uint", *AMOUNT),
            (4, "currency", "uint", *CURRENCY),
            (5, "till", "uint", *TILL),
            (6, "issued", "uint", *ANY),
            (7, "ttl", "uint", 1, 120),
            (8, "ephemeral", "bytes", 32, 32),
            (9, "reference", "bytes", 8, 8),
            (10, "kind", "uint", 0, 1),
            (11, "original", "refund", 16, 16),
        ],
    ),
    "credential": (
        2,
        2,
        [
            (4, "expires", "uint", *ANY),
            (5, "not_before", "uint", *ANY),
            (7, "id", "bytes", 8, 8),
            (8, "key", "phone cnf", 32, 33),
            (-1, "offline_floor", "uint", *ANY),
            (-3, "recipient", "uint", *ANY),
            (-4, "least_app", "uint", *ANY),
        ],
    ),
    "approval": (
        0,
        0,
        [
            (1, "version", "uint", 0, 23),
            (2, "counter", "uint", *ANY),
            (3, "amount", "uint", *AMOUNT),
            (4, "currency", "uint", *CURRENCY),
            (5, "recipient", "uint", *ANY),
            (6, "time", "uint", *ANY),
            (7, "app", "uint", *ANY),
            (8, "proof", "bytes", 16, 16),
        ],
    ),
    "receipt": (
        3,
        2,
        [
            (1, "version", "uint", 0, 23),
            (2, "outcome", "uint", 1, 2),
            (3, "approval_id", "bytes", 16, 16),
            (4, "amount", "uint", *AMOUNT),
            (5, "currency", "uint", *CURRENCY),
            (6, "transaction_id", "bytes", 16, 16),
            (7, "time", "uint", *ANY),
            (8, "store", "uint", *ANY),
            (9, "till", "uint", *TILL),
            (10, "reason", "uint", 0, 255),
        ],
    ),
    "provisional": (
        0,
        8,
        [
            (1, "version", "uint", 0, 23),
            (3, "approval_id", "bytes", 16, 16),
            (4, "amount", "uint", *AMOUNT),
            (5, "currency", "uint", *CURRENCY),
            (7, "time", "uint", *ANY),
            (8, "store", "uint", *ANY),
            (9, "till", "uint", *TILL),
        ],
    ),
    "state": (
        4,
        2,
        [
            (1, "version", "uint", *ANY),
            (2, "receiver_id", "bytes", 8, 8),
            (3, "nonce", "bytes", 16, 16),
            (4, "time", "uint", *ANY),
            (5, "least_protocol", "uint", *ANY),
            (6, "least_app", "uint", *ANY),
            (7, "offline_floor", "uint", *ANY),
            (8, "offline_total", "uint", *ANY),
            (9, "offline_count", "uint", *ANY),
            (10, "offline_hours", "uint", *ANY),
            (11, "revocations", "bytes", 32, 32),
        ],
    ),
    "enrolment": (
        0,
        0,
        [
            (1, "version", "uint", 1, 1),
            (2, "challenge", "bytes", 16, 16),
            (3, "key", "cnf", 32, 32),
            (4, "hardware", "bytes", 1, 16),
            (5, "board", "text", 0, 24),
            (6, "firmware_hash", "bytes", 8, 8),
        ],
    ),
    "installed": (
        0,
        0,
        [
            (1, "version", "uint", 1, 1),
            (2, "challenge", "bytes", 16, 16),
            (3, "certificate_hash", "bytes", 32, 32),
            (4, "pins_hash", "bytes", 32, 32),
            (5, "till", "uint", *TILL),
            (6, "least_release", "uint", *ANY),
        ],
    ),
}

SESSION: Field = (1, "session", "bytes", 32, 32)
LINK = ("link", "uint", 0, 0x0EFF)
OPENED: list[Field] = [
    (1, "reference", "bytes", 0, 8),
    (2, "offer", "bytes", 0, 182),
    (3, "reason", "uint", 0, 255),
]
CHANNELS: dict[int, tuple[str, list[Field]]] = {
    1: (
        "open",
        [
            (1, "reference", "bytes", 8, 8),
            (2, "kind", "uint", 0, 1),
            (3, "amount", "uint", *AMOUNT),
            (4, "currency", "uint", *CURRENCY),
            (5, "till", "uint", *TILL),
            (6, "ttl", "uint", 1, 120),
            (7, "original", "bytes", 0, 16),
        ],
    ),
    2: ("cancel", [(1, "reference", "bytes", 8, 8), (2, "reason", "uint", 0, 255)]),
    3: ("result", [SESSION, (2, "receipt", "bytes", 0, 164)]),
    4: ("state", [(1, "data", "bytes", 0, 512)]),
    5: ("certificate", [(1, "data", "bytes", 0, 512)]),
    6: ("identify", [(1, "seconds", "uint", 1, 60)]),
    7: (
        "stand in",
        [SESSION, (2, "approval_id", "bytes", 16, 16), (3, "time", "uint", *ANY)],
    ),
    8: ("restart", [(1, "slot", "uint", 0, 2), (2, "service", "uint", 0, 1)]),
    9: ("read", []),
    10: ("enrol", [(1, "challenge", "bytes", 16, 16)]),
    11: (
        "install",
        [
            (1, "certificate", "bytes", 1, 512),
            (2, "pins", "bytes", 1, 512),
            (3, "till", "uint", *TILL),
            (4, "least_release", "uint", *ANY),
        ],
    ),
    12: ("factory reset", []),
    13: ("self-test", []),
    14: ("update", [(1, "data", "bytes", 1, 2040)]),
    15: ("chunk", [(1, "offset", "uint", *ANY), (2, "data", "bytes", 1, 1920)]),
    16: ("sync", OPENED),
    17: ("offer", OPENED),
    18: (
        "phone",
        [
            (1, "session", "bytes", 0, 32),
            (2, *LINK),
            (3, "event", "uint", 1, 5),
            (4, "reason", "uint", 0, 255),
        ],
    ),
    19: (
        "credential",
        [
            (1, *LINK),
            (2, "certificate_hash", "bytes", 32, 32),
            (3, "offer", "bytes", 0, 182),
            (4, "enc", "bytes", 32, 32),
            (5, "data", "bytes", 0, 164),
        ],
    ),
    20: ("approval", [SESSION, (2, *LINK), (3, "data", "bytes", 0, 129)]),
    21: (
        "health",
        [
            (1, "uptime", "uint", *ANY),
            (2, "free", "uint", *ANY),
            (3, "links", "uint", 0, 255),
            (4, "counters", "bytes", 0, 640),
            (5, "fault", "uint", 0, 255),
            (6, "dropped", "uint", *ANY),
        ],
    ),
    22: ("provisional", [SESSION, (2, "receipt", "bytes", 0, 164)]),
    23: ("traceback", [(1, "data", "bytes", 0, 512)]),
    24: (
        "identity",
        [
            (1, "certificate", "bytes", 0, 512),
            (2, "pins", "bytes", 0, 512),
            (3, "till", "uint", *TILL),
            (4, "release", "uint", *ANY),
            (5, "least_release", "uint", *ANY),
            (6, "board_class", "text", 0, 24),
            (7, "button", "uint", 0, 1),
        ],
    ),
    25: ("enrolment", [(1, "data", "bytes", 1, 512)]),
    26: ("installed", [(1, "data", "bytes", 1, 512)]),
    27: (
        "tested",
        [
            (1, "sign", "uint", *ANY),
            (2, "check", "uint", *ANY),
            (3, "phone", "uint", *ANY),
            (4, "agree", "uint", *ANY),
            (5, "store", "uint", *ANY),
            (6, "free", "uint", *ANY),
            (7, "largest", "uint", *ANY),
            (8, "radio", "uint", 0, 1),
            (9, "reason", "uint", 0, 255),
        ],
    ),
    28: (
        "progress",
        [
            (1, "release", "uint", *ANY),
            (2, "slot", "uint", 0, 2),
            (3, "offset", "uint", *ANY),
            (4, "verified", "uint", 0, 1),
            (5, "reason", "uint", 0, 255),
        ],
    ),
    29: ("order refused", [(1, "channel", "uint", 0, 255), (2, "reason", "uint", 0, 255)]),
    32: (
        "verdict",
        [SESSION, (2, "approval_id", "bytes", 16, 16), (3, "reason", "uint", 0, 255)],
    ),
}
PLAIN: dict[str, list[Field]] = {
    "record": [
        (1, "certificate_hash", "bytes", 32, 32),
        (2, "offer", "bytes", 0, 182),
        (3, "enc", "bytes", 32, 32),
        (4, "credential", "bytes", 0, 164),
        (5, "approval", "bytes", 0, 129),
        (6, "mode", "uint", 0, 1),
        (7, "accepted", "uint", *ANY),
    ],
    "receiver hello": [
        (1, "least", "uint", 1, 255),
        (2, "most", "uint", 1, 255),
        (3, "receiver_id", "bytes", 8, 8),
        (4, "board", "text", 0, 24),
        (5, "interpreter", "text", 0, 16),
        (6, "interpreter_version", "text", 0, 24),
        (7, "firmware", "text", 0, 24),
        (8, "firmware_hash", "bytes", 8, 8),
        (9, "reset_cause", "uint", 1, 9),
        (10, "nonce", "bytes", 16, 16),
        (11, "fault", "uint", 0, 255),
        (12, "crashes", "uint", 0, 255),
    ],
    "bridge hello": [
        (1, "least", "uint", 1, 255),
        (2, "most", "uint", 1, 255),
        (3, "bridge_id", "bytes", 8, 8),
        (4, "till", "uint", 0, 65535),
    ],
    "stored enrolment": [
        (1, "seed", "bytes", 32, 32),
        (2, "certificate", "bytes", 0, 512),
        (3, "pins", "bytes", 0, 512),
        (4, "till", "uint", *TILL),
        (5, "least_release", "uint", *ANY),
    ],
    "pending key": [(1, "challenge", "bytes", 16, 16), (2, "seed", "bytes", 32, 32)],
}


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PHONES = ("phone p256", "phone")
EVEN, ODD = "even p256", "odd p256"  # keys with such a y
KEYS = {32: "edge", 33: ODD}  # at the edge, by size


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def private(name: str) -> bytes:
    """The same whenever the name is."""
    return digest(name.encode())


def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(private(name))


def p256_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(private(name), "big"), ec.SECP256R1())


def public(name: str) -> bytes:
    """32 bytes, or 33 for a name that ends in p256."""
    if not name.endswith("p256"):
        return key(name).public_key().public_bytes_raw()
    return p256_key(name).public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)


def sign(name: str, message: bytes) -> bytes:
    """Ed25519, or r and s with s in the lower half; the same each time (RFC 6979)."""
    if not name.endswith("p256"):
        return key(name).sign(message)
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(p256_key(name).sign(message, algorithm))
    return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")


def alg(signer: str) -> int:
    return -9 if signer.endswith("p256") else -19


def x25519_public(name: str) -> bytes:
    key = X25519PrivateKey.from_private_bytes(private(name))
    return key.public_key().public_bytes_raw()


def cnf(x: Any) -> Any:
    return {1: {1: 1, -1: 6, -2: x}}


def phone_cnf(public: bytes) -> Any:
    """RFC 9053 §7.1: x, and whether y is odd."""
    if len(public) == 32:
        return cnf(public)
    return {1: {1: 2, -1: 1, -2: public[1:], -3: public[0] == 3}}


P256_KEY = {"P-256": phone_cnf(public(EVEN))}
PUT = {"cnf": cnf, "phone cnf": phone_cnf}


def put(kind: str, value: Any) -> Any:
    return PUT[kind](value) if kind in PUT else value


def encoded(pairs: dict[int, Any]) -> bytes:
    """The map with its keys in the order of their encodings (RFC 8949 §4.2.1)."""
    return cbor2.dumps({key: pairs[key] for key in sorted(pairs, key=cbor2.dumps)})


def pairs_of(fields: list[Field], value: Case) -> dict[int, Any]:
    """The map before it is encoded."""
    present = [field for field in fields if field[2] != "refund" or value[field[1]]]
    return {at: put(kind, value[name]) for at, name, kind, _, _ in present}


def payload(fields: list[Field], value: Case) -> bytes:
    return encoded(pairs_of(fields, value))


def edge(fields: list[Field], largest: bool) -> Case:
    """Every field at its smallest or at its largest."""
    value: Case = {}
    for _, name, kind, low, high in fields:
        size = high if largest else low
        octets = bytes([255 * largest]) * size
        filled = {"bytes": octets, "text": "å" * (size // 2), "uint": size}
        filled["refund"] = octets if largest else b""
        value[name] = public(KEYS[size]) if kind in PUT else filled[kind]
    return value


def message(kind: str, value: Case, kid: bytes, signer: str, context: bytes = b"") -> bytes:
    """A signed message (RFC 9052 §4)."""
    head = {1: alg(signer), 4: kid} if kid else {1: alg(signer)}
    protected = cbor2.dumps(head)
    content = payload(SIGNED[kind][2], value)
    signature = sign(signer, structure(kind, protected, content, context))
    return cbor2.dumps([protected, {}, content, signature])


def structure(kind: str, protected: bytes, content: bytes, context: bytes) -> bytes:
    external = digest(b"tillsign/1 " + kind.encode() + context)
    return cbor2.dumps(["Signature1", protected, external, content])


def signers_of(kind: str) -> tuple[tuple[str, ...], bytes]:
    """Names of the keys, and a kid, for a message at its edge."""
    role, size, _ = SIGNED[kind]
    if kind == "approval":
        return PHONES, b""
    if kind in ("enrolment", "installed"):
        return (KEYS[32],), b""  # the one in the request: that is the proof of possession
    return ((f"authority {role}",), bytes([role, 1])) if role else ((kind,), b"\xff" * size)


def variants(fields: list[Field], largest: bool) -> list[Case]:
    """The edge, and for a phone's key each other form that it may have."""
    value = edge(fields, largest)
    if not any(kind == "phone cnf" for _, _, kind, _, _ in fields):
        return [value]
    return [{**value, "key": public(name)} for name in ("edge", EVEN, ODD)]


# Cases.


def plain(value: Case) -> Case:
    """The value for JSON: bytes as {"hex"}."""
    return {
        name: {"hex": item.hex()} if isinstance(item, bytes) else item
        for name, item in value.items()
    }


def signed_cases() -> list[Case]:
    return [
        {
            "kind": kind,
            "name": "largest" if largest else "smallest",
            "signer": signer,
            "kid": kid.hex(),
            "fields": plain(value),
            "message": message(kind, value, kid, signer).hex(),
        }
        for kind, (_, _, fields) in SIGNED.items()
        for signers, kid in [signers_of(kind)]
        for signer in signers
        for largest in (False, True)
        for value in variants(fields, largest)
    ]


def map_cases() -> list[Case]:
    """Channels and unsigned maps."""
    tables: list[tuple[Any, list[Field]]] = [
        *((channel, fields) for channel, (_, fields) in CHANNELS.items()),
        *PLAIN.items(),
    ]
    return [
        {"of": of, "fields": plain(value), "payload": payload(fields, value).hex()}
        for of, fields in tables
        for value in (edge(fields, False), edge(fields, True))
    ]


CERTIFICATE: Case = {
    "issuer": "Tillsign",
    "receiver_id": b"receiver",
    "expires": 1_800_086_400,
    "issued": 1_800_000_000,
    "key": public("receiver"),
    "store": 4711,
    "store_name": "Östra Torget",
    "invoice_issuer": 12,
    "currency": 752,
}
OFFER: Case = {
    "version": 1,
    "sequence": 65,
    "amount": 24_900,
    "currency": 752,
    "till": 7,
    "issued": 1_800_000_100,
    "ttl": 120,
    "ephemeral": x25519_public("ephemeral"),
    "reference": digest(b"bridge01" + b"\0\7" + b"sale-0123456789ab")[:8],
    "kind": 0,
    "original": b"",
}


def purchase(phone: str) -> Case:
    """One whole purchase, each message bound to the ones before it, and every name made of them."""
    certificate = message("certificate", CERTIFICATE, b"\1\1", "authority 1")
    offer = message("offer", OFFER, digest(certificate)[:8], "receiver")
    credential_value = {
        "expires": 1_800_259_200,
        "not_before": 1_800_000_000,
        "id": b"cred0001",
        "key": public(phone),
        "offline_floor": 0,
        "recipient": 100_200,
        "least_app": 3,
    }
    credential = message("credential", credential_value, b"\2\1", "authority 2")
    enc = x25519_public("enc")
    context = digest(certificate) + digest(offer) + enc + digest(credential)
    approval_value = {
        "version": 1,
        "counter": 9,
        "amount": 24_900,
        "currency": 752,
        "recipient": 100_200,
        "time": 1_800_000_108,
        "app": 4,
        "proof": digest(b"proof")[:16],
    }
    approval = message("approval", approval_value, b"", phone, context)
    content = payload(SIGNED["approval"][2], approval_value)
    approval_id = digest(structure("approval", cbor2.dumps({1: alg(phone)}), content, context))[:16]
    receipt_value = {
        "version": 1,
        "outcome": 1,
        "approval_id": approval_id,
        "amount": 24_900,
        "currency": 752,
        "transaction_id": digest(b"transaction")[:16],
        "time": 1_800_000_109,
        "store": 4711,
        "till": 7,
        "reason": 0,
    }
    receipt = message("receipt", receipt_value, b"\3\1", "authority 3")
    record_value = {
        "certificate_hash": digest(certificate),
        "offer": offer,
        "enc": enc,
        "credential": credential,
        "approval": approval,
        "mode": 0,
        "accepted": 1_800_000_109,
    }
    made = {
        "certificate": certificate,
        "offer": offer,
        "enc": enc,
        "credential": credential,
        "approval": approval,
        "receipt": receipt,
        "record": payload(PLAIN["record"], record_value),
        "certificate_hash": digest(certificate),
        "session": digest(offer),
        "tag": digest(offer)[:3],
        "context": context,
        "approval_id": approval_id,
        "reference": OFFER["reference"],
        "bridge_id": b"bridge01",
    }
    return {
        "phone": phone,
        **{name: data.hex() for name, data in made.items() if isinstance(data, bytes)},
        "match_code": f"{int.from_bytes(digest(offer), 'big') % 100:02d}",
        "till": 7,
        "sale_id": "sale-0123456789ab",
        "time": 1_800_000_109,
    }


# What must be refused.


def spoilt(fields: list[Field], value: Case) -> dict[str, bytes]:
    """Encodings of the map with one thing wrong; each is refused as malformed."""
    pairs = pairs_of(fields, value)
    good = encoded(pairs)
    cases = {
        "not a map": cbor2.dumps(list(pairs.values())),
        "nothing": b"",
        "trailing byte": good + b"\0",
        "extra key": encoded({**pairs, 23: 0}),
        "map head in a long form": b"\xb8" + bytes([len(pairs)]) + good[1:],
        "indefinite map": b"\xbf" + good[1:] + b"\xff",
        "tagged": b"\xc1" + good,
    }
    if not pairs:
        return cases
    first = fields[0][0]
    cases |= {
        "an empty map": b"\xa0",
        "cut short": good[:-1],
        "another key": encoded(
            {**{at: pairs[at] for at in pairs if at != first}, 23: pairs[first]}
        ),
        "key in a long form": good[:1] + b"\x18" + good[1:],
    }
    if len(pairs) > 1:
        backwards = sorted(pairs, key=cbor2.dumps, reverse=True)
        cases["keys backwards"] = cbor2.dumps({at: pairs[at] for at in backwards})
        twice = encoded({first: pairs[first]})[1:] + good[1:]
        cases["key twice"] = bytes([good[0] + 1]) + twice
    for at, name, kind, low, high in fields:
        if at not in pairs:
            cases[f"{name} in a purchase"] = encoded({**pairs, at: bytes(high)})
            cases[f"a refund without {name}"] = encoded({**pairs, at - 1: 1})
            continue
        cases[f"{name} missing"] = encoded({k: v for k, v in pairs.items() if k != at})
        for why, wrong in wrongs(kind, low, high, value[name]).items():
            cases[f"{name}: {why}"] = encoded({**pairs, at: wrong})
    return cases


def wrongs(kind: str, low: int, high: int, good: Any) -> dict[str, Any]:
    """Values that a field of this kind does not take."""
    if kind in PUT:
        return {**wrong_keys(good), **(wrong_points() if kind == "phone cnf" else P256_KEY)}
    if kind == "uint":
        wrong: Case = {"true": True, "text": "1", "bytes": b"\1", "null": None, "float": 1.0}
        return {**wrong, "negative": -1, "too large": high + 1} | (
            {"too small": low - 1} if low else {}
        )
    make = (lambda size: "x" * size) if kind == "text" else (lambda size: bytes(size))
    other: Case = {"bytes": b"x" * low} if kind == "text" else {"text": "x" * low}
    wrong = {**other, "number": 1, "array": [], "too long": make(high + 1)}
    return wrong | ({"too short": make(low - 1)} if low else {})


def wrong_keys(good: bytes) -> Case:
    """Confirmation claims with anything but one Ed25519 key in its one spelling."""
    return {
        "bare bytes": good,
        "empty": {},
        "no key": {1: {}},
        "EC2": {1: {1: 2, -1: 1, -2: good, -3: good}},
        "X25519": {1: {1: 1, -1: 4, -2: good}},
        "true for 1": {1: {1: True, -1: 6, -2: good}},
        "no curve": {1: {1: 1, -2: good}},
        "with a kid": {1: {1: 1, 2: b"kid", -1: 6, -2: good}},
        "with alg": {1: {1: 1, 3: -19, -1: 6, -2: good}},
        "under another member": {3: {1: 1, -1: 6, -2: good}},
        "two members": {1: {1: 1, -1: 6, -2: good}, 3: b""},
        "31 bytes": cnf(good[:31]),
        "33 bytes": cnf(good + b"\0"),
        "text": cnf("x" * 32),
    }


def wrong_points() -> Case:
    """The same for what comes near a P-256 key in its one spelling."""
    x = public(EVEN)[1:]
    return {
        "P-256 without y": {1: {1: 2, -1: 1, -2: x}},
        "y in full": {1: {1: 2, -1: 1, -2: x, -3: x}},
        "0 for false": {1: {1: 2, -1: 1, -2: x, -3: 0}},
        "P-384": {1: {1: 2, -1: 2, -2: x, -3: False}},
        "OKP with y": {1: {1: 1, -1: 6, -2: x, -3: False}},
        "x of 31 bytes": {1: {1: 2, -1: 1, -2: x[:31], -3: False}},
        "x of 33 bytes": {1: {1: 2, -1: 1, -2: x + b"\0", -3: False}},
        "P-256 with a kid": {1: {1: 2, 2: b"kid", -1: 1, -2: x, -3: False}},
    }


def invalid_cases() -> list[Case]:
    tables: list[tuple[Any, list[Field]]] = [
        *((kind, fields) for kind, (_, _, fields) in SIGNED.items()),
        *((channel, fields) for channel, (_, fields) in CHANNELS.items()),
        *((f"unsigned {of}", fields) for of, fields in PLAIN.items()),
    ]
    return [
        {"of": of, "why": why, "payload": data.hex()}
        for of, fields in tables
        for largest in (False, True)
        if not largest or any(kind == "refund" for _, _, kind, _, _ in fields)
        for why, data in spoilt(fields, edge(fields, largest)).items()
    ]


def refused_cases() -> list[Case]:
    """Whole messages that parsing refuses, and why; `state` is what is expected."""
    role, _, fields = SIGNED["state"]
    value = edge(fields, False)
    good = message("state", value, bytes([role, 1]), "authority 4")
    cases = {
        "signed as a receipt's issuer": (
            message("state", value, b"\3\1", "authority 3"),
            "wrong_role",
        ),
        "role of nobody": (message("state", value, b"\x63\1", "authority 4"), "wrong_role"),
        "no kid": (message("state", value, b"", "authority 4"), "malformed"),
        "kid of one byte": (message("state", value, b"\4", "authority 4"), "malformed"),
        "unpinned epoch": (message("state", value, b"\4\2", "authority 4"), "unknown_issuer"),
        "another's signature": (message("state", value, b"\4\1", "authority 3"), "bad_signature"),
        "in another context": (
            message("state", value, b"\4\1", "authority 4", b"x"),
            "bad_signature",
        ),
        "last bit of the signature": (good[:-1] + bytes([good[-1] ^ 1]), "bad_signature"),
        "another message's content": (
            cbor2.dumps([cbor2.loads(good)[0], {}, b"\xa0", cbor2.loads(good)[3]]),
            "malformed",
        ),
        "tagged": (b"\xd2" + good, "malformed"),
        "trailing byte": (good + b"\0", "malformed"),
        "over the limit": (bytes(2049), "oversize"),
    }
    return [
        {"why": why, "reason": reason, "message": data.hex()}
        for why, (data, reason) in cases.items()
    ]


def main() -> None:
    """One case a line, so that a change can be read."""
    names = [*(f"authority {role}" for role in range(1, 5)), "receiver"]
    names += ["offer", "provisional", KEYS[32], *PHONES]
    parts = [f'"keys": {json.dumps({name: public(name).hex() for name in names})}']
    for title, cases in (
        ("purchases", [purchase(phone) for phone in PHONES]),
        ("signed", signed_cases()),
        ("maps", map_cases()),
        ("invalid", invalid_cases()),
        ("refused", refused_cases()),
    ):
        lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
        parts.append(f'"{title}": [\n{lines}\n]')
    Path(__file__).with_name("messages.json").write_text("{" + ",\n".join(parts) + "}\n")


if __name__ == "__main__":
    main()
