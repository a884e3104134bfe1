"""What a technician does with a receiver besides its enrolment: read it, reset it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from firmware.tools.board_line import BoardLine, BoardLineError
from receiver.errors import Error
from receiver.link import service_wire
from receiver.protocol import messages, signed

from .label import Label

if TYPE_CHECKING:
    from receiver.link.service_wire import Identity

    from .procedure import Told

LOOK_S = 0.3  # between two looks at the button
HOLD_S = 60.0  # for a person who has to find the button first


async def identity(url: str) -> Identity:
    """Return what is not secret of a board's store, and let it sell again."""
    async with BoardLine(url) as line:
        await line.into_service()
        found = await _read(line)
        await line.restart(service=False)
        return found


async def reset(url: str, told: Told) -> bytes:
    """Erase a board's keys once its button is held; return the receiver id that it had."""
    async with BoardLine(url) as line:
        told.step("bring the board into service mode")
        await line.into_service()
        found = await _read(line)
        told.step("hold the board's button now, until this says that it is done")
        try:
            async with asyncio.timeout(HOLD_S):
                await _held(line)
        except TimeoutError:
            raise BoardLineError(
                f"the button was not held within {HOLD_S:g} s: nothing was erased, run this again"
            ) from None
        await line.ask(
            service_wire.FACTORY_RESET, service_wire.FactoryReset(), service_wire.IDENTITY
        )
    return _receiver_id(found.certificate)


def label_of(certificate: bytes, till: int) -> Label:
    """Return the label of a receiver with this certificate; raises BoardLineError."""
    try:
        value = signed.parse(messages.CERTIFICATE, certificate).value
    except Error as error:
        said = "the board is not enrolled" if not certificate else f"no certificate: {error.detail}"
        raise BoardLineError(said) from error
    return Label(value.store, value.store_name, till, value.receiver_id)


async def _held(line: BoardLine) -> None:
    """Wait until the board says that its button is held."""
    while True:
        if (await _read(line)).button:
            return
        await asyncio.sleep(LOOK_S)


async def _read(line: BoardLine) -> Identity:
    found: Identity = await line.ask(service_wire.READ, service_wire.Read(), service_wire.IDENTITY)
    return found


def _receiver_id(certificate: bytes) -> bytes:
    """Return the id in a board's certificate; empty for one that has none that can be read."""
    try:
        found: bytes = signed.parse(messages.CERTIFICATE, certificate).value.receiver_id
    except Error:
        return b""
    return found
