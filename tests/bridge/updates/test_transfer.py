"""The machine of one update against a receiver that answers as a board does: every way it ends."""

from __future__ import annotations

import pytest

from bridge.authority.update_messages import UpdateOutcome
from bridge.updates import update_transfer
from bridge.updates.update_states import OUT_OF_USE, TABLE, UpdateAct, UpdateEvent, UpdatePhase
from bridge.updates.update_transfer import CALLS_MOST, LEAVES_MOST, Message, ProvedRelease, Transfer
from receiver import reasons
from receiver.link import service_wire, wire
from receiver.link.service_wire import CHUNK_MOST, Identity, OrderRefused, Progress
from receiver.protocol import firmware
from tests.support.values import releases
from tests.support.values.releases import BOARD

ID = b"receiver"
OLD, NEW = b"old hash", b"new hash"
FOUND = releases.made(2, files={"a": bytes(range(250)) * 20, "b": b"end"})
RELEASE = ProvedRelease(FOUND.id, FOUND.manifest, FOUND.signed(), FOUND.payload)


def hello(
    fault: int = reasons.OK, hash_: bytes = OLD, cause: int = wire.RESET_PLANNED
) -> wire.ReceiverHello:
    id_ = bytes(8) if fault else ID
    nonce = bytes(16)
    return wire.ReceiverHello(
        1, 1, id_, "board", "micropython", "1.28", "0.1.0", hash_, cause, nonce, fault, 0
    )


SELLING = hello()
SERVICE = hello(reasons.IN_SERVICE)


class Board:
    """What a board holds, and its answers to the machine's orders."""

    def __init__(self, transfer: Transfer, release: int = 1, board: str = BOARD) -> None:
        self.transfer = transfer
        self.release, self.board = release, board
        self.offset = 0
        self.slot = 2
        self.trial = False
        self.chunks: list[int] = []
        self.now = 1_000
        self.heard: list[int] = []
        self.refuses: dict[int, int] = {}  # an order, and for which reason
        self.silent: set[int] = set()
        self.self_test = reasons.OK
        self.bad = False  # the new firmware does not sell

    def play(self, sends: list[Message]) -> None:
        """Answer until the machine waits."""
        todo = list(sends)
        while todo:
            todo += self.answer(todo.pop(0))

    def answer(self, send: Message) -> list[Message]:
        self.now += 10
        self.heard.append(send.channel)
        if send.channel in self.silent:
            return []
        if send.channel in self.refuses:
            refused = OrderRefused(send.channel, self.refuses[send.channel])
            return self.say(service_wire.ORDER_REFUSED, refused)
        if send.channel == wire.RESTART:
            return self.restart(wire.decode(wire.RESTART, send.payload))
        order = service_wire.decode(send.channel, send.payload)
        if send.channel == service_wire.READ:
            release = RELEASE.manifest.release if self.trial else self.release
            identity = Identity(b"", b"", 7, release, 0, self.board, 0)
            return self.say(service_wire.IDENTITY, identity)
        if send.channel == service_wire.UPDATE:
            return self.progress()
        if send.channel == service_wire.SELF_TEST:
            tested = service_wire.Tested(1, 1, 1, 1, 1, 1, 1, 1, self.self_test)
            return self.say(service_wire.TESTED, tested)
        assert send.channel == service_wire.CHUNK
        assert order.offset == self.offset
        self.chunks.append(order.offset)
        assert RELEASE.payload[self.offset :].startswith(order.data)
        self.offset += len(order.data)
        found = self.transfer.delivered(service_wire.CHUNK, self.now)
        return found + (self.progress() if self.offset == len(RELEASE.payload) else [])

    def say(self, channel: int, value: object) -> list[Message]:
        return self.transfer.message(channel, service_wire.encode(channel, value), self.now)

    def progress(self) -> list[Message]:
        verified = self.offset == len(RELEASE.payload)
        said = Progress(2, self.slot, self.offset, int(verified), reasons.OK)
        return self.say(service_wire.PROGRESS, said)

    def restart(self, order: wire.Restart) -> list[Message]:
        self.trial = order.slot == self.slot
        if order.service:
            fault, hash_ = reasons.IN_SERVICE, NEW if self.trial else OLD
            return self.transfer.hello(hello(fault, hash_), self.now)
        sells_new = self.trial and not self.bad
        return self.transfer.hello(hello(hash_=NEW if sells_new else OLD), self.now)

    def late(self) -> None:
        self.now = self.transfer.due
        self.play(self.transfer.expire(self.now))

    def end(self) -> update_transfer.Result:
        assert self.transfer.phase is UpdatePhase.DONE
        assert self.transfer.result is not None
        assert not self.transfer.holds
        return self.transfer.result


