"""Receivers whose firmware lies: the real files, with single lines replaced."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from firmware.device import version
from firmware.tools.bundle import slot
from simulator.world.receiver_command import BUILT, PACKAGES, ROOT
from tests.support.world.checkout import Checkout


class Lie(NamedTuple):
    """In this file, `honest` (found once) becomes `lie`."""

    file: str
    honest: str
    lie: str


@asynccontextmanager
async def lying(till: Checkout, directory: Path, *lies: Lie) -> AsyncIterator[None]:
    """The checkout's receiver runs lying firmware inside, and afterwards its own again."""
    _forge(directory, lies)
    directory = directory / "built" if BUILT in os.environ else directory
    own = _choose(till, str(directory))
    forged_hello = await till.reset()
    try:
        yield
    finally:
        _choose(till, own)
        own_hello = await till.reset()
    assert forged_hello["firmware_hash"] == version.measure(str(directory)).hex()
    honest = Path(till.world.command.cwd, own)  # the loader's names begin where it starts
    assert own_hello["firmware_hash"] == version.measure(str(honest)).hex()
    assert own_hello["firmware_hash"] != forged_hello["firmware_hash"]


def _forge(directory: Path, lies: tuple[Lie, ...]) -> None:
    """Sources where the other receivers run sources, else what is built of them."""
    is_built = BUILT in os.environ
    sources = directory / "sources" if is_built else directory
    for part in PACKAGES:
        shutil.copytree(ROOT / part, sources / part)
    for file, honest, lie in lies:
        path = sources / file
        text = path.read_text()
        assert text.count(honest) == 1, f"{honest!r} is not once in {file}"
        path.write_text(text.replace(honest, lie))
    if is_built:
        slot.write(sources, directory / "built", slot.Machine())
        shutil.rmtree(sources)


def _choose(till: Checkout, directory: str) -> str:
    """Let the loader run what is in `directory` from its next start on; what it ran before."""
    slot = Path(till.world.command.env["TILLSIGN_STORE"], "slot")
    before = slot.read_text()
    slot.write_text(directory)
    return before
