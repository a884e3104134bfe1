"""One simulated board: a boot loader until reset, the firmware of its flash afterwards."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from signal import SIGKILL

from firmware.tools.package import file_system
from simulator.hardware.interpreter import interpreter
from simulator.hardware.radio.server import Radio
from simulator.processes.child_process import ChildProcess
from simulator.processes.scope import Scope

from .flash import Flash
from .reset_lines import ResetLines, Start
from .serial_server import ROM_BAUD, SerialServer, SimulatedPort
from .stand_in import CHIP
from .uart import Uart

MICROPYTHON = Path(__file__).parents[1] / "micropython"
ROM_TEXT = "ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\nrst:0x1 (POWERON),boot:{}\r\n"
RUNS, LOADS = "0x8 (SPI_FAST_FLASH_BOOT)", "0x0 (DOWNLOAD(USB/UART0))\r\nwaiting for download"
NO_IMAGE = b"invalid header: 0xffffffff\r\n"
LOOP_S = 0.3  # the ROM's watchdog resets a chip that finds no image
PAUSE_S = 0.05  # between the end of the firmware and its next start
POWER = "the power went"


@dataclass(frozen=True)
class BoardConfig:
    """What a board has: its chip, as esptool names it, and its memories in MB."""

    name: str = "board"
    chip: str = CHIP
    flash_mb: int = 4
    psram_mb: int = 0
    rate: int = ROM_BAUD  # of the firmware's UART
    heap: str = "8M"  # of the interpreter; what a chip has is measured on the RISC-V machine

    @property
    def mac(self) -> bytes:
        """An address of no maker's, its own for each name."""
        return b"\x02\x54\x53" + sha256(self.name.encode()).digest()[:3]


