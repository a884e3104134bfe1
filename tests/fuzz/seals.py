"""What opens under a key, as targets: bodies that anyone makes, and what a key holder seals."""

from __future__ import annotations

from collections.abc import Iterator

from receiver.crypto import host, hpke
from receiver.crypto.hpke import Context
from receiver.crypto.job import finish
from receiver.protocol import padding
from receiver.protocol.padding import Results
from tests.fuzz import seeds
from tests.fuzz.target import Target
from tests.support.values import evidence

_PRIVATE = evidence.seed("ephemeral")
_INFO = padding.info(b"offer")


def targets() -> Iterator[tuple[str, Target]]:
    yield "sealed-message", Target(_unseal, _seal, _messages)
    yield "sealed-padding", Target(_unseal_any, _pad, seeds.padded)
    yield "sealed-result", Target(_open, _seal_result, _results)
    yield "sealed-refusal", Target(_open_refusal, lambda code: bytes([code]), lambda: [b"\1"])


def _contexts() -> tuple[Context, Context]:
    """The phone's and the receiver's, both at their first message."""
    public = host.x25519_public(_PRIVATE)
    made = hpke.sender(host, public, _INFO, evidence.seed("phone's ephemeral"))
    assert made is not None
    enc, sender = made
    recipient = finish(hpke.recipient_job(host, enc, _PRIVATE, public, _INFO))
    assert recipient is not None
    return sender, recipient


def _unseal(data: bytes) -> tuple[bytes, int]:
    """A phone's sealed body, as it came from the air: the message, and the size of its padding."""
    _, recipient = _contexts()
    return padding.unseal(recipient, data), len(data) - padding.TAG_SIZE


def _seal(padded: tuple[bytes, int]) -> bytes:
    sender, _ = _contexts()
    return sender.seal(padding.pad(*padded))


def _unseal_any(data: bytes) -> tuple[bytes, int]:
    """Any bytes under a phone's own seal."""
    sender, recipient = _contexts()
    return padding.unseal(recipient, sender.seal(data)), len(data)


def _pad(padded: tuple[bytes, int]) -> bytes:
    return padding.pad(*padded)


def _messages() -> list[bytes]:
    sizes = (padding.CREDENTIAL_PADDED, padding.APPROVAL_PADDED)
    return [_seal((bytes(range(length)), size)) for size in sizes for length in (0, 1, size - 1)]


def _open(data: bytes) -> bytes:
    """A result, as it came from the air."""
    _, recipient = _contexts()
    return Results(host, recipient).open_receipt(data)


def _seal_result(receipt: bytes) -> bytes:
    _, recipient = _contexts()
    return Results(host, recipient).seal_receipt(receipt)


def _results() -> list[bytes]:
    return [_seal_result(bytes(length)) for length in (0, 1, padding.RECEIPT_MOST)]


def _open_refusal(data: bytes) -> int:
    """Any bytes as a refusal under the receiver's own seal."""
    sender, recipient = _contexts()
    body = Results(host, recipient).seal(data)
    return Results(host, sender).open_refusal(body)
