"""Examine one board from end to end, and leave it selling."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bleak.exc import BleakError

from firmware.tools.board_line import BoardLine, BoardLineError
from receiver.errors import Error
from receiver.link import link, service_wire, wire

from . import air, checks
from .tables import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from .air import Adapter, HeardTill

UP_S = 15.0  # a board that the opening of its port resets, with a wait after crashes in a row
TRIPS = 20  # questions and answers: 10 kB on the line, enough for a bad cable to show
SELF_TEST_S = 30.0  # four operations of a second each on the slowest board, and the radio
REPORTS = 2  # of health: one interval between them
HEALTH_S = (REPORTS + 0.5) * wire.HEALTH_MS / 1000
UNLOOKED = "not looked at"


class Doctor:
    """One visit. Each finding goes to `tell` as it is made, and stays in `found`."""

    def __init__(self, url: str, adapter: Adapter | None, tell: Callable[[Finding], None]) -> None:
        self.found: list[Finding] = []
        self._adapter = adapter
        self._tell = tell
        self._health: list[tuple[float, wire.Health]] = []
        self._reported = asyncio.Event()
        self._garbage = 0
        self._certificate = b""
        self._line = BoardLine(url, self._watch, left=(wire.TRACEBACK,))

    async def examine(self, *, clock: bool) -> list[Finding]:
        """Examine everything, the clock too if told; raises BoardLineError without a board.

        Whatever happens, also if it is cancelled, the board is told to sell again.
        """
        async with self._line as line:
            hello = await line.up(UP_S)
            self._note(checks.board(hello))
            try:
                await self._in_service()
            finally:
                await self._leave()
            await self._selling(clock=clock)
        return self.found

    async def _in_service(self) -> None:
        line = self._line
        try:
            await line.into_service()
            await self._serial()
            await self._identity()
            await self._self_test()
        except BoardLineError as error:
            todo = "is a sale open? else pull its plug, put it back, and ask again"
            self._note(Finding("service mode", False, str(error), todo))

    async def _serial(self) -> None:
        before, garbage, trips = dict(self._line.counters), self._garbage, []
        for _ in range(TRIPS):
            began = time.monotonic()
            await self._read()
            trips.append((time.monotonic() - began) * 1000)
        now = self._line.counters
        spent = {name: now[name] - before[name] for name in now}
        self._note(checks.serial(spent, trips, self._garbage - garbage))

    async def _read(self) -> service_wire.Identity:
        question = (service_wire.READ, service_wire.Read(), service_wire.IDENTITY)
        identity: service_wire.Identity = await self._line.ask(*question)
        return identity

    async def _identity(self) -> None:
        identity = await self._read()
        self._certificate = identity.certificate
        self._note(checks.certificate(identity, int(time.time())))

    async def _self_test(self) -> None:
        question = (service_wire.SELF_TEST, service_wire.SelfTest(), service_wire.TESTED)
        tested: service_wire.Tested = await self._line.ask(*question, within_s=SELF_TEST_S)
        for finding in checks.crypto(tested):
            self._note(finding)
        for check in (checks.radio, checks.store, checks.memory):
            self._note(check(tested))

    async def _leave(self) -> None:
        self._health.clear()  # its uptime starts anew
        try:
            self._note(checks.sells_again(await self._line.restart(service=False)))
        except BoardLineError as error:
            todo = "pull its plug and put it back"
            self._note(Finding("sells again", False, str(error), todo))

    async def _selling(self, *, clock: bool) -> None:
        """Look at what only a board that sells has: signal and clock."""
        if self._adapter is not None:
            await self._signal(self._adapter)
        if clock:
            await self._clock()

    async def _signal(self, adapter: Adapter) -> None:
        try:
            heard = await air.listen(adapter)
        except air.NoAdapterError as error:
            self._note(Finding("signal", True, f"{UNLOOKED}: {error}"))
            return
        own = await self._own(heard, adapter)
        self._note(checks.signal(own, len(heard)))

    async def _own(self, heard: list[HeardTill], adapter: Adapter) -> HeardTill | None:
        """Find this board among the tills by its certificate."""
        for each in heard:
            try:
                read = await air.read(each.device, adapter)
            except BleakError:
                continue
            if read.certificate and read.certificate == self._certificate:
                return each
        return None

    async def _clock(self) -> None:
        try:
            async with asyncio.timeout(HEALTH_S):
                while len(self._health) < REPORTS:
                    self._reported.clear()
                    await self._reported.wait()
        except TimeoutError:
            pass
        self._note(checks.clock(self._health))

    def _watch(self, event: link.Event) -> None:
        if isinstance(event, link.Message) and event.channel == wire.HEALTH:
            with suppress(Error):
                report: wire.Health = wire.decode(event.channel, event.payload)
                self._health.append((asyncio.get_running_loop().time(), report))
                self._reported.set()
        elif isinstance(event, link.Raw):
            self._garbage += 1

    def _note(self, finding: Finding) -> None:
        self.found.append(finding)
        self._tell(finding)
