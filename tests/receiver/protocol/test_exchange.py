"""What phone and receiver write to each other."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.protocol import exchange, gatt
from tests.support.values.refusals import reason_of

BODIES = {
    exchange.KEY: bytes(range(32)),
    exchange.CREDENTIAL: b"c" * 181,
    exchange.APPROVAL: b"a" * 146,
    exchange.LEAVE: bytes([exchange.LEAVE_CANCELLED]),
    exchange.RESUME: b"r" * 49,
}


@pytest.mark.parametrize("kind", BODIES)
def test_writes(kind: int) -> None:
    data = bytes([kind]) + BODIES[kind]
    assert exchange.parse(data) == exchange.Write(kind, BODIES[kind])


def test_a_body_is_a_copy() -> None:
    """The radio's buffer is used again."""
    buffer = bytearray([exchange.APPROVAL]) + BODIES[exchange.APPROVAL]
    write = exchange.parse(memoryview(buffer))  # type: ignore[arg-type]
    buffer[:] = bytes(len(buffer))
    assert write == exchange.Write(exchange.APPROVAL, BODIES[exchange.APPROVAL])


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_has_one_length(kind: int) -> None:
    data = bytes([kind]) + BODIES[kind]
    longer = reasons.MALFORMED if len(data) < gatt.EXCHANGE_MOST else reasons.OVERSIZE
    refusals = [reason_of(exchange.parse, each) for each in (data[:1], data[:-1], data + b"\0")]
    assert refusals == [reasons.MALFORMED, reasons.MALFORMED, longer]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes([exchange.KEY]) + bytes(gatt.EXCHANGE_MOST), reasons.OVERSIZE),
        (b"", reasons.WRONG_TYPE),
        *[(bytes([kind]), reasons.WRONG_TYPE) for kind in sorted(set(range(256)) - set(BODIES))],
    ],
    ids=lambda part: f"{part[:1].hex()} {len(part)}" if isinstance(part, bytes) else None,
)
def test_no_write(data: bytes, reason: int) -> None:
    assert reason_of(exchange.parse, data) == reason


@pytest.mark.parametrize("reason", reasons.NAMES)
def test_a_phone_learns_one_of_five(reason: int) -> None:
    kind, code = exchange.refusal(reason)
    assert code == exchange.refusal_code(reason)
    assert kind == exchange.REFUSAL
    assert exchange.RETRY <= code <= exchange.REFUSED


def test_what_each_refusal_says() -> None:
    said = {reason: exchange.refusal(reason)[1] for reason in reasons.NAMES}
    assert said[reasons.BUSY] == said[reasons.EVICTED] == exchange.BUSY
    assert said[reasons.OFFER_EXPIRED] == said[reasons.WITHDRAWN] == exchange.EXPIRED
    assert said[reasons.OLD_APP] == exchange.OLD_APP
    assert said[reasons.LINK_TIMEOUT] == exchange.RETRY
    assert said[reasons.BAD_SIGNATURE] == said[reasons.CREDENTIAL_REVOKED] == exchange.REFUSED


def test_sealed_answers() -> None:
    assert exchange.result(b"receipt") == b"\x05receipt"
    assert exchange.sealed_refusal(b"code") == b"\x06code"


def test_reasons_to_leave() -> None:
    assert exchange.LEAVES[exchange.LEAVE_CANCELLED] == reasons.BUYER_SAID_NO
    assert exchange.LEAVES[exchange.LEAVE_WRONG_TILL] == reasons.WRONG_TILL
