"""Runs inside MicroPython: power that goes in every single write of enrolment and update.

The board is a littlefs in memory, as on a chip, with the machines of service mode, their ports and
the loader on it. After each cut it starts anew: it must sell, from whole firmware, and the same
orders must end as they do without a cut.
"""

import gc
import os
import sys
from hashlib import sha256

import vfs

from firmware.device import main as loader
from firmware.device import slots
from firmware.device.ports.directories import Directories
from firmware.device.ports.unix_service import Store
from receiver.crypto import portable
from receiver.crypto.job import finish
from receiver.encoding import cose_sign, schema
from receiver.link import service_wire, wire
from receiver.protocol import enrolment, firmware, messages, pins, signed
from receiver.service.orders import Orders

BLOCK, BLOCKS = 4096, 64
ERASED = b"\xff" * BLOCK
CACHE = 32  # MicroPython's choice (extmod/vfs_lfs.c)
HERE = os.getcwd()
AUTHORITY = sha256(b"authority").digest()
MAKERS = {bytes([5, n]): sha256(b"maker %d" % n).digest() for n in (1, 2, 3)}
PINS = {bytes([1, 1]): portable.ed25519_public(AUTHORITY)}
PINS.update({kid: portable.ed25519_public(seed) for kid, seed in MAKERS.items()})
CHALLENGE = bytes(range(16))
PIECE = 1500  # bytes in one CHUNK: several go into one block


class PowerCut(BaseException):
    pass


