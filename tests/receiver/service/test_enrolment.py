"""A receiver's key and what the authority states about it: all stored at once, or refused."""

from __future__ import annotations

from hashlib import sha256

import pytest

from receiver.crypto import host
from receiver.encoding import schema
from receiver.link import service_wire
from receiver.protocol import enrolment, pins, signed
from receiver.protocol.enrolment import PENDING_NAME, STORED_NAME, Stored
from tests.support.machines.service import (
    CHALLENGE,
    KID,
    PINS,
    TILL,
    Board,
    certificate,
    install,
)
from tests.support.values import evidence

OTHER = bytes(16)


@pytest.fixture
def board() -> Board:
    return Board()


def echo(board: Board, order: service_wire.Install, key: bytes) -> enrolment.Installed:
    data = board.ask(service_wire.INSTALL, order).data
    parsed = signed.parse(enrolment.INSTALLED, data)
    signed.verify(enrolment.INSTALLED, parsed, key, host)
    value: enrolment.Installed = parsed.value
    return value


def test_a_new_board_is_blank(board: Board) -> None:
    assert board.identity == (b"", b"", 0, 0, 0, board.board_class, 0)


def test_a_request_names_the_board(board: Board) -> None:
    request = board.enrol()
    expected = (board.hardware, board.name, board.firmware_hash)
    assert (request.hardware, request.board, request.firmware_hash) == expected
    assert request.challenge == CHALLENGE


def test_the_same_challenge_gets_the_same_key_also_after_a_reset(board: Board) -> None:
    first = board.enrol()
    board.boot()
    assert board.enrol() == first
    assert board.enrol(OTHER).key != first.key


def test_without_a_radio_no_key_is_made(board: Board) -> None:
    board.has_radio = False
    assert board.refusal(service_wire.ENROL, service_wire.Enrol(CHALLENGE)) == "radio_failed"
    assert board.values == {}


def test_an_enrolment_is_one_value_and_its_echo_holds(board: Board) -> None:
    key = board.enrol().key
    order = install(key, least_release=3)
    value = echo(board, order, key)
    hashes = [sha256(data).digest() for data in (order.certificate, order.pins)]
    assert value == (enrolment.VERSION, CHALLENGE, *hashes, TILL, 3)
    stored = schema.decode(enrolment.STORED, board.values[STORED_NAME], Stored)
    assert host.ed25519_public(stored.seed) == key
    assert stored[1:] == order
    assert board.identity[:5] == (order.certificate, order.pins, TILL, 0, 3)
    board.boot()
    assert echo(board, order, key) == value  # the answer was lost, and the order comes again


def test_a_certificate_for_another_key(board: Board) -> None:
    board.enrol()
    other = host.ed25519_public(evidence.seed("another receiver"))
    assert board.refusal(service_wire.INSTALL, install(other)) == "wrong_receiver"
    assert STORED_NAME not in board.values


def test_the_key_of_an_earlier_challenge_is_gone(board: Board) -> None:
    first = board.enrol().key
    board.enrol(OTHER)
    assert board.refusal(service_wire.INSTALL, install(first)) == "wrong_receiver"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pins": pins.encode({})}, "unknown_issuer"),
        ({"pins": b"\xa0\x00"}, "malformed"),
        ({"certificate": b"\xa0"}, "malformed"),
    ],
)
def test_what_does_not_verify(board: Board, changes: dict[str, bytes], reason: str) -> None:
    key = board.enrol().key
    assert board.refusal(service_wire.INSTALL, install(key, **changes)) == reason
    assert STORED_NAME not in board.values


def test_a_forged_certificate(board: Board) -> None:
    key = board.enrol().key
    forged = certificate(key, evidence.seed("thief"))
    assert board.refusal(service_wire.INSTALL, install(key, certificate=forged)) == "bad_signature"


def test_an_enrolled_receiver_moves_within_its_authority(board: Board) -> None:
    board.enrolled()
    key = board.enrol(OTHER).key
    assert echo(board, install(key, till=9), key).challenge == OTHER
    assert board.identity.till == 9


def test_an_enrolled_receiver_keeps_its_key_for_another_till(board: Board) -> None:
    key = board.enrol().key
    board.ask(service_wire.INSTALL, install(key))
    board.enrol(OTHER)  # not put to use
    assert echo(board, install(key, till=9), key).challenge == bytes(16)


def test_another_authority_needs_the_button_first(board: Board) -> None:
    board.enrolled()
    thief = evidence.seed("thief")
    theirs = pins.encode({KID: host.ed25519_public(thief)})
    key = board.enrol(OTHER).key
    order = install(key, pins=theirs, certificate=certificate(key, thief))
    assert board.refusal(service_wire.INSTALL, order) == "bad_signature"
    refused = board.refusal(service_wire.FACTORY_RESET, service_wire.FactoryReset())
    assert refused == "not_held"
    board.pressed = True
    blank = board.ask(service_wire.FACTORY_RESET, service_wire.FactoryReset())
    assert (blank.certificate, blank.pins, blank.till, blank.button) == (b"", b"", 0, 1)
    assert board.values == {}
    key = board.enrol(OTHER).key
    order = install(key, pins=theirs, certificate=certificate(key, thief))
    assert echo(board, order, key)


def test_no_pins_come_in_with_a_certificate_of_the_own_authority(board: Board) -> None:
    """Else a bystander could bring keys for firmware along with the receiver's own certificate."""
    board.enrolled()
    key = board.enrol(OTHER).key
    more = {**PINS, b"\5\x09": host.ed25519_public(evidence.seed("thief"))}
    before = board.values[STORED_NAME]
    refused = board.refusal(service_wire.INSTALL, install(key, pins=pins.encode(more)))
    assert refused == "not_held"
    assert board.values[STORED_NAME] == before


def test_the_least_release_never_falls(board: Board) -> None:
    key = board.enrol().key
    echo(board, install(key, least_release=5), key)
    assert board.refusal(service_wire.INSTALL, install(key, least_release=4)) == "not_newer"
    assert board.identity.least_release == 5


@pytest.mark.parametrize("number", [28, 5])
def test_a_store_that_fails(board: Board, number: int) -> None:
    board.broken = OSError(number, "scripted")
    expected = "no_room" if number == 28 else "store_failed"
    assert board.refusal(service_wire.ENROL, service_wire.Enrol(CHALLENGE)) == expected


def test_a_store_that_keeps_another_value(board: Board) -> None:
    key = board.enrol().key
    board.lies = True
    assert board.refusal(service_wire.INSTALL, install(key)) == "store_failed"


@pytest.mark.parametrize("name", [STORED_NAME, PENDING_NAME])
def test_a_damaged_value_is_not_taken_for_absent(board: Board, name: str) -> None:
    key = board.enrol().key
    board.values[name] = b"damaged"
    assert board.refusal(service_wire.INSTALL, install(key)) == "store_failed"
    assert board.values[name] == b"damaged"
    board.pressed = True
    assert board.ask(service_wire.FACTORY_RESET, service_wire.FactoryReset()).certificate == b""
    board.enrolled()
