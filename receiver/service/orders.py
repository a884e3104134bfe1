"""Obey one order at a time in service mode: its answer, or why it is refused.

`handle` takes a message, `work` runs it in slices, `poll` gives what to send. An order that runs
is to be acknowledged once `busy` is over: by then what must last is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import reasons
from receiver.errors import Error
from receiver.link import service_wire as wire

from .enrolment import Enrolment
from .self_test import SelfTest
from .update import Update

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job

    from .ports import Device, Slots, Store

NO_SPACE = 28  # ENOSPC


class Orders:
    """All orders of `service_wire`. It has no clock of its own and sends nothing by itself."""

    def __init__(self, crypto: Crypto, store: Store, slots: Slots, device: Device) -> None:
        enrolment = Enrolment(crypto, store, slots, device)
        update = Update(crypto, slots, device, enrolment)
        # Order → its job and the channel of its answer.
        self._obey: dict[int, tuple[Callable[[Any], Job[Any]], int]] = {
            wire.READ: (enrolment.read_job, wire.IDENTITY),
            wire.ENROL: (enrolment.enrol_job, wire.ENROLMENT),
            wire.INSTALL: (enrolment.install_job, wire.INSTALLED),
            wire.FACTORY_RESET: (enrolment.reset_job, wire.IDENTITY),
            wire.SELF_TEST: (SelfTest(crypto, store, device).run_job, wire.TESTED),
            wire.UPDATE: (update.begin_job, wire.PROGRESS),
            wire.CHUNK: (update.chunk_job, wire.PROGRESS),
        }
        self._running: tuple[int, Job[Any]] | None = None
        self._out: list[tuple[int, bytes]] = []

    def handle(self, channel: int, payload: bytes) -> None:
        """Begin an order; refuse what is none, and a second one."""
        try:
            if self._running is not None:
                raise Error(reasons.BUSY, "one order at a time")
            if channel not in self._obey:
                raise Error(reasons.WRONG_TYPE, "channel %d" % channel)
            order = wire.decode(channel, payload)
        except Error as error:
            self._refuse(channel, error.code)
            return
        self._running = channel, self._obey[channel][0](order)

    def busy(self) -> bool:
        """Return whether an order runs: `work` goes on with it."""
        return self._running is not None

    def work(self) -> None:
        """Run one slice of the order; whatever fails refuses it."""
        if self._running is None:
            return
        channel, job = self._running
        try:
            next(job)
            return
        except StopIteration as end:
            if end.value is not None:
                answer = self._obey[channel][1]
                self._out.append((answer, wire.encode(answer, end.value)))
        except Error as error:
            self._refuse(channel, error.code)
        except OSError as error:
            full = error.errno == NO_SPACE
            self._refuse(channel, reasons.NO_ROOM if full else reasons.STORE_FAILED)
        except MemoryError:
            self._refuse(channel, reasons.OUT_OF_MEMORY)
        self._running = None

    def cancel(self) -> None:
        """Forget the order and its answer: the host that gave it is gone."""
        if self._running is not None:
            self._running[1].close()
        self._running = None
        self._out.clear()

    def poll(self) -> tuple[int, bytes] | None:
        """Return channel and payload of the next message to send, or None."""
        return self._out.pop(0) if self._out else None

    def _refuse(self, channel: int, reason: int) -> None:
        refused = wire.OrderRefused(min(channel, 255), reason)
        self._out.append((wire.ORDER_REFUSED, wire.encode(wire.ORDER_REFUSED, refused)))