@pytest.fixture
def board() -> Board:
    return Board(Transfer({BOARD: RELEASE}))


def test_an_update_from_selling_to_selling(board: Board) -> None:
    board.play(board.transfer.hello(SELLING, board.now))
    assert board.chunks == list(range(0, len(RELEASE.payload), CHUNK_MOST))
    assert board.transfer.phase is UpdatePhase.SETTLING
    assert not board.transfer.holds  # the till may sell on trial
    board.late()
    result = board.end()
    assert (result.outcome, result.reason) == (UpdateOutcome.INSTALLED, reasons.OK)
    assert result.firmware is RELEASE
    assert (result.identity and result.identity.release, result.firmware_hash) == (2, NEW)
    assert board.heard.count(wire.RESTART) == 3  # into service, its own service, to sell


def test_two_chunks_wait_in_the_link(board: Board) -> None:
    """So that the next is there when the line has carried one."""
    board.silent = {service_wire.CHUNK}
    board.play(board.transfer.hello(SERVICE, board.now))
    assert board.heard.count(service_wire.CHUNK) == update_transfer.WINDOW


@pytest.mark.parametrize("at", [1, CHUNK_MOST, CHUNK_MOST + 7, len(RELEASE.payload) - 1])
def test_it_resumes_where_the_receiver_is(board: Board, at: int) -> None:
    board.offset = at
    board.play(board.transfer.hello(SERVICE, board.now))
    assert board.chunks[0] == at
    board.late()
    assert board.end().outcome is UpdateOutcome.INSTALLED


def test_what_is_whole_is_only_started(board: Board) -> None:
    board.offset = len(RELEASE.payload)
    board.play(board.transfer.hello(SELLING, board.now))
    assert board.chunks == []
    board.late()
    assert board.end().outcome is UpdateOutcome.INSTALLED


@pytest.mark.parametrize("again", [SERVICE, SELLING, hello(cause=wire.RESET_POWER)])
@pytest.mark.parametrize(
    "silent", [service_wire.READ, service_wire.UPDATE, service_wire.CHUNK], ids=str
)
def test_a_line_or_power_that_comes_back(
    board: Board, silent: int, again: wire.ReceiverHello
) -> None:
    """In service mode still, or selling: it goes on at the offset that the board has."""
    board.silent = {silent}
    board.play(board.transfer.hello(SELLING, board.now))
    assert board.transfer.holds
    board.silent = set()
    board.play(board.transfer.hello(again, board.now))
    board.late()
    assert board.end().outcome is UpdateOutcome.INSTALLED


@pytest.mark.parametrize("order", [service_wire.READ, service_wire.SELF_TEST])
def test_power_lost_in_the_trial_begins_it_again(board: Board, order: int) -> None:
    board.play(board.transfer.hello(SERVICE, board.now))
    board = Board(Transfer({BOARD: RELEASE}))
    board.offset = len(RELEASE.payload)
    board.play(board.transfer.hello(SERVICE, board.now)[:0])
    sends = board.transfer.hello(SERVICE, board.now)
    while not board.trial:
        board.silent = {order} if board.heard.count(wire.RESTART) else set()
        send, *sends = sends
        sends = [*board.answer(send), *sends]
    board.silent, board.trial = set(), False
    board.play(board.transfer.hello(hello(cause=wire.RESET_POWER), board.now))
    board.late()
    assert board.end().outcome is UpdateOutcome.INSTALLED


