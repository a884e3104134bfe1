"""Take a firmware release piece by piece into the slot that is not in use (docs/updates.md).

A slot is whole once it has the note `manifest`: it is written last, when everything was read back
and has the hashes of the manifest. Before that the note `manifest.part` names what is being
written, so that the same release goes on where it was interrupted.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons
from receiver.encoding import cose_sign
from receiver.errors import Error
from receiver.link import service_wire as wire
from receiver.protocol import firmware, pins
from receiver.protocol.signed import AUTHORITY_KID_SIZE

if TYPE_CHECKING:
    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job
    from receiver.link.wire import Blob
    from receiver.protocol.firmware import File, Manifest

    from .enrolment import Enrolment
    from .ports import Device, Slots

READ_SIZE = 4096  # bytes between two slices: a block of flash

# What is being written. `size`: of all files together, `offset`: how much of it is there.
Writing = NamedTuple(
    "Writing", [("number", int), ("manifest", "Manifest"), ("size", int), ("offset", int)]
)


class Update:
    """The orders UPDATE and CHUNK: each returns its answer, None for none, or raises."""

    def __init__(self, crypto: Crypto, slots: Slots, device: Device, enrolment: Enrolment) -> None:
        self._crypto = crypto
        self._slots = slots
        self._device = device
        self._enrolment = enrolment
        self._writing: Writing | None = None

    def begin_job(self, order: Blob) -> Job[wire.Progress]:
        """Begin or resume with a signed manifest; tell where to go on."""
        self._writing = None
        stored = self._enrolment.stored()
        if stored is None:
            raise Error(reasons.NOT_ENROLLED, "no keys to check a manifest with")
        keys = pins.decode(stored.pins)
        manifest = yield from firmware.read_job(order.data, keys, self._crypto)
        firmware.judge(
            manifest, self._device.board_class, self._enrolment.release(), stored.least_release
        )
        number = self._slots.target()
        if not number:
            raise Error(reasons.BUSY, "firmware is on trial")
        payload = cose_sign.parse(order.data, AUTHORITY_KID_SIZE).payload
        writing = Writing(number, manifest, firmware.size(manifest), 0)
        offset = self._resumed(writing, payload)
        if offset is None:
            yield from self._prepare_job(writing, payload)
            offset = 0
        self._writing = writing = _at(writing, offset)
        return (yield from self._answer_job(writing))

    def chunk_job(self, order: wire.Chunk) -> Job[wire.Progress | None]:
        """Write the next piece; after the last one verify the whole."""
        writing = self._writing
        if writing is None:
            raise Error(reasons.WRONG_ORDER, "no update has begun")
        end = order.offset + len(order.data)
        if order.offset != writing.offset or end > writing.size:
            raise Error(reasons.WRONG_OFFSET, "%d, not %d" % (order.offset, writing.offset))
        self._writing = None  # until it is written: else UPDATE tells what is there
        self._write(writing, order.data)
        self._writing = writing = _at(writing, end)
        if end < writing.size:
            return None
        return (yield from self._answer_job(writing))

    def _answer_job(self, writing: Writing) -> Job[wire.Progress]:
        verified = writing.offset == writing.size
        if verified:
            self._writing = None
            yield from self._verify_job(writing)
        release = writing.manifest.release
        return wire.Progress(release, writing.number, writing.offset, int(verified), reasons.OK)

    def _resumed(self, writing: Writing, payload: bytes) -> int | None:
        """Return how much of this release the slot has; None if it has another one, or nonsense."""
        number, slots = writing.number, self._slots
        is_whole = payload == slots.note(number, firmware.WHOLE)
        if not is_whole and payload != slots.note(number, firmware.PART):
            return None
        total, is_last = 0, False
        for file in writing.manifest.files:
            there = max(slots.size(number, file.path), 0)
            if there > file.size or (there and is_last):
                return None
            total += there
            is_last = is_last or there < file.size
        return None if is_whole and total != writing.size else total

    def _prepare_job(self, writing: Writing, payload: bytes) -> Job[None]:
        self._slots.drop(writing.number)
        yield
        if self._slots.room() < writing.size:
            raise Error(reasons.NO_ROOM, "%d bytes" % writing.size)
        self._slots.put_note(writing.number, firmware.PART, payload)
        yield

    def _write(self, writing: Writing, data: bytes) -> None:
        """Write `data` at the offset; it may end one file and begin others."""
        begin, view = 0, memoryview(data)
        at = writing.offset
        for file in writing.manifest.files:
            inside = at - begin
            if 0 <= inside < file.size and view:
                piece = view[: file.size - inside]
                self._slots.append(writing.number, file.path, inside, piece)
                at += len(piece)
                view = view[len(piece) :]
            begin += file.size

    def _verify_job(self, writing: Writing) -> Job[None]:
        """Read everything back; make the slot whole, or drop it."""
        number, slots = writing.number, self._slots
        for file in writing.manifest.files:
            if not file.size:
                slots.append(number, file.path, 0, b"")
            if not (yield from self._holds_job(number, file)):
                slots.drop(number)
                raise Error(reasons.WRONG_HASH, file.path)
        if not slots.note(number, firmware.WHOLE):
            slots.rename_note(number, firmware.PART, firmware.WHOLE)

    def _holds_job(self, number: int, file: File) -> Job[bool]:
        total, offset = sha256(), 0
        buffer = bytearray(READ_SIZE)
        view = memoryview(buffer)
        while count := self._slots.read(number, file.path, offset, buffer):
            total.update(view[:count])
            offset += count
            yield
        return offset == file.size and bool(total.digest() == file.hash)


def _at(writing: Writing, offset: int) -> Writing:
    return Writing(writing.number, writing.manifest, writing.size, offset)
