"""One order at a time, and whatever fails is a refusal."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.encoding import cbor
from receiver.link import service_wire, wire
from receiver.service import self_test
from tests.support.machines.service import Board, release

NOTHING = cbor.encode({})
ORDERS = [
    service_wire.READ,
    service_wire.ENROL,
    service_wire.INSTALL,
    service_wire.FACTORY_RESET,
    service_wire.SELF_TEST,
    service_wire.UPDATE,
    service_wire.CHUNK,
]


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.mark.parametrize("channel", ORDERS)
def test_every_order_is_known_and_decoded_strictly(board: Board, channel: int) -> None:
    for payload in (b"", b"\xff", NOTHING + b"\0", cbor.encode({99: 1})):
        said = board.say(channel, payload)
        assert said == service_wire.OrderRefused(channel, reasons.MALFORMED)


def test_answers_and_strangers_are_no_orders(board: Board) -> None:
    for channel in (0, wire.OPEN, service_wire.IDENTITY, service_wire.ORDER_REFUSED, 255):
        said = board.say(channel, NOTHING)
        assert said == service_wire.OrderRefused(channel, reasons.WRONG_TYPE)


def test_a_second_order_is_refused_and_the_first_goes_on(board: Board) -> None:
    orders = board.orders
    orders.handle(service_wire.READ, NOTHING)
    assert orders.busy()
    orders.handle(service_wire.READ, NOTHING)
    busy = orders.poll()
    assert busy is not None
    assert service_wire.decode(*busy).reason == reasons.BUSY
    while orders.busy():
        orders.work()
    answer = orders.poll()
    assert answer is not None
    assert answer[0] == service_wire.IDENTITY


def test_a_host_that_goes_takes_its_order_along(board: Board) -> None:
    board.enrolled()
    board.orders.handle(service_wire.UPDATE, service_wire.encode(service_wire.UPDATE, release(2)))
    board.orders.work()
    board.orders.cancel()
    assert not board.orders.busy()
    assert board.orders.poll() is None
    board.orders.work()  # nothing to do
    assert board.ask(service_wire.UPDATE, release(2)).offset == 0


def test_no_memory_is_a_refusal(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> bool:
        raise MemoryError

    monkeypatch.setattr(board, "held", none)
    assert board.refusal(service_wire.READ, service_wire.Read()) == "out_of_memory"


def test_the_self_test_times_every_part(board: Board) -> None:
    tested = board.ask(service_wire.SELF_TEST, service_wire.SelfTest())
    assert tested.reason == reasons.OK
    assert min(tested[:5]) >= 1
    assert tested[5:8] == (50_000, 20_000, 1)
    assert self_test.STORE_NAME not in board.values


@pytest.mark.parametrize(
    ("part", "wrong", "reason"),
    [
        ("SIGNATURE", bytes(64), "bad_signature"),
        ("PHONE", host.ed25519_public(bytes(32)) + b"\0", "bad_signature"),
        ("SHARED", bytes(32), "bad_key"),
    ],
)
def test_a_wrong_answer_is_found(
    board: Board, monkeypatch: pytest.MonkeyPatch, part: str, wrong: bytes, reason: str
) -> None:
    monkeypatch.setattr(self_test, part, wrong)
    tested = board.ask(service_wire.SELF_TEST, service_wire.SelfTest())
    assert reasons.name(tested.reason) == reason


def test_the_first_failure_is_the_reason(board: Board) -> None:
    board.has_radio = False
    tested = board.ask(service_wire.SELF_TEST, service_wire.SelfTest())
    assert (reasons.name(tested.reason), tested.radio) == ("radio_failed", 0)
    board.broken = OSError(5, "scripted")
    tested = board.ask(service_wire.SELF_TEST, service_wire.SelfTest())
    assert reasons.name(tested.reason) == "store_failed"