def test_power_lost_while_it_settles(board: Board) -> None:
    board.play(board.transfer.hello(SELLING, board.now))
    board.trial = False
    board.play(board.transfer.hello(hello(cause=wire.RESET_BROWN_OUT), board.now))
    board.late()
    assert board.end().outcome is UpdateOutcome.INSTALLED


@pytest.mark.parametrize(
    ("order", "reason", "outcome"),
    [
        (service_wire.UPDATE, reasons.BAD_SIGNATURE, UpdateOutcome.FAILED),
        (service_wire.UPDATE, reasons.NOT_NEWER, UpdateOutcome.FAILED),
        (service_wire.UPDATE, reasons.BUSY, None),
        (service_wire.CHUNK, reasons.NO_ROOM, UpdateOutcome.FAILED),
        (service_wire.CHUNK, reasons.WRONG_HASH, UpdateOutcome.FAILED),
        (service_wire.READ, reasons.STORE_FAILED, UpdateOutcome.FAILED),
        (service_wire.SELF_TEST, reasons.STORE_FAILED, UpdateOutcome.WENT_BACK),
    ],
)
def test_what_it_refuses_ends_the_update(
    board: Board, order: int, reason: int, outcome: UpdateOutcome | None
) -> None:
    board.refuses = {order: reason}
    board.play(board.transfer.hello(SELLING, board.now))
    result = board.end()
    assert (result.outcome, result.reason) == (outcome, reason)
    assert board.heard[-1] == wire.RESTART  # it sells again at once


def test_a_self_test_that_fails(board: Board) -> None:
    board.self_test = reasons.STORE_FAILED
    board.play(board.transfer.hello(SELLING, board.now))
    result = board.end()
    assert (result.outcome, result.reason) == (UpdateOutcome.WENT_BACK, reasons.STORE_FAILED)


def test_firmware_that_does_not_sell_goes_back(board: Board) -> None:
    board.bad = True
    board.play(board.transfer.hello(SELLING, board.now))
    assert board.end().outcome is UpdateOutcome.WENT_BACK


def test_firmware_that_sells_and_crashes_goes_back(board: Board) -> None:
    board.play(board.transfer.hello(SELLING, board.now))
    board.play(board.transfer.hello(hello(cause=wire.RESET_WATCHDOG), board.now))
    assert board.end().outcome is UpdateOutcome.WENT_BACK


def test_a_loader_that_goes_back_at_once(board: Board) -> None:
    """The new firmware's service mode never comes up: the old one's does."""
    board.play(board.transfer.hello(SELLING, board.now)[:0])
    board.slot = 1
    transfer = board.transfer
    board.silent = {wire.RESTART}
    board.play(transfer.hello(SERVICE, board.now))
    assert transfer.phase is UpdatePhase.STARTING
    board.silent = set()
    board.play(transfer.hello(SERVICE, board.now))
    assert board.end().outcome is UpdateOutcome.WENT_BACK


@pytest.mark.parametrize(
    ("release", "board_class", "reason"),
    [
        (1, "esp32s3-littlefs", reasons.WRONG_BOARD),
        (3, BOARD, reasons.NOT_NEWER),
        (2, BOARD, reasons.OK),
    ],
)
def test_a_release_that_is_not_for_it(release: int, board_class: str, reason: int) -> None:
    board = Board(Transfer({BOARD: RELEASE}), release, board_class)
    board.play(board.transfer.hello(SELLING, board.now))
    result = board.end()
    assert (result.outcome, result.reason) == (None, reason)
    assert result.identity is not None
    assert service_wire.UPDATE not in board.heard