class SimulatedBoard(Scope):
    """An async context manager. Its flash, a file in `folder`, outlives it.

    `url` is its port. Without a radio that it shares with phones it has one to itself.
    """

    def __init__(
        self, folder: Path, config: BoardConfig | None = None, radio: Radio | None = None
    ) -> None:
        self.config = config or BoardConfig()
        self.folder = folder
        self.flash = Flash(folder / f"{self.config.name}.flash", self.config.flash_mb)
        self.log = folder / f"{self.config.name}.log"  # what its programs write to standard error
        self.state = Start.HELD
        self.starts = 0  # of firmware
        self.lost_power = asyncio.Event()
        self._radio = radio
        self._cut = folder / f"{self.config.name}.cut"
        self._armed = False  # a cut was ordered since power came on
        self._button = folder / f"{self.config.name}.button"  # there while it is held
        self._socket = folder / f"{self.config.name}.rom"
        self._lines = ResetLines()
        self._timer: asyncio.TimerHandle | None = None
        self._random = random.Random(self.config.name)
        self._work: asyncio.Task[None] | None = None
        self._rom: ChildProcess | None = None
        self._rom_writer: asyncio.StreamWriter | None = None
        self._to_rom = bytearray()  # what came before its socket was open
        self._endpoint = ""

    @property
    def url(self) -> str:
        return f"rfc2217://127.0.0.1:{self.server.number}"

    async def open(self) -> None:
        self.flash.create()
        self._cut.unlink(missing_ok=True)
        self.server = SerialServer(SimulatedPort(self._lines_changed), self._from_host)
        self.uart = Uart(self.config.rate, self._from_firmware, lambda: self.server.has_client)
        self.stack.callback(self.uart.close)
        radio = self._radio
        if radio is None:
            radio = await self.stack.enter_async_context(Radio())
        place = await radio.receiver(sha256(self.config.mac).digest()[:8])
        self._endpoint = place.endpoint
        self.stack.push_async_callback(self._off)
        await self.power_up()

    # Power and reset.

    async def power_up(self) -> None:
        """Give it power; its firmware starts."""
        await self._off()  # a boot loader that took its own power has left its process
        self.lost_power.clear()
        self._armed = self.writes_left() is not None
        self._rom = await self._started_rom()
        await self.server.plug()
        self._start(Start.FIRMWARE)

    async def cut_power(self) -> None:
        """Take its power at once: whatever runs is killed, and the port is gone."""
        await self._off()
        self.lost_power.set()

    def cut_power_at_write(self, number: int) -> None:
        """Take its power in the middle of that write or erasure of flash or NVS, from now on."""
        self._armed = True
        self._cut.write_text(str(number))

    def writes_left(self) -> int | None:
        """Return how many writes are left until the cut; None once it came, or without one."""
        try:
            return int(self._cut.read_text())
        except FileNotFoundError:
            return None

    def hold_button(self, held: bool = True) -> None:
        """Hold the button BOOT, as the firmware sees it, or let it go."""
        if held:
            self._button.touch()
        else:
            self._button.unlink(missing_ok=True)

    def reset(self) -> None:
        """Press the button EN."""
        self._start(Start.FIRMWARE)

    def _lines_changed(self, dtr: bool, rts: bool) -> None:
        self._apply(self._lines.change(dtr, rts, _now()))

    def _lines_expire(self) -> None:
        self._apply(self._lines.expire(_now()))

    def _apply(self, start: Start | None) -> None:
        if start is not None and not self.lost_power.is_set():
            self._start(start)
        if self._timer:
            self._timer.cancel()
        due = self._lines.deadline()
        loop = asyncio.get_running_loop()
        self._timer = None if due is None else loop.call_at(due / 1000, self._lines_expire)

    def _start(self, start: Start) -> None:
        """Let the chip begin anew, once what ran has ended."""
        self.state = start
        before, self._work = self._work, None
        if before:
            before.cancel()
        self._work = asyncio.create_task(self._run(start, before))

    async def _run(self, start: Start, before: asyncio.Task[None] | None) -> None:
        if before:
            with suppress(asyncio.CancelledError):
                await before
        self.uart.clear()
        works: dict[Start, Coroutine[None, None, None]] = {}
        if start is Start.DOWNLOAD:
            works[start] = self._download()
        elif start is Start.FIRMWARE:
            works[start] = self._firmware()
        for work in works.values():
            await work

    async def _off(self) -> None:
        work, self._work = self._work, None
        if self._timer:
            self._timer.cancel()
        if work:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        self.state = Start.HELD
        self.server.unplug()
        rom, self._rom = self._rom, None
        if rom:
            await rom.stop(SIGKILL)

    # The boot loader.

    async def _started_rom(self) -> ChildProcess:
        self._socket.unlink(missing_ok=True)
        config = self.config
        rom = await ChildProcess.start_module(
            "simulator.hardware.board.boot_rom",
            *("--flash", str(self.flash.path), "--cut", str(self._cut)),
            *("--socket", str(self._socket), "--chip", config.chip, "--mac", config.mac.hex()),
            *("--mb", str(config.flash_mb), "--psram-mb", str(config.psram_mb)),
            log=self.log,
        )
        await rom.ready()
        return rom

    async def _download(self) -> None:
        """Carry bytes between the host and the boot loader, until cancelled or without power."""
        self._to_rom.clear()
        self.server.write(ROM_TEXT.format(LOADS).encode() + b"\r\n")
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        self._rom_writer = writer
        try:
            writer.write(self._to_rom)
            while data := await reader.read(65536):
                self.server.write(data)
        except ConnectionError:
            pass
        finally:
            self._rom_writer = None
            writer.close()
        self._powerless()

    def _powerless(self) -> None:
        """Follow a process that took its own power: see `cut_power_at_write`."""
        self.lost_power.set()
        self.server.unplug()

    # The firmware.

    async def _firmware(self) -> None:
        """Run what lies in the flash, again after each end, as a chip does."""
        while True:
            self.uart.say(ROM_TEXT.format(RUNS).encode())
            if not self.flash.has_interpreter:
                self.uart.say(NO_IMAGE)
                await asyncio.sleep(LOOP_S)
                continue
            await self._one_life()
            if self._armed and self.writes_left() is None:
                self._powerless()
                return
            await asyncio.sleep(PAUSE_S)

    async def _one_life(self) -> None:
        """Run the firmware until its process ends; what it stored lies in the flash then."""
        self.flash.unpack_nvs()
        self.starts += 1
        try:
            process = await ChildProcess.start(
                *self._command(),
                stdin=self.uart.terminal.slave,
                stdout=self.uart.terminal.slave,
                log=self.log,
                cwd=str(self.folder),
                env=self._environment(),
            )
            try:
                await process.wait()
            finally:
                await process.stop(SIGKILL)
        finally:
            self.flash.pack_nvs()

    def _command(self) -> list[str]:
        flash = self.flash
        return [
            interpreter(),
            *("-X", f"heapsize={self.config.heap}"),
            str(MICROPYTHON / "flashboot.py"),
            str(flash.path.absolute()),
            str(file_system.START),
            str(flash.blocks),
            str(flash.nvs.absolute()),
            str(self._cut.absolute()),
        ]

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "MICROPYPATH": ".frozen",
            "TILLSIGN_STORE": "/nvs",
            "TILLSIGN_SHIM": f"/host{MICROPYTHON}",
            "TILLSIGN_RADIO": self._endpoint,
            "TILLSIGN_UNIQUE_ID": self.config.mac.hex(),
            "TILLSIGN_BUTTON": f"/host{self._button.absolute()}",
        }

    # Bytes.

    def _from_host(self, data: bytes) -> None:
        if self.state is Start.DOWNLOAD:
            if self._rom_writer:
                self._rom_writer.write(data)
            else:
                self._to_rom += data
        elif self.state is Start.FIRMWARE:
            self.uart.from_host(self._as_heard(data))

    def _from_firmware(self, data: bytes) -> None:
        if self.state is Start.FIRMWARE:
            self.server.write(self._as_heard(data))

    def _as_heard(self, data: bytes) -> bytes:
        """Return what the other end samples: at another rate than the sender's, garbage."""
        if self.server.port.baudrate == self.config.rate:
            return data
        return self._random.randbytes(len(data))


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
