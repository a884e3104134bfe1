"""What the system of one kind of phone grants an app, and how often it fails (docs/radio.md)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

from bleak.exc import BleakError
from bumble import core, hci
from bumble.device import Connection

from simulator.hardware.radio.model.listening import ScanStarts
from simulator.hardware.radio.model.phones import PhoneProfile


class PhoneKind:
    """A kind of phone: its system's limits, and its failures by a seed."""

    def __init__(self, profile: PhoneProfile, seed: int) -> None:
        self.profile = profile
        self.starts = ScanStarts(profile)
        self._chances = Random(f"{seed}/set-ups")

    async def set_up(self, patience: float) -> None:
        """Fail as often as attempts of this kind do: at once, or when the patience (s) ends."""
        profile, chance = self.profile, self._chances.random()
        if chance < profile.setup_hang:
            await asyncio.sleep(patience)
            raise BleakError("No answer")
        if chance < profile.setup_hang + profile.setup_failure:
            await asyncio.sleep(profile.setup_failure_ms / 1000)
            raise BleakError("GATT error 133")

    async def grant(self, connection: Connection, interval_ms: float) -> None:
        """Change the interval, some events after it was asked for."""
        profile = self.profile
        if interval_ms == profile.interval_ms:
            return
        await asyncio.sleep(profile.change_ms / 1000)
        with suppress(core.BaseBumbleError, hci.HCI_Error):  # the link has ended meanwhile
            await connection.update_parameters(interval_ms, interval_ms, 0, profile.supervision_ms)
