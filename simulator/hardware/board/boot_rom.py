"""The chip's boot loader as a process: esp32-mock-bootloader on a flash that is a file.

`python -m simulator.hardware.board.boot_rom --flash FILE --chip NAME …` serves one client after the
other on a Unix socket, each with a chip fresh from reset. Writes go to the file at once. The file
named by `--cut` holds a number: at that many writes and erasures from now the power goes, in the
middle of one.
"""

from __future__ import annotations

import argparse
import mmap
import os
import signal
import socket
import struct
import threading
from pathlib import Path

from esp32_mock_bootloader import protocol, registers, server

BLOCK = 4096
SIZE_CODES = {2: 0x15, 4: 0x16, 8: 0x17, 16: 0x18}  # the last byte of a flash's JEDEC id, by MB
# What the ESP32-S3's eFuses say of PSRAM in the package, by MB.
PSRAM_CODES = {0: 0, 2: 2, 4: 4, 8: 1, 16: 3}
ANSWER_S = 5.0  # the mock ends a read whose acknowledgement takes 50 ms, as over a network
S3, S3_FUSES = "esp32s3", 0x60007044  # where its block 1 of eFuses is read


class MappedFlash(server.FlashImage):  # type: ignore[misc]
    """The mock's flash in a file; erases before it writes, as the chip does."""

    def __init__(self, path: Path, cut: Path) -> None:
        file = os.open(path, os.O_RDWR)
        self.data = mmap.mmap(file, 0)
        os.close(file)
        self._cut = cut
        self._at = 0

    def begin_defl(self, payload: bytes) -> None:
        super().begin_defl(payload)
        self._begin(payload, self._defl_offset)

    def begin_plain(self, payload: bytes) -> None:
        super().begin_plain(payload)
        self._begin(payload, self._plain_offset)

    def write_defl_block(self, payload: bytes) -> None:
        if len(payload) < 16 or self._decompressor is None:
            return
        length = struct.unpack_from("<I", payload)[0]
        self._put(self._decompressor.decompress(payload[16 : 16 + length]))

    def write_plain_block(self, payload: bytes) -> None:
        if len(payload) >= 16:
            self._put(payload[16 : 16 + struct.unpack_from("<I", payload)[0]])

    def erase_region(self, offset: int, size: int) -> None:
        self._erase(offset, size)

    def erase_all(self) -> None:
        self._erase(0, len(self.data))

    def _begin(self, payload: bytes, offset: int) -> None:
        self._at = offset
        self._erase(offset, struct.unpack_from("<I", payload)[0])

    def _erase(self, offset: int, size: int) -> None:
        end = min(-(-(offset + size) // BLOCK) * BLOCK, len(self.data))
        start = offset // BLOCK * BLOCK
        if start < end:
            self._store(start, b"\xff" * (end - start))

    def _put(self, data: bytes) -> None:
        data = data[: max(0, len(self.data) - self._at)]
        self._store(self._at, data)
        self._at += len(data)

    def _store(self, start: int, data: bytes) -> None:
        if power_goes(self._cut):
            half = data[: len(data) // 2]
            self.data[start : start + len(half)] = half
            os.kill(os.getpid(), signal.SIGKILL)
        self.data[start : start + len(data)] = data


def power_goes(cut: Path) -> bool:
    """Count one write; return whether the power goes in it."""
    try:
        left = int(cut.read_text()) - 1
    except FileNotFoundError:
        return False
    if left > 0:
        cut.write_text(str(left))
        return False
    cut.unlink()
    return True


def describe(chip: str, mb: int, psram_mb: int, mac: bytes) -> None:
    """Let the mock of this process be one chip: its flash, its eFuses, its address."""
    server._CLIENT_RECV_TIMEOUT = ANSWER_S
    protocol.MOCK_FLASH_ID = protocol.MOCK_FLASH_ID & 0xFFFF | SIZE_CODES[mb] << 16
    registers.mac_bytes_for_chip = lambda _: tuple(mac)
    plain = registers.read_reg_value
    fuses = _psram_fuses(psram_mb) if chip == S3 else {}
    registers.read_reg_value = lambda name, address: plain(name, address) | fuses.get(address, 0)


def _psram_fuses(mb: int) -> dict[int, int]:
    code = PSRAM_CODES[mb]
    return {S3_FUSES + 4 * 4: (code & 3) << 3, S3_FUSES + 4 * 5: (code >> 2) << 19}


def main() -> None:
    parser = argparse.ArgumentParser(prog="simulator.hardware.board.boot_rom", description=__doc__)
    parser.add_argument("--flash", type=Path, required=True)
    parser.add_argument("--cut", type=Path, required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--chip", required=True)
    parser.add_argument("--mb", type=int, choices=SIZE_CODES, required=True)
    parser.add_argument("--psram-mb", type=int, choices=PSRAM_CODES, required=True)
    parser.add_argument("--mac", type=bytes.fromhex, required=True)
    given = parser.parse_args()
    describe(given.chip, given.mb, given.psram_mb, given.mac)
    flash = MappedFlash(given.flash, given.cut)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(given.socket)
        listening.listen(1)
        print("ready", flush=True)
        while True:
            client, _ = listening.accept()
            connection = server.BootloaderConnection(sock=client)
            # It would end a client's session three seconds after the first segment otherwise.
            server.handle_client(
                connection, threading.Event(), given.chip, exit_on_disconnect=True, flash=flash
            )


if __name__ == "__main__":
    main()
