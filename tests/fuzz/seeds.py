"""Valid inputs from the shared vectors: they follow the protocol by themselves."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from receiver.encoding import cose
from receiver.errors import Error
from receiver.link import frames
from receiver.protocol import messages, padding, pins, signed
from tests.fuzz import generate
from tests.support.values.vectors import load

_GENERATED = 8  # where there are no vectors, as many of what `generate` makes
_SIGNATURES = 12  # the rest only takes time: other tests go through them all


@cache
def vectors(name: str) -> Any:
    return load(f"{name}.json")


def cbor() -> list[bytes]:
    return [bytes.fromhex(case["hex"]) for case in vectors("cbor")["valid"]]


def headers() -> list[tuple[int, int]]:
    """Every form of a protected header: algorithm and size of `kid`."""
    return sorted({(case["alg"], len(case["kid"]) // 2) for case in vectors("cose")["valid"]})


def sign1(alg: int, kid_size: int) -> list[bytes]:
    """Signed messages with this form of a header."""
    return [
        bytes.fromhex(case["message"])
        for case in vectors("cose")["valid"]
        if (case["alg"], len(case["kid"]) // 2) == (alg, kid_size)
    ]


def message(kind: signed.Kind, alg: int) -> list[bytes]:
    """Signed messages of a kind; by an algorithm for which there are none, generated ones."""
    every = vectors("messages")["signed"]
    found = [bytes.fromhex(case["message"]) for case in every if case["kind"] == kind.type]
    return [data for data in found if _is_by(data, kind, alg)] or made(generate.message(kind, alg))


def algorithms(kind: signed.Kind) -> list[int]:
    """Whom a kind may be signed by: only phones have a choice."""
    return [cose.ALG_ED25519, cose.ALG_ESP256] if kind is messages.APPROVAL else [cose.ALG_ED25519]


def plain(of: int | str) -> list[bytes]:
    """The maps on a channel, or under a name of `message_vectors.MAPS`."""
    cases = [case["payload"] for case in vectors("messages")["maps"] if case["of"] == of]
    purchases = vectors("messages")["purchases"]
    whole = [purchase[of] for purchase in purchases] if of == "record" else []
    return [bytes.fromhex(data) for data in cases + whole]


def whole_frames() -> list[bytes]:
    return [bytes.fromhex(case["wire"]) for case in vectors("frames")["frames"]]


def streams() -> list[bytes]:
    """Frames among garbage."""
    return [bytes.fromhex(case["wire"]) for case in vectors("frames")["streams"]]


def link_hellos() -> list[bytes]:
    """The payloads of HELLO frames."""
    items = [item for data in whole_frames() for item in frames.Decoder(256).receive(data)]
    return [
        item.payload
        for item in items
        if isinstance(item, frames.Frame) and item.kind == frames.HELLO
    ]


def writes() -> list[bytes]:
    return made(generate.write)


def padded() -> list[bytes]:
    sizes = (padding.CREDENTIAL_PADDED, padding.APPROVAL_PADDED, padding.RESULT_PADDED)
    return [
        padding.pad(bytes(range(length)), size) for size in sizes for length in (0, 1, size - 1)
    ]


def keyrings() -> list[bytes]:
    keys = [bytes.fromhex(key) for key in vectors("messages")["keys"].values() if len(key) == 64]
    rings = [keys[:count] for count in range(len(keys))]
    return [pins.encode({bytes((1, at)): key for at, key in enumerate(ring)}) for ring in rings]


def publics(name: str) -> list[bytes]:
    """Public keys under which a signature of these vectors holds."""
    return sorted({bytes.fromhex(case["public"]) for case in _verified(name)})


def points() -> list[bytes]:
    """Points of Ed25519's curve, also those that can be no key: x = 0."""
    return [*publics("ed25519"), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"]


def signatures(name: str) -> list[bytes]:
    """Public key, signature and message of each signature that holds, in one."""
    return [whole_signature(case) for case in _verified(name)]


def whole_signature(case: dict[str, Any]) -> bytes:
    return bytes.fromhex(case["public"] + case["signature"] + case["message"])


def x25519() -> list[bytes]:
    """Public keys that agree on a secret with any private key."""
    cases = vectors("x25519")["shared"]
    return [bytes.fromhex(case["public"]) for case in cases if case["shared"]][:_SIGNATURES]


def _verified(name: str) -> list[dict[str, str]]:
    return [case for case in vectors(name)["verify"] if case["valid"]][:_SIGNATURES]


def _is_by(data: bytes, kind: signed.Kind, alg: int) -> bool:
    try:
        signed.parse(kind, data, alg)
    except Error:
        return False
    return True


def made(make: Any) -> list[bytes]:
    return [make(Random(number)) for number in range(_GENERATED)]