def test_a_board_too_old_for_the_release() -> None:
    found = releases.made(5, least=3)
    release = ProvedRelease(found.id, found.manifest, found.signed(), found.payload)
    board = Board(Transfer({BOARD: release}))
    board.play(board.transfer.hello(SELLING, board.now))
    assert board.end().reason == reasons.TOO_OLD_TO_UPDATE


@pytest.mark.parametrize("order", [service_wire.READ, service_wire.UPDATE, service_wire.CHUNK])
def test_a_cancelled_update_sells_at_once(board: Board, order: int) -> None:
    board.silent = {order}
    board.play(board.transfer.hello(SELLING, board.now))
    board.play(board.transfer.cancel(reasons.CASHIER_CANCELLED, board.now))
    result = board.end()
    assert (result.outcome, result.reason) == (None, reasons.CASHIER_CANCELLED)


def test_what_is_on_trial_is_not_cancelled(board: Board) -> None:
    board.play(board.transfer.hello(SELLING, board.now))
    assert board.transfer.cancel(reasons.CASHIER_CANCELLED, board.now) == []
    board.late()
    assert board.end().outcome is UpdateOutcome.INSTALLED


@pytest.mark.parametrize("phase", [one for one in UpdatePhase if one is not UpdatePhase.DONE])
def test_silence_ends_every_phase(phase: UpdatePhase) -> None:
    """Whatever the receiver does not say, the update ends, and in bounded time."""
    transfer = Transfer({BOARD: RELEASE})
    transfer.phase = phase
    for _ in range(CALLS_MOST + LEAVES_MOST + 2):
        if transfer.result is None:
            transfer.expire(transfer.due)
    assert transfer.result is not None
    assert transfer.expire(transfer.due) == []


def test_nothing_is_sent_before_the_time_is_over(board: Board) -> None:
    board.silent = {service_wire.READ}
    board.play(board.transfer.hello(SELLING, board.now))
    assert board.transfer.expire(board.transfer.due - 1) == []


def test_progress_of_another_release_changes_nothing(board: Board) -> None:
    board.silent = {service_wire.UPDATE}
    board.play(board.transfer.hello(SELLING, board.now))
    assert board.say(service_wire.PROGRESS, Progress(9, 1, 0, 1, 0)) == []
    assert board.transfer.phase is UpdatePhase.OFFERING


def test_an_offset_behind_the_end_is_refused(board: Board) -> None:
    board.silent = {service_wire.UPDATE}
    board.play(board.transfer.hello(SELLING, board.now))
    offset = len(RELEASE.payload) + 1
    board.play(board.say(service_wire.PROGRESS, Progress(2, 1, offset, 0, 0)))
    assert board.end().reason == reasons.WRONG_OFFSET


def test_the_table_is_closed() -> None:
    assert set(TABLE) == set(UpdatePhase)
    used = {event for row in TABLE.values() for event in row}
    assert used == set(UpdateEvent)
    acts = {act for row in TABLE.values() for _, act in row.values()}
    assert acts == set(UpdateAct)
    assert set(update_transfer.PATIENCE_MS) == set(UpdatePhase) - {UpdatePhase.DONE}
    for phase in set(UpdatePhase) - {UpdatePhase.DONE}:
        assert {UpdateEvent.LATE, UpdateEvent.SELLS} <= set(TABLE[phase])
    assert set(UpdatePhase) > OUT_OF_USE


def test_chunks_fit_the_links_queue_twice() -> None:
    from receiver.link.arq import QUEUE_ENTRY, QUEUE_MAX

    chunk = service_wire.Chunk(0xFFFFFFFF, bytes(CHUNK_MOST))
    longest = len(service_wire.encode(service_wire.CHUNK, chunk)) + QUEUE_ENTRY
    assert update_transfer.WINDOW * longest <= QUEUE_MAX
    assert firmware.MANIFEST_MOST + QUEUE_ENTRY <= QUEUE_MAX
