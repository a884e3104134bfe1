"""One board in its boot loader, through esptool's library. Every call blocks; raises FlashError."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import md5
from typing import TYPE_CHECKING

import esptool
import serial
from esptool import cmds

from . import esptool_log
from .errors import LOST, NO_ANSWER, NO_PORT, NOT_VERIFIED, PORT_BUSY, FlashError
from .plan import Found

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from .esptool_log import Progress
    from .partitions import Segment

FAST_BAUD = 460_800  # what every USB-UART bridge of these boards keeps
ROM_BAUD = 115_200
ATTEMPTS = 3  # of the reset sequence: a board that does not enter by then needs its button
_PSRAM = re.compile(r"Embedded PSRAM(?: (\d+)MB)?")
_FAMILIES_WITH_PSRAM = ("esp32s3",)  # whose eFuses tell of all there is; a WROVER's do not
_HANDLERS = "firmware.tools.flash.urlhandler"


class BootLoader:
    """A context manager: the board is in its boot loader until the end, and then starts anew."""

    def __init__(self, port: str, baud: int = FAST_BAUD) -> None:
        self._port = port
        self._baud = baud

    def __enter__(self) -> Self:
        esptool_log.hear(None)
        if _HANDLERS not in serial.protocol_handler_packages:
            serial.protocol_handler_packages.insert(0, _HANDLERS)
        with _told(self._port, NO_ANSWER):
            loader = esptool.detect_chip(self._port, ROM_BAUD, connect_attempts=ATTEMPTS)
            self._esp = loader
        try:
            with _told(self._port, LOST):
                self._esp = cmds.run_stub(loader)
                if self._baud != ROM_BAUD:
                    self._esp.change_baud(self._baud)
                cmds.attach_flash(self._esp)
                self.found = self._look()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(FlashError), _told(self._port, LOST):
            cmds.reset_chip(self._esp, "hard-reset")
        self._close()

    @property
    def mac(self) -> str:
        with _told(self._port, LOST):
            return ":".join(f"{octet:02x}" for octet in self._esp.read_mac())

    def holds(self, segment: Segment) -> bool:
        """Return whether the flash has these bytes already, by the MD5 that the chip computes."""
        with _told(self._port, LOST):
            found = self._esp.flash_md5sum(segment.address, len(segment.data))
        return str(found) == md5(segment.data, usedforsecurity=False).hexdigest()

    def write(self, segment: Segment, progress: Progress | None = None) -> None:
        """Write a segment, and compare what the chip then has."""
        esptool_log.hear(progress)
        with _told(self._port, LOST):
            cmds.write_flash(self._esp, [(segment.address, segment.data)])
        esptool_log.hear(None)
        if not self.holds(segment):
            raise FlashError(
                NOT_VERIFIED,
                f"{self._port}: the flash does not keep {segment.name} at {segment.address:#x}: "
                "try again with --baud 115200; the board may be broken",
            )

    def read(self, size: int, progress: Progress | None = None) -> bytes:
        """Return the first bytes of the flash."""
        esptool_log.hear(None)

        def told(done: int, total: int, _: int) -> None:
            if progress:
                progress(done, total)

        with _told(self._port, LOST):
            return bytes(self._esp.read_flash(0, size, told))

    def erase(self) -> None:
        with _told(self._port, LOST):
            self._esp.erase_flash()

    def _look(self) -> Found:
        chip = self._esp.CHIP_NAME.lower().replace("-", "")
        size = cmds.detect_flash_size(self._esp) or "0MB"
        flash_mb = int(size.removesuffix("MB")) if size.endswith("MB") else 0
        said = next(filter(None, map(_PSRAM.search, self._esp.get_chip_features())), None)
        if said:
            return Found(chip, flash_mb, int(said[1]) if said[1] else None)
        return Found(chip, flash_mb, 0 if chip in _FAMILIES_WITH_PSRAM else None)

    def _close(self) -> None:
        with suppress(OSError, serial.SerialException):
            self._esp._port.close()


@contextmanager
def _told(port: str, code: str) -> Iterator[None]:
    """Turn what esptool, pyserial and drivers raise into a FlashError."""
    try:
        yield
    except (esptool.FatalError, serial.SerialException, OSError) as error:
        text = str(error).split("\nFor troubleshooting")[0].strip()
        if "busy or doesn't exist" in text:
            code = PORT_BUSY if "busy" in text.partition("\n")[2] or "lock" in text else NO_PORT
            raise FlashError(code, f"{port} cannot be opened: {text.splitlines()[1]}") from error
        if code == NO_ANSWER:
            raise FlashError(
                code,
                f"{port}: the chip does not enter its boot loader ({text}): hold the button BOOT "
                "while you press RESET, then run the command again",
            ) from error
        raise FlashError(
            LOST,
            f"{port}: the board went away in the middle ({text}): plug it in again and run the "
            "same command, which goes on where it has to",
        ) from error
