"""The radio of a test's phone: this computer's adapter, or a simulated one."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.phone.app.app import Adapter

COMPUTER = "bleak"


def add(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--radio",
        default=COMPUTER,
        metavar="WHICH",
        help=f"{COMPUTER}: this computer's Bluetooth (default), or a simulated radio's endpoint",
    )


class RadioError(Exception):
    """The simulated radio is not there."""


@asynccontextmanager
async def adapter(name: str) -> AsyncIterator[Adapter]:
    """Give the adapter that `--radio` names; raises RadioError where a simulated one is not."""
    from simulator.phone.app.app import ComputerAdapter
    from simulator.phone.transport.bleak_backend import phone_radio

    if name == COMPUTER:
        yield ComputerAdapter()
        return
    async with AsyncExitStack() as stack:
        try:
            radio = await stack.enter_async_context(phone_radio(name))
        except (OSError, ValueError) as error:
            raise RadioError(f"no simulated radio at {name}: {error}") from error
        yield radio
