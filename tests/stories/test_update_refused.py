"""False updates straight to the real firmware, past the bridge, which would refuse them first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest
import pytest_asyncio

from firmware.device import slots
from firmware.tools.board_line import BoardLine, BoardRefusedError
from receiver import reasons
from receiver.crypto import host
from receiver.encoding import schema
from receiver.link import service_wire, wire
from receiver.protocol import enrolment, firmware, pins
from receiver.protocol.signed import ROLE_FIRMWARE, ROLE_RECEIPT
from simulator.authority import Authority
from simulator.hardware.board.board import SimulatedBoard
from simulator.hardware.board.stand_in import BOARD_CLASS
from simulator.world.enrolment import EnrolledReceiver, new_receiver
from tests.support.values import releases
from tests.support.values.releases import KEYS, Firmware
from tests.support.world.simulated import flashed, release

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes, pytest.mark.long]

LEAST = 3  # which its enrolment allows
NEWER = 4
SLOT_B = 2
UP_S = 30.0


def made(number: int = NEWER, board: str = BOARD_CLASS, least: int = 0) -> Firmware:
    return releases.made(number, board=board, least=least)


def other_role() -> bytes:
    """Two keys that sign firmware, under names of those that sign receipts."""
    holders = [key._replace(kid=bytes((ROLE_RECEIPT, key.kid[1]))) for key in KEYS[:2]]
    return made().signed(*holders)


def strangers() -> bytes:
    holders = [key._replace(kid=bytes((ROLE_FIRMWARE, 9 + key.kid[1]))) for key in KEYS[:2]]
    return made().signed(*holders)


def replayed() -> bytes:
    """The manifest of the release that runs."""
    payload = release().payload
    return firmware.join(
        payload, [firmware.sign(payload, key.kid, key.seed, host) for key in KEYS[:2]]
    )


def changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at:][1:]


MANIFESTS: dict[str, tuple[Callable[[], bytes], int]] = {
    "truncated": (lambda: made().signed()[:-1], reasons.MALFORMED),
    "with a byte behind it": (lambda: made().signed() + b"\0", reasons.MALFORMED),
    "half-signed": (lambda: made().signed(KEYS[0]), reasons.TOO_FEW_SIGNATURES),
    "signed by strangers": (strangers, reasons.TOO_FEW_SIGNATURES),
    "signed in another role": (other_role, reasons.WRONG_ROLE),
    "its payload altered": (lambda: changed(made().signed(), 60), reasons.BAD_SIGNATURE),
    "its last signature altered": (lambda: changed(made().signed(), -1), reasons.BAD_SIGNATURE),
    "replayed": (replayed, reasons.NOT_NEWER),
    "older": (lambda: made(0).signed(), reasons.NOT_NEWER),
    "older than the enrolment allows": (lambda: made(LEAST - 1).signed(), reasons.NOT_NEWER),
    "for another board": (lambda: made(board=releases.BOARD).signed(), reasons.WRONG_BOARD),
    "after one that is missing": (lambda: made(least=2).signed(), reasons.TOO_OLD_TO_UPDATE),
}


class Selling(NamedTuple):
    """An enrolled board that runs release 1; `files` as they are before any update."""

    board: SimulatedBoard
    enrolled: EnrolledReceiver
    files: dict[str, bytes]

    async def still_sells(self, line: BoardLine) -> None:
        """Let the board sell: the same receiver with the same firmware, and no other to try."""
        hello = await line.restart(service=False, within_s=UP_S)
        assert (hello.receiver_id, hello.fault) == (self.enrolled.receiver_id, reasons.OK)
        assert hello.firmware_hash.hex() == release().firmware_hash
        found = self.board.flash.files()
        assert {path: found.get(path) for path in self.files} == self.files
        assert not {f"/{slots.NEXT}", f"/{slots.TRIAL}", slot_b("manifest")} & set(found)


def slot_b(name: str) -> str:
    return f"/{slots.ROOTS[SLOT_B]}/{name}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def selling(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Selling]:
    folder = tmp_path_factory.mktemp("board")
    releases.trust(folder / "authority")
    async with Authority(folder / "authority") as authority:
        enrolled = new_receiver(authority, "no client")
    board = flashed(folder)
    value = enrolment.Stored(
        enrolled.seed, enrolled.certificate, pins.encode(enrolled.pins), 7, LEAST
    )
    board.flash.nvs.mkdir()
    place = board.flash.nvs / enrolment.STORED_NAME
    place.write_bytes(schema.encode(enrolment.STORED, value))
    board.flash.pack_nvs()
    files = board.flash.files()
    async with board:
        yield Selling(board, enrolled, files)


@pytest_asyncio.fixture(loop_scope="module")
async def line(selling: Selling) -> AsyncIterator[BoardLine]:
    async with BoardLine(selling.board.url) as line:
        yield line


async def offered(line: BoardLine, manifest: bytes) -> service_wire.Progress:
    await line.into_service()
    order = wire.Blob(manifest)
    found: service_wire.Progress = await line.ask(
        service_wire.UPDATE, order, service_wire.PROGRESS, UP_S
    )
    return found


async def refused(line: BoardLine, channel: int, order: object, answer: int) -> int:
    """Give an order; return the reason for which the board refuses it."""
    with pytest.raises(BoardRefusedError) as caught:
        await line.ask(channel, order, answer, UP_S)
    return caught.value.reason


@pytest.mark.parametrize("name", MANIFESTS)
async def test_a_manifest(selling: Selling, line: BoardLine, name: str) -> None:
    make, reason = MANIFESTS[name]
    await line.into_service()
    order = wire.Blob(make())
    found = await refused(line, service_wire.UPDATE, order, service_wire.PROGRESS)
    assert reasons.name(found) == reasons.name(reason)
    chunk = service_wire.Chunk(0, made().payload[:1])
    found = await refused(line, service_wire.CHUNK, chunk, service_wire.PROGRESS)
    assert found == reasons.WRONG_ORDER, "and no byte of it is taken"
    await selling.still_sells(line)


async def test_altered_files(selling: Selling, line: BoardLine) -> None:
    """They are dropped, and not started."""
    update = made()
    assert (await offered(line, update.signed())).slot == SLOT_B
    false = changed(update.payload, 0)
    await send(line, false[:-1])
    last = service_wire.Chunk(len(false) - 1, false[-1:])
    found = await refused(line, service_wire.CHUNK, last, service_wire.PROGRESS)
    assert found == reasons.WRONG_HASH
    assert await start(line) == reasons.NOT_VERIFIED
    await selling.still_sells(line)
    assert not in_slot_b(selling)


async def test_truncated_files(selling: Selling, line: BoardLine) -> None:
    """They are not started without their last byte; with it they may be."""
    update = made()
    await offered(line, update.signed())
    await send(line, update.payload[:-1])
    assert await start(line) == reasons.NOT_VERIFIED
    await selling.still_sells(line)
    there = (await offered(line, update.signed())).offset
    assert there == len(update.payload) - 1, "it goes on where it was"
    long = service_wire.Chunk(there, update.payload[-1:] + b"\0")
    found = await refused(line, service_wire.CHUNK, long, service_wire.PROGRESS)
    assert found == reasons.WRONG_OFFSET
    last = service_wire.Chunk(there, update.payload[-1:])
    done = await line.ask(service_wire.CHUNK, last, service_wire.PROGRESS, UP_S)
    assert done.verified
    assert slot_b("manifest") in in_slot_b(selling)
    await offered(line, made(NEWER + 1).signed())  # which takes the place of that one
    await selling.still_sells(line)


def in_slot_b(selling: Selling) -> list[str]:
    return [path for path in selling.board.flash.files() if path.startswith(slot_b(""))]


async def send(line: BoardLine, data: bytes) -> None:
    """Send files from their first byte on."""
    for at in range(0, len(data), service_wire.CHUNK_MOST):
        chunk = service_wire.Chunk(at, data[at : at + service_wire.CHUNK_MOST])
        await line.order(service_wire.CHUNK, chunk, UP_S)


async def start(line: BoardLine) -> int:
    """Order the other slot's firmware; return the reason for which it is refused."""
    order = wire.Restart(SLOT_B, 1)
    found = await line.ask(wire.RESTART, order, service_wire.ORDER_REFUSED, UP_S)
    reason: int = found.reason
    return reason
