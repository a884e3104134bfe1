"""Start firmware from a flash: `micropython flashboot.py FLASH START BLOCKS NVS CUT`.

Mounts the littlefs in the file FLASH as MicroPython's ESP32 port mounts its partition, so that
paths and power cuts are a board's; the host's files are below /host. NVS is a folder, mounted as
/nvs. The file CUT, if it is there, holds a number: at that many writes from now the process is
killed in the middle of one. Runs on MicroPython only.
"""

import os
import sys
import time

BLOCK = 4096
CACHE = 32  # MicroPython's choice (extmod/vfs_lfs.c)
HOST, NVS = "/host", "/nvs"
ERASED = 0xFF


def count(cut):
    """Count one write; return whether the power goes in it."""
    try:
        with open(HOST + cut) as file:
            left = int(file.read()) - 1
    except OSError:
        return False
    if left > 0:
        with open(HOST + cut, "w") as file:
            file.write(str(left))
        return False
    os.remove(HOST + cut)
    return True


def end():
    """End at once: no handler and no `finally` of the firmware runs."""
    os.system("kill -9 $PPID")


class FlashDevice:
    """The block device of the partition `vfs`."""

    def __init__(self, path, start, blocks, cut):
        self._file = open(path, "r+b")
        self._start = start
        self._blocks = blocks
        self._cut = cut

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(self._start + block * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(self._start + block * BLOCK + offset)
        if count(self._cut):
            self._file.write(memoryview(buffer)[: len(buffer) // 2])
            self._file.flush()
            end()
        self._file.write(buffer)
        self._file.flush()

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return BLOCK
        if operation == 6:
            self.writeblocks(argument, bytes([ERASED]) * BLOCK)
        return 0


class CountedFolder:
    """A folder whose changes count as writes, as those of a board's NVS do.

    It joins paths itself: `VfsPosix` with a root of its own renames a file to itself.
    """

    def __init__(self, place, folder, cut):
        self._place = place
        self._folder = folder
        self._cut = cut

    def mount(self, readonly, mkfs):
        self._place.mount(readonly, mkfs)

    def umount(self):
        self._place.umount()

    def open(self, path, mode):
        if "r" not in mode:
            self._count()
        return self._place.open(self._folder + path, mode)

    def rename(self, old, new):
        self._count()
        self._place.rename(self._folder + old, self._folder + new)

    def remove(self, path):
        self._count()
        self._place.remove(self._folder + path)

    def stat(self, path):
        return self._place.stat(self._folder + path)

    def ilistdir(self, path):
        return self._place.ilistdir(self._folder + path)

    def _count(self):
        if count(self._cut):
            end()


def mount(path, start, blocks, nvs, cut):
    """Mount everything; return whether the flash has a file system."""
    import vfs

    flash = FlashDevice(path, start, blocks, cut)
    first = bytearray(BLOCK)
    flash.readblocks(0, first)
    vfs.umount("/")
    vfs.mount(vfs.VfsPosix("/"), HOST)
    try:
        if all(octet == ERASED for octet in first):
            vfs.VfsLfs2.mkfs(flash, readsize=CACHE, progsize=CACHE, lookahead=CACHE)
        vfs.mount(vfs.VfsLfs2(flash, readsize=CACHE, progsize=CACHE, lookahead=CACHE), "/")
    except OSError:
        return False
    vfs.mount(CountedFolder(vfs.VfsPosix(), nvs, cut), NVS)
    os.chdir("/")
    return True


def main():
    path, start, blocks, nvs, cut = sys.argv[1:]
    sys.path[:] = ["", ".frozen"]
    if not mount(path, int(start), int(blocks), nvs, cut):
        while True:  # as MicroPython's `inisetup` does
            print("The filesystem appears to be corrupted. If you had important data there")
            time.sleep(3)
    try:
        with open("/main.py") as file:
            text = file.read()
    except OSError:  # the prompt of MicroPython, which answers nothing here
        print('MicroPython; Unix port on a simulated board\nType "help()" for more information.')
        print(">>> ", end="")
        while sys.stdin.buffer.read(1):
            pass
        return
    exec(text, {"__name__": "__main__"})


main()
