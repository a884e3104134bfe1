"""Ask every serial port who is there, all at once; no board is disturbed or made to forget."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from firmware.tools.board_line import BoardLine, BoardLineError
from receiver import reasons
from receiver.link import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.lines.usb_lookup import Present

WITHIN_S = 6.0  # a board that the opening of its port resets needs some 2 s to its HELLO
PORTS_MOST = 64  # as many as one hub tree of a workshop; each takes a thread while it is opened
_COLUMNS = ("port", "USB serial", "maker", "board", "firmware", "hash", "receiver", "says")


class Answer(NamedTuple):
    """A port, and its board's HELLO; or in `problem` why there is none."""

    port: Present
    hello: wire.ReceiverHello | None
    problem: str

    def value(self) -> dict[str, object]:
        """Return it for programs."""
        port = self.port
        found: dict[str, object] = {
            "port": port.device,
            "serial": port.serial,
            "maker": port.maker,
            "product": port.product,
            "problem": self.problem or None,
        }
        return found | {"hello": hello_value(self.hello) if self.hello else None}

    def row(self) -> tuple[str, ...]:
        """Return it for people, in the order of the columns."""
        port, hello = self.port, self.hello
        place = (port.device, port.serial or "-", port.maker or port.product or "-")
        if hello is None:
            return (*place, "-", "-", "-", "-", self.problem)
        firmware = (hello.firmware, hello.firmware_hash.hex())
        return (*place, hello.board, *firmware, receiver_id(hello) or "-", state(hello))


async def ask(ports: Iterable[Present], within_s: float = WITHIN_S) -> list[Answer]:
    """Return the answer of each port, within this time in all."""
    return list(await asyncio.gather(*(_ask(port, within_s) for port in ports)))


async def _ask(port: Present, within_s: float) -> Answer:
    # A crash's text is for the bridge, which logs it: left, the board keeps it.
    try:
        async with BoardLine(port.device, left=(wire.TRACEBACK,)) as line:
            return Answer(port, await line.up(within_s), "")
    except BoardLineError as error:
        return Answer(port, None, str(error).removeprefix(f"{port.device}: "))


def columns() -> tuple[str, ...]:
    return _COLUMNS


def state(hello: wire.ReceiverHello) -> str:
    """Return in words whether it sells."""
    said = "ready to sell" if receiver_id(hello) else "not enrolled"
    if hello.fault != reasons.OK:
        said = f"fault: {reasons.name(hello.fault)}"
    return f"{said}; {hello.crashes} crashes in a row" if hello.crashes else said


def receiver_id(hello: wire.ReceiverHello) -> str:
    """Return its id in hex, or "" for a board that does not know it."""
    return hello.receiver_id.hex() if any(hello.receiver_id) else ""


def hello_value(hello: wire.ReceiverHello) -> dict[str, object]:
    """Return a HELLO for programs."""
    return {
        "board": hello.board,
        "interpreter": f"{hello.interpreter} {hello.interpreter_version}",
        "firmware": hello.firmware,
        "firmware_hash": hello.firmware_hash.hex(),
        "receiver_id": receiver_id(hello) or None,
        "reset_cause": hello.reset_cause,
        "fault": reasons.name(hello.fault) if hello.fault else None,
        "crashes": hello.crashes,
    }