class Flash:
    """Blocks that last. The write number `left` is half done; then nothing is written any more."""

    def __init__(self, data, left=0):
        self.data = data
        self.left = left
        self.writes = 0
        self.dead = False

    def readblocks(self, block, buffer, offset=0):
        if self.dead:  # a file of that life is collected, and nothing may be allocated then
            return
        start = block * BLOCK + offset
        buffer[:] = memoryview(self.data)[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        if self.dead:
            return
        self.writes += 1
        start, size = block * BLOCK + offset, len(buffer)
        if self.writes == self.left:
            self.dead, size = True, size // 2
        self.data[start : start + size] = memoryview(buffer)[:size]
        if self.dead:
            raise PowerCut

    def ioctl(self, operation, argument):
        if operation == 4:
            return BLOCKS
        if operation == 5:
            return BLOCK
        if operation == 6:
            self.writeblocks(argument, ERASED)
        return 0


class Device:
    name, board_class = "check", "check-littlefs"
    hardware, firmware_hash = b"chip", bytes(8)
    made = 0

    def clock(self):
        return 0

    def held(self):
        return False

    def start_radio(self):
        return True

    def entropy(self, size):
        Device.made += 1
        return sha256(b"%d" % Device.made).digest()[:size]

    def memory(self):
        return 0, 0


def release(number):
    """A release of four files in two folders: its signed manifest and its bytes."""
    files = {
        "boot.bin": b"boot %d" % number * 40,
        "deep/er/empty.bin": b"",
        "deep/er/long.bin": sha256(b"%d" % number).digest() * 200,
        "last.bin": b"end %d" % number * 500,
    }
    rows = tuple(
        firmware.File(path, len(files[path]), sha256(files[path]).digest()) for path in ORDER
    )
    made = firmware.Manifest(number, 0, Device.board_class, "v%d" % number, bytes(20), rows)
    payload = firmware.encode(made)
    signatures = [firmware.sign(payload, kid, MAKERS[kid], portable) for kid in list(MAKERS)[:2]]
    return firmware.join(payload, signatures), b"".join([files[path] for path in ORDER])


ORDER = ("boot.bin", "deep/er/empty.bin", "deep/er/long.bin", "last.bin")


class Board:
    """One life, from power-up on: `root` is what the loader runs, `service` whether to serve."""

    def __init__(self, flash):
        vfs.umount("/")
        vfs.mount(vfs.VfsLfs2(flash, readsize=CACHE, progsize=CACHE, lookahead=CACHE), "/")
        os.chdir("/")
        self.root = loader.choose()
        self.service = loader.is_ordered()
        sys.path[0] = self.root
        self.slots = Directories(self.root)
        self.store = Store("/nvs")
        self.orders = Orders(portable, self.store, self.slots, Device())

    def ask(self, channel, value):
        """Give an order; return its answer, whatever it is."""
        self.orders.handle(channel, service_wire.encode(channel, value))
        while self.orders.busy():
            self.orders.work()
        answer = self.orders.poll()
        if answer is None:
            return None
        found, payload = answer
        assert found != service_wire.ORDER_REFUSED, service_wire.decode(found, payload)
        return service_wire.decode(found, payload)


def formatted():
    """A new flash with whole firmware in its first slot."""
    flash = Flash(bytearray(BLOCKS * BLOCK))
    vfs.VfsLfs2.mkfs(flash, readsize=CACHE, progsize=CACHE, lookahead=CACHE)
    board = Board(flash)
    os.mkdir("/nvs")
    write_release(board, 1, 1)
    return flash.data


def write_release(board, slot, number):
    manifest, data = release(number)
    payload = cose_sign.parse(manifest, 2).payload
    made = firmware.decode(payload)
    at = 0
    for file in made.files:
        board.slots.append(slot, file.path, 0, data[at : at + file.size])
        at += file.size
    board.slots.put_note(slot, firmware.WHOLE, payload)


def certificate(key):
    value = messages.Certificate("test", bytes(8), 2000, 1000, key, 101, "Torget", 7, 752)
    sign = lambda message: finish(portable.ed25519_sign_job(AUTHORITY, message))  # noqa: E731
    return signed.encode(messages.CERTIFICATE, value, bytes([1, 1]), sign)


def enrol(flash):
    """What a technician does with a board, from service mode on."""
    board = Board(flash)
    order = service_wire.Enrol(CHALLENGE)
    request = signed.parse(enrolment.REQUEST, board.ask(service_wire.ENROL, order).data).value
    install = service_wire.Install(certificate(request.key), pins.encode(PINS), 7, 1)
    echo = board.ask(service_wire.INSTALL, install).data
    assert signed.parse(enrolment.INSTALLED, echo).value.challenge == CHALLENGE


def update(flash):
    """What a bridge does with a receiver, in three starts."""
    board = Board(flash)
    if board.ask(service_wire.READ, ()).release == 2:
        return  # it was settled before the cut
    manifest, data = release(2)
    said = board.ask(service_wire.UPDATE, wire.Blob(manifest))
    assert (said.release, said.slot) == (2, 2)
    while not said or not said.verified:
        offset = said.offset if said else offset + PIECE  # noqa: F821 - of the turn before
        said = board.ask(service_wire.CHUNK, service_wire.Chunk(offset, data[offset:][:PIECE]))
    assert slots.order(2, 1)
    board = Board(flash)
    assert (board.root, board.service) == ("b", True)
    assert slots.order(2, 0)
    board = Board(flash)
    assert (board.root, board.service) == ("b", False)
    slots.settle()


def check_sells(flash, known):
    """A start after the cut, and the one after that, run whole firmware and sell."""
    for _ in range(2):
        board = Board(flash)
        if not board.service:
            break
    assert not board.service
    number = board.slots.running()
    made = firmware.decode(board.slots.note(number, firmware.WHOLE))
    assert made.release in known, made.release
    for file in made.files:
        with open(board.root + "/" + file.path, "rb") as one:
            assert sha256(one.read()).digest() == file.hash, file.path
    stored = board.store.get(enrolment.STORED_NAME)
    if stored:
        schema.decode(enrolment.STORED, stored, enrolment.Stored)
    return stored


def cut_everywhere(before, act, check):
    """Cut the power in each write of `act` in turn; return how many there are."""
    number, data = 0, bytearray(len(before))
    while True:
        number += 1
        gc.collect()
        data[:] = before
        flash = Flash(data, number)
        try:
            act(flash)
        except BaseException:  # also what follows from the cut, while files are closed
            if not flash.dead:
                raise
        if not flash.dead:
            return number - 1
        check(data)


def check_enrolment():
    before = formatted()

    def check(data):
        check_sells(Flash(data), (1,))
        enrol(Flash(data))
        assert check_sells(Flash(data), (1,))

    assert cut_everywhere(before, enrol, check) >= 8


def check_update():
    before = formatted()
    enrol(Flash(before))

    def check(data):
        """The trial is over, or the update is in use: then the authority learns it by READ."""
        assert check_sells(Flash(data), (1, 2))
        update(Flash(data))
        assert check_sells(Flash(data), (2,))
        assert Board(Flash(data)).root == "b"

    assert cut_everywhere(before, update, check) >= 100


try:
    check_enrolment()
    check_update()
finally:
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix("/"), "/")
    os.chdir(HERE)
print(2, "cases")
