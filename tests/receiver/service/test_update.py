"""Firmware comes piece by piece, and nothing is whole before all of it was read back."""

from __future__ import annotations

import pytest

from receiver.link import service_wire, wire
from receiver.protocol import firmware
from tests.support.machines.service import (
    FILES,
    Board,
    flip,
    install,
    payload_of,
    release,
)

DATA = b"".join(FILES.values())
SIZE = len(DATA)
RELEASE = release(2)


@pytest.fixture
def board() -> Board:
    one = Board().enrolled()
    one.notes[1, firmware.WHOLE] = payload_of(release(1).data)
    return one


def begin(board: Board, data: wire.Blob = RELEASE) -> service_wire.Progress:
    found: service_wire.Progress = board.ask(service_wire.UPDATE, data)
    return found


def test_a_release_is_whole_once_it_was_read_back(board: Board) -> None:
    assert begin(board) == (2, 2, 0, 0, 0)
    assert board.notes[2, firmware.PART] == payload_of(RELEASE.data)
    assert board.send(DATA) == [(2, 2, SIZE, 1, 0)]
    assert {path: data for (slot, path), data in board.files.items() if slot == 2} == FILES
    assert board.notes[2, firmware.WHOLE] == payload_of(RELEASE.data)
    assert (2, firmware.PART) not in board.notes


@pytest.mark.parametrize("size", [1, 7, 1920])
def test_pieces_of_any_size(board: Board, size: int) -> None:
    begin(board)
    assert board.send(DATA, size=size)[-1].verified


@pytest.mark.parametrize("sent", [0, 1000, len(FILES["boot.bin"]), 4000, SIZE - 1])
def test_it_goes_on_where_it_was_interrupted(board: Board, sent: int) -> None:
    begin(board)
    assert board.send(DATA[:sent]) == []
    board.boot()
    assert begin(board) == (2, 2, sent, 0, 0)
    assert board.send(DATA, sent)[-1].verified


def test_an_answer_that_was_lost_is_given_again(board: Board) -> None:
    begin(board)
    whole = board.send(DATA)
    board.boot()
    assert begin(board) == whole[0]
    board.notes[2, firmware.PART] = board.notes.pop((2, firmware.WHOLE))
    assert begin(board) == whole[0]  # the power went before the last note


def test_another_release_begins_anew(board: Board) -> None:
    begin(board)
    board.send(DATA[:3000])
    assert begin(board, release(3)) == (3, 2, 0, 0, 0)
    assert not board.files


def test_a_damaged_whole_release_is_written_anew(board: Board) -> None:
    begin(board)
    board.send(DATA)
    board.files[2, "boot.bin"] = board.files[2, "boot.bin"][:-1]
    assert begin(board) == (2, 2, 0, 0, 0)
    assert (2, firmware.WHOLE) not in board.notes
    board.send(DATA)
    board.files[2, "boot.bin"] = flip(board.files[2, "boot.bin"])
    assert board.refusal(service_wire.UPDATE, RELEASE) == "wrong_hash"
    assert (2, firmware.WHOLE) not in board.notes


def test_what_is_written_wrongly_is_dropped(board: Board) -> None:
    begin(board)
    board.lies = True
    answer = board.send(DATA)[-1]
    assert answer == (service_wire.CHUNK, 83)
    assert not board.files
    assert begin(board).offset == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (release(2, makers=1), "too_few_signatures"),
        (release(1), "not_newer"),
        (release(2, board_class="esp32-littlefs"), "wrong_board"),
        (release(3, least_release=2), "too_old_to_update"),
        (wire.Blob(RELEASE.data[:-1]), "malformed"),
        (wire.Blob(flip(RELEASE.data)), "bad_signature"),
    ],
)
def test_a_manifest_that_is_refused_changes_nothing(
    board: Board, data: wire.Blob, reason: str
) -> None:
    begin(board)
    board.send(DATA[:2000])
    before = dict(board.files), dict(board.notes)
    assert board.refusal(service_wire.UPDATE, data) == reason
    assert (board.files, board.notes) == before
    chunk = service_wire.Chunk(2000, DATA[2000:3000])
    assert board.refusal(service_wire.CHUNK, chunk) == "wrong_order"


def test_a_board_that_is_not_enrolled_has_no_keys_to_check_with() -> None:
    assert Board().refusal(service_wire.UPDATE, RELEASE) == "not_enrolled"


def test_the_least_release_of_the_enrolment_holds(board: Board) -> None:
    key = board.enrol().key
    board.ask(service_wire.INSTALL, install(key, least_release=4))
    assert board.refusal(service_wire.UPDATE, release(3)) == "not_newer"
    assert begin(board, release(4)).offset == 0


def test_during_a_trial_no_slot_is_free(board: Board) -> None:
    board.slot, board.free_slot = 2, 0
    assert board.refusal(service_wire.UPDATE, RELEASE) == "busy"


def test_a_store_without_room(board: Board) -> None:
    board.space = SIZE - 1
    assert board.refusal(service_wire.UPDATE, RELEASE) == "no_room"
    board.space = SIZE
    assert begin(board).offset == 0
    board.broken = OSError(28, "full")
    chunk = service_wire.Chunk(0, DATA[:1000])
    assert board.refusal(service_wire.CHUNK, chunk) == "no_room"
    board.broken = None
    assert board.refusal(service_wire.CHUNK, chunk) == "wrong_order"
    assert begin(board).offset == 0
    assert board.send(DATA)[-1].verified


@pytest.mark.parametrize("offset", [0, 999, 1001, SIZE])
def test_a_piece_out_of_order(board: Board, offset: int) -> None:
    begin(board)
    board.send(DATA[:1000])
    assert board.refusal(service_wire.CHUNK, service_wire.Chunk(offset, b"x")) == "wrong_offset"
    assert board.send(DATA, 1000)[-1].verified


def test_a_piece_beyond_the_end(board: Board) -> None:
    begin(board)
    board.send(DATA[: SIZE - 10])
    over = service_wire.Chunk(SIZE - 10, bytes(11))
    assert board.refusal(service_wire.CHUNK, over) == "wrong_offset"


def test_a_piece_without_an_update(board: Board) -> None:
    assert board.refusal(service_wire.CHUNK, service_wire.Chunk(0, b"x")) == "wrong_order"


def test_files_may_not_pass_for_notes(board: Board) -> None:
    for path in (firmware.WHOLE, firmware.PART):
        (file, *_) = firmware.decode(payload_of(RELEASE.data)).files
        with pytest.raises(ValueError, match="path"):
            release(2, files=(file._replace(path=path),))
