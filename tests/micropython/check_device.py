"""Runs inside MicroPython: the Unix port's store, clock and board, and the firmware's hash."""

import os

from firmware.device import version
from firmware.device.ports import unix
from receiver.link import wire

ROOT = __file__.rsplit("/", 3)[0]
FOLDER = 0x4000  # as `ilistdir` says it
PLACE = os.getenv("TMPDIR", "/tmp") + "/tillsign-check-%d" % unix.time.time_ns()


def check_store():
    store = unix.Store(PLACE)
    assert store.get("key") == b""
    store.put("key", bytes(range(256)))
    store.put("sequence", b"\0\0\0\x41")
    assert store.get("key") == bytes(range(256))
    store.put("key", b"new")
    assert unix.Store(PLACE).get("key") == b"new"
    assert sorted(os.listdir(PLACE)) == ["key", "sequence"]  # nothing half-written stays


def check_interrupted_write():
    """A power cut leaves the old value, whole."""
    with open(PLACE + "/key.new", "wb") as file:
        file.write(b"half")
    store = unix.Store(PLACE)
    assert store.get("key") == b"new"
    store.put("key", b"newer")
    assert store.get("key") == b"newer"


def check_store_that_cannot_be_read():
    """It does not look empty."""
    store = unix.Store(PLACE)
    os.mkdir(PLACE + "/folder")
    for broken in (unix.Store(PLACE + "/key"), store):
        try:
            broken.get("folder")
        except OSError:
            continue
        raise AssertionError("read")
    os.rmdir(PLACE + "/folder")


def check_full_disk():
    """A write that fails is noticed, and leaves the old value."""
    full = unix.Store("/dev")
    os.mkdir(PLACE + "/key2.new")
    store = unix.Store(PLACE)
    for broken, name in ((full, "full/x"), (store, "key2")):
        try:
            broken.put(name, b"value")
        except OSError:
            continue
        raise AssertionError("written")
    os.rmdir(PLACE + "/key2.new")
    assert store.get("key2") == b""


def check_reset():
    board = unix.Board()
    assert board.reset_cause() == wire.RESET_POWER
    try:
        board.reset()
    except SystemExit:
        return
    raise AssertionError("it went on")


def check_hash_of_frozen_firmware():
    """The build states it: there are no files."""
    version.FROZEN_HASH = b"builders"
    assert version.measure("/no/such/slot") == b"builders"
    version.FROZEN_HASH = b""


def check_interpreter():
    """Three numbers, and what comes after them."""
    assert version.interpreter().split("-")[0].count(".") == 2


def check_clock():
    clock = unix.Clock()
    before = clock.ms()
    assert 0 <= before <= clock.ms() < 60_000


def check_hash():
    """Every file counts: one byte of it, its name, whether it is there."""
    slot = PLACE + "/slot"
    files = copied(slot)
    first = version.measure(slot)
    assert len(first) == version.HASH_SIZE
    assert version.measure(slot) == first
    for path in files:
        data = content(path)
        for size in {0, len(data) // 2, len(data) - 1} if data else ():
            put(path, data[:size] + bytes([data[size] ^ 1]) + data[size + 1 :])
            assert version.measure(slot) != first, (path, size)
        put(path, data + b"\n")
        assert version.measure(slot) != first, path
        put(path, data)
        os.rename(path, path + "x")
        assert version.measure(slot) != first, path
        os.rename(path + "x", path)
        os.remove(path)
        assert version.measure(slot) != first, path
        put(path, data)
        assert version.measure(slot) == first, path


def check_hash_of_a_release():
    """Its manifest has the hash of every file: its content, and what files are there, count."""
    slot = PLACE + "/slot"
    files = copied(slot)
    manifest = slot + "/manifest"
    put(manifest, b"hash of every file")
    first = version.measure(slot)
    put(manifest, b"hash of other files")
    assert version.measure(slot) != first
    put(manifest, b"hash of every file")
    for path in files:
        data = content(path)
        put(path, data + b"\n")
        assert version.measure(slot) != first, path
        os.remove(path)
        assert version.measure(slot) != first, path
        put(path, data)
    put(slot + "/asyncio.py", b"")
    assert version.measure(slot) != first
    os.remove(slot + "/asyncio.py")
    assert version.measure(slot) == first
    os.remove(manifest)


def check_hash_of_strays():
    """What is no code counts as well, wherever it lies; a cache of CPython's does not."""
    slot = PLACE + "/slot"
    first = version.measure(slot)
    for name in ("/note.txt", "/asyncio.py", "/receiver/.hidden", "/firmware/data.bin"):
        put(slot + name, b"")
        assert version.measure(slot) != first, name
        os.remove(slot + name)
    for name in ("/asyncio", "/firmware/device/empty"):
        os.mkdir(slot + name)
        assert version.measure(slot) != first, name
        os.rmdir(slot + name)
    cache = slot + "/receiver/__pycache__"
    os.mkdir(cache)
    put(cache + "/core.cpython-311.pyc", b"compiled")
    assert version.measure(slot) == first
    delete(cache)


def check_hash_of_moved_content():
    """Bytes that move from one file to the next are another tree, with the same bytes."""
    slot = PLACE + "/two"
    os.mkdir(slot)
    seen = set()
    for first, second in ((b"ab", b"c"), (b"a", b"bc"), (b"", b"abc"), (b"abc/y 0\n", b"")):
        put(slot + "/x", first)
        put(slot + "/y", second)
        seen.add(version.measure(slot))
    assert len(seen) == 4


def check_hash_of_long_files():
    """Longer than what is read at once, and exactly as long."""
    slot = PLACE + "/long"
    os.mkdir(slot)
    seen = set()
    for size in (1023, 1024, 1025, 2048, 5000):
        for last in (b"a", b"b"):
            put(slot + "/x", bytes(size - 1) + last)
            seen.add(version.measure(slot))
    assert len(seen) == 10


def copied(slot):
    """A slot with the device's files; their paths."""
    os.mkdir(slot)
    os.mkdir(slot + "/firmware")
    copies = []
    for package in ("/receiver", "/firmware/device"):
        copy(ROOT + package, slot + package, copies)
    names = [path[len(slot) :] for path in copies]
    for part in ("crypto/kernels", "crypto/twins", "crypto"):
        assert "/receiver/%s/__init__.py" % part in names
    for part in ("boards/esp32c3_devkitm1.py", "lib/typing.py", "ports/esp32.py", "main.py"):
        assert "/firmware/device/" + part in names
    return copies


def copy(source, target, copies):
    os.mkdir(target)
    for entry in os.ilistdir(source):
        name, kind = entry[:2]
        path = target + "/" + name
        if kind == FOLDER and name != "__pycache__":
            copy(source + "/" + name, path, copies)
        elif kind != FOLDER:
            put(path, content(source + "/" + name))
            copies.append(path)


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def delete(folder):
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == FOLDER:
            delete(path)
        else:
            os.remove(path)
    os.rmdir(folder)


def main():
    os.mkdir(PLACE)
    checks = [check_store, check_interrupted_write, check_store_that_cannot_be_read]
    checks += [check_full_disk, check_reset, check_clock, check_hash]
    checks += [check_hash_of_frozen_firmware, check_interpreter]
    checks += [check_hash_of_strays, check_hash_of_moved_content, check_hash_of_long_files]
    try:
        for check in checks:
            check()
    finally:
        delete(PLACE)
    print(len(checks), "cases")


main()
