"""A workshop: an enrolled receiver on a simulated line and on the air, and no bridge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from receiver.protocol import enrolment
from simulator.authority import Authority
from simulator.hardware.radio.server import Radio
from simulator.hardware.serial_line.client import LineProcess
from simulator.hardware.serial_line.config import Config
from simulator.world.enrolment import EnrolledReceiver, ReceiverFolder, new_receiver
from simulator.world.receiver_command import command


class Workshop(NamedTuple):
    """`url` is the receiver's port."""

    line: LineProcess
    radio: Radio
    enrolled: EnrolledReceiver
    folder: ReceiverFolder

    @property
    def url(self) -> str:
        return self.line.serial

    def hold(self) -> None:
        """Hold the board's button from now on."""
        (self.folder.directory / "button").touch()


@asynccontextmanager
async def workshop(*, blank: bool = False) -> AsyncIterator[Workshop]:
    """One receiver, powered; a blank one was never enrolled."""
    with TemporaryDirectory(prefix="tillsign-") as name:
        directory = Path(name)
        async with Authority(directory / "authority") as authority, Radio() as radio:
            enrolled = new_receiver(authority, "no client")
            folder = enrolled.keep_in(directory / "receiver")
            if blank:
                (folder.directory / enrolment.STORED_NAME).unlink()
            place = await radio.receiver(enrolled.receiver_id)
            program = command(folder.directory, place.endpoint)
            config = Config(
                serial=str(directory / "tty"),
                control=str(directory / "control"),
                argv=program.argv,
                log=str(directory / "log"),
                cwd=program.cwd,
                env=program.env,
            )
            async with LineProcess(config) as line:
                yield Workshop(line, radio, enrolled, folder)
