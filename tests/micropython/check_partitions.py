"""Runs inside MicroPython: slots that are partitions of the flash, on a stand-in for the chip's."""

import os
from hashlib import sha256

from firmware.device import slots
from firmware.device.ports import partitions
from firmware.device.ports.partitions import BLOCK, IMAGE, Partitions
from receiver.protocol import firmware
from tests.micropython import shared

BLOCKS = 8
IMAGE_BYTES = sha256(b"image").digest() * 700  # five blocks and a half


class Partition:
    """Flash: a bit that is written to 0 becomes 1 by erasing its block alone."""

    def __init__(self, label):
        self.label = label
        self.data = bytearray(b"\xff" * BLOCK * BLOCKS)
        self.erased = []

    def info(self):
        return 0, 16, 0x10000, len(self.data), self.label, False

    def readblocks(self, block, buffer, offset):
        start = block * BLOCK + offset
        buffer[:] = memoryview(self.data)[start : start + len(buffer)]

    def writeblocks(self, block, data, offset):
        start = block * BLOCK + offset
        for n, octet in enumerate(data):
            self.data[start + n] &= octet

    def ioctl(self, order, block):
        assert order == partitions.ERASE
        self.erased.append(block)
        self.data[block * BLOCK : (block + 1) * BLOCK] = b"\xff" * BLOCK


class Chip:
    RUNNING, TYPE_APP = 1, 0

    def __init__(self, running="ota_0"):
        self.running = running
        self.partitions = {label: Partition(label) for label in ("ota_0", "ota_1")}

    def __call__(self, which):
        assert which == self.RUNNING
        return self.partitions.get(self.running) or Partition(self.running)

    def find(self, kind, *, label):
        assert kind == self.TYPE_APP
        return [self.partitions[label]] if label in self.partitions else []


def clean():
    from firmware.device.ports.directories import remove

    for name in ("a", "b", slots.SLOT):
        remove(name)


def write(one, data, offset=0, size=1000):
    for at in range(offset, len(data), size):
        one.append(2, IMAGE, at, memoryview(data)[at : at + size])


def read(one, number, size):
    found, buffer = b"", bytearray(size)
    while count := one.read(number, IMAGE, len(found), buffer):
        found += bytes(buffer[:count])
    return found


def check_an_image_is_written_block_by_block_and_read_back():
    chip = Chip()
    one = Partitions(chip)
    assert (one.running(), one.target()) == (1, 2)
    assert one.room() == BLOCKS * BLOCK
    one.put_note(2, firmware.PART, b"manifest")
    for size in (1, 999, BLOCK, 3 * BLOCK):
        chip.partitions["ota_1"].data[:] = bytes(BLOCK * BLOCKS)  # what was there before
        chip.partitions["ota_1"].erased = []
        write(one, IMAGE_BYTES, size=size)
        assert one.size(2, IMAGE) == len(IMAGE_BYTES)
        assert read(one, 2, 1000) == IMAGE_BYTES
        assert chip.partitions["ota_1"].erased == [0, 1, 2, 3, 4, 5]
    assert chip.partitions["ota_0"].erased == []
    clean()


def check_after_a_start_whole_blocks_count():
    chip = Chip()
    one = Partitions(chip)
    one.put_note(2, firmware.PART, b"manifest")
    write(one, IMAGE_BYTES[: 2 * BLOCK + 500])
    assert one.size(2, IMAGE) == 2 * BLOCK + 500
    again = Partitions(chip)
    assert again.size(2, IMAGE) == 2 * BLOCK
    write(again, IMAGE_BYTES, 2 * BLOCK)
    assert read(again, 2, BLOCK) == IMAGE_BYTES
    again.drop(2)
    assert again.size(2, IMAGE) == -1
    assert again.note(2, firmware.PART) == b""
    clean()


def check_of_a_whole_image_the_manifest_tells_the_size():
    chip = Chip()
    one = Partitions(chip)
    file = firmware.File(IMAGE, len(IMAGE_BYTES), sha256(IMAGE_BYTES).digest())
    payload = firmware.encode(firmware.Manifest(2, 0, "esp32c3-image", "v", bytes(20), (file,)))
    one.put_note(2, firmware.PART, payload)
    write(one, IMAGE_BYTES)
    one.rename_note(2, firmware.PART, firmware.WHOLE)
    assert os.listdir("b") == [firmware.WHOLE]
    again = Partitions(chip)
    assert again.size(2, IMAGE) == len(IMAGE_BYTES)
    assert read(again, 2, BLOCK) == IMAGE_BYTES
    clean()


def check_what_does_not_fit_or_is_no_image():
    one = Partitions(Chip())
    one.put_note(2, firmware.PART, b"manifest")
    for path, offset, size, error in (
        ("boot.py", 0, 1, partitions.ABSENT),
        (IMAGE, BLOCKS * BLOCK, 1, partitions.NO_SPACE),
        (IMAGE, 0, BLOCKS * BLOCK + 1, partitions.NO_SPACE),
    ):
        found = None
        try:
            one.append(2, path, offset, bytes(size))
        except OSError as raised:
            found = raised.errno
        assert found == error, path
    assert one.read(2, "boot.py", 0, bytearray(9)) == 0
    clean()


def check_the_slot_that_may_be_replaced():
    """Neither the one that runs nor the one in use; during a trial there is none."""
    for running, in_use, target in (
        ("ota_0", "", 2),
        ("ota_0", "a", 2),
        ("ota_1", "b", 1),
        ("ota_1", "a", 0),
        ("factory", "", 2),
    ):
        slots.write(slots.SLOT, in_use)
        one = Partitions(Chip(running))
        assert one.target() == target, (running, in_use)
    clean()


shared.run(
    check_an_image_is_written_block_by_block_and_read_back,
    check_after_a_start_whole_blocks_count,
    check_of_a_whole_image_the_manifest_tells_the_size,
    check_what_does_not_fit_or_is_no_image,
    check_the_slot_that_may_be_replaced,
)
