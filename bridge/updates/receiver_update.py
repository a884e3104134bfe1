"""The update of one receiver at its session: its messages to the machine, and back to the line.

It is called on the event loop. `run` awaits one update to its end.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bridge.domain.receiver_status import UpdateProgress, is_in_service
from bridge.observability.logs import Log
from receiver import reasons
from receiver.errors import Error
from receiver.link import wire

from .update_transfer import SELL, Result, Transfer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.sales.receiver_session import ReceiverSession

    from .update_memory import UpdateMemory
    from .update_transfer import Message, ProvedRelease

# A receiver in service mode at the bridge's own line: no other program can speak with it. When a
# technician has exchanged the laptop's cable for the bridge's, no more orders come.
LEFT_S = 60.0

NOT_TRIED = "not_tried"  # instead of an outcome

_log = Log(__name__)


class ReceiverUpdate:
    """One receiver's update, if there is one (`bridge.sales.ports.ServiceMode`)."""

    def __init__(
        self, session: ReceiverSession, memory: UpdateMemory, wake: Callable[[], None]
    ) -> None:
        """`wake` is called when the receiver is there and may be updated."""
        self.session = session
        self.till = session.place.till
        self.receiver_id = session.place.receiver_id
        self._memory = memory
        self._wake = wake
        self._transfer: Transfer | None = None
        self._last: UpdateProgress | None = None
        self.ordered = False  # by command: whatever the window says
        self._attempts = 0
        self._ended: asyncio.Future[Result] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None
        session.serve(self)

    async def run(self, candidates: Mapping[str, ProvedRelease]) -> Result:
        """Update the receiver, which must be there; return how it ended."""
        hello = self.session.link.hello
        if hello is None:
            return Result(None, reasons.RECEIVER_OFFLINE)
        self._stop_leaving()
        began = time.monotonic()
        transfer = self._transfer = Transfer(candidates)
        self._attempts += 1
        self._ended = asyncio.get_running_loop().create_future()
        _log.info("update begins", till=self.till)
        try:
            self._follow(transfer.hello(hello, self._now()))
            result = await self._ended
        finally:
            self._last, self._transfer = self.progress(), None
            if self._timer:
                self._timer.cancel()
        manifest = result.firmware.manifest if result.firmware else None
        log = _log.warning if result.reason else _log.info
        log(
            "update ended",
            till=self.till,
            firmware=manifest.version if manifest else "",
            what=result.outcome or NOT_TRIED,
            reason=reasons.name(result.reason),
            detail=f"{time.monotonic() - began:.1f} s",
        )
        return result

    def cancel(self) -> None:
        """Break the update off as soon as the receiver can sell with its old firmware."""
        if self._transfer:
            self._follow(self._transfer.cancel(reasons.CASHIER_CANCELLED, self._now()))

    # For the session.

    def holds(self) -> bool:
        return self._transfer is not None and self._transfer.holds

    def waits(self) -> bool:
        return self.ordered

    def progress(self) -> UpdateProgress | None:
        """Return the update under way, or the last one."""
        found = self._transfer
        if found is None:
            return self._last
        manifest = found.firmware.manifest if found.firmware else None
        result = found.result
        return UpdateProgress(
            self._attempts,
            found.phase,
            manifest.release if manifest else 0,
            manifest.version if manifest else "",
            found.offset,
            len(found.firmware.payload) if found.firmware else 0,
            (result.outcome or "") if result else "",
            result.reason if result else reasons.OK,
        )

    @property
    def attempts(self) -> int:
        return self._attempts

    def release(self) -> int | None:
        """Return the release of the firmware that runs, if the bridge knows it."""
        hello = self.session.link.hello
        known = self._memory.known(self.receiver_id, hello.firmware_hash) if hello else None
        return known.release if known else None

    def link_up(self, hello: wire.ReceiverHello) -> None:
        if self._transfer:
            self._follow(self._transfer.hello(hello, self._now()))
            return
        self._stop_leaving()
        if is_in_service(hello) and hello.fault == reasons.IN_SERVICE:
            loop = asyncio.get_running_loop()
            self._leaving = loop.call_later(LEFT_S, self._leave)
        self._wake()

    def link_down(self) -> None:
        self._stop_leaving()

    def message(self, channel: int, payload: bytes) -> None:
        """Take a message of service mode; raises Error."""
        if self._transfer is None:
            raise Error(reasons.WRONG_ORDER, f"channel {channel} without an update")
        self._follow(self._transfer.message(channel, payload, self._now()))

    def delivered(self, channel: int) -> None:
        if self._transfer:
            self._follow(self._transfer.delivered(channel, self._now()))

    # The machine.

    def _follow(self, sends: Iterable[Message]) -> None:
        """Message what the machine says, and look again when it is due."""
        transfer = self._transfer
        for channel, payload in sends:
            self.session.link.send(channel, payload)
        if transfer is None or self._ended is None or self._ended.done():
            return
        if self._timer:
            self._timer.cancel()
        if transfer.result is not None:
            self._ended.set_result(transfer.result)
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(transfer.due / 1000, self._expire)

    def _expire(self) -> None:
        if self._transfer:
            self._follow(self._transfer.expire(max(self._now(), self._transfer.due)))

    def _leave(self) -> None:
        """Order a receiver to sell that was left in service mode."""
        if self.session.link.hello is not None and self._transfer is None:
            _log.warning("left in service", till=self.till, detail=f"{LEFT_S:g} s: sells again")
            restart = wire.Restart(0, SELL)
            self.session.link.send(wire.RESTART, wire.encode(wire.RESTART, restart))

    def _stop_leaving(self) -> None:
        if self._leaving:
            self._leaving.cancel()

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)
