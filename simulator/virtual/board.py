"""A receiver in virtual time: the firmware's own loop and the real core, on a chip that takes time.

A turn of the loop comes when the chip is through with the one before, and has its effects when its
own time has passed. What the radio and the line bring meanwhile waits, as it does for a busy
interpreter.
"""

from __future__ import annotations

import asyncio
import math
import platform
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Protocol, cast

from firmware.device import boot, greeting, slots, version
from firmware.device.app import App
from firmware.device.ports.interface import Ports
from firmware.device.radio import Radio
from firmware.device.serial import Serial
from receiver.core.receiver import Receiver
from receiver.encoding import schema
from receiver.link import frames, link, wire

from .chip_crypto import ChipCrypto
from .interpreter import BoardFiles, at_work
from .line import DeviceEnd, VirtualLine

if TYPE_CHECKING:
    from firmware.device.ports.interface import Stream
    from receiver.core.identity import Identity
    from simulator.hardware.radio.model.chip import ChipProfile

BOOT_INSTRUCTIONS = 54_500_000  # from reset to HELLO, littlefs (docs/hardware.md)
# The longest call of a kernel, four steps of X25519 (an eighth of a slice): it holds the
# interpreter, and a handler of the radio waits for its end, for half of it in the mean.
KERNEL_INSTRUCTIONS = 134_000
NAME = "virtual"
_EXACT = 1e-6  # of a tick: what floats cannot tell from one
_NO_HASH = bytes(8)  # of firmware that lies in no slot


class BoardRadio(Protocol):
    """A radio (`firmware.device.ble.Ble`) whose handler runs when the interpreter lets it."""

    free_at: Callable[[], float]

    def active(self, on: bool = ...) -> bool: ...


class NonVolatile(dict[str, bytes]):
    """Non-volatile values: they survive a reset."""

    def get(self, name: str) -> bytes:  # type: ignore[override]
        return dict.get(self, name, b"")

    def put(self, name: str, data: bytes) -> None:
        self[name] = data


class VirtualBoard:
    """One board, from power-up on; `start` it inside of a running loop."""

    name = NAME
    fits = True

    def __init__(
        self, store: NonVolatile, ble: BoardRadio, line: VirtualLine, chip: ChipProfile, seed: str
    ) -> None:
        """`store` holds its enrolment (`receiver.protocol.enrolment.STORED_NAME`)."""
        self.store = store
        self.files = BoardFiles()
        self.starts = 0
        self.turns = 0
        self.receiver: Receiver | None = None  # while it runs
        self._ble = ble
        ble.free_at = self.free_at
        self._line = line
        self._chip = chip
        self._random = Random(f"{seed}/board")
        self._loop: asyncio.AbstractEventLoop
        self._app: App | None = None
        self._radio: Radio
        self._device: DeviceEnd
        self._timer: asyncio.TimerHandle | None = None
        self._rests = False  # the next turn is far away, and any event ends that
        self._free_at = 0.0  # when the chip is through with what it does
        self._began = 0.0
        self._phase = 0.0  # of the ticks
        self._charged = 0  # instructions of this turn
        self._hardware = wire.RESET_POWER

    def start(self) -> None:
        """Switch the power on."""
        self._boot(wire.RESET_POWER)

    def cut_power(self) -> None:
        """Forget everything but the store and the files; `start` follows."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._app, self.receiver = None, None, None
        self._ble.active(False)

    def reset(self) -> None:
        """Press the button."""
        self.cut_power()
        self._boot(wire.RESET_POWER)

    @property
    def is_running(self) -> bool:
        """Whether the firmware runs: it does not while the board boots."""
        return self._app is not None

    def free_at(self) -> float:
        """Return when the interpreter runs a handler of the radio that is due now."""
        now = asyncio.get_running_loop().time()
        return now + self._s(KERNEL_INSTRUCTIONS / 2) if now < self._free_at else now

    # `firmware.device.ports.interface`: clock, board, interpreter.

    def ms(self) -> int:
        return int((self._loop.time() - self._began) * 1000)

    def reset_cause(self) -> int:
        return self._hardware

    def feed(self) -> None:
        """Feed a watchdog that is not modelled."""

    def light(self, colour: int) -> None:
        """Show nothing."""

    def keep_image(self) -> None:
        """Keep no image."""

    def collect(self) -> None:
        self._charge(self._chip.collection)

    # Starts.

    def _boot(self, hardware: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._phase = self._began + self._random.random() * self._chip.tick_ms / 1000
        self._hardware = hardware
        self.starts += 1
        self._timer = self._loop.call_later(self._s(BOOT_INSTRUCTIONS), self._compose)

    def _compose(self) -> None:
        """Build what `firmware.device.boot` builds, and make the first turn."""
        self._device = self._line.plug_in(self._wake)
        with at_work(self):
            self._radio = Radio(self._ble, str, self._wake)
            ports = self._ports()
            identity = boot.identity(ports, ChipCrypto(self._chip, self._charge))
            self.receiver = Receiver(identity)
            end = link.Link(self._boot_id(), self._hello(identity), host=False)
            self._app = App(Serial(end, self.receiver), self._radio, self._device, ports)
        self._turn()

    def _ports(self) -> Ports:
        no_stream = cast("Stream", None)  # the line is `DeviceEnd`
        entropy = self._random.randbytes
        return Ports(self._ble, str, None, no_stream, no_stream, self.store, entropy, self, self)

    def _boot_id(self) -> bytes:
        return self._random.randbytes(frames.ID_SIZE - 1) + b"\1"

    def _hello(self, identity: Identity) -> bytes:
        """Return what HELLO tells (`firmware.device.greeting`)."""
        value = wire.ReceiverHello(
            wire.PROTOCOL,
            wire.PROTOCOL,
            identity.receiver_id,
            NAME,
            "cpython",
            platform.python_version(),
            version.VERSION,
            _NO_HASH,
            greeting.cause(self._hardware),
            identity.nonce,
            identity.fault.code if identity.fault else 0,
            0,
        )
        return schema.encode(wire.RECEIVER_HELLO, value)

    # Turns.

    def _turn(self) -> None:
        if self._app is None:
            return
        self._timer, self._rests = None, False
        self._charged = 0
        self.turns += 1
        with at_work(self):
            pause = self._app.step()
        if pause is None:
            self._end()
            return
        now = self._loop.time()
        self._free_at = now + self._s(self._charged) + self._device.blocked_s()
        if self._has_input():
            self._turn_at(self._free_at + self._s(self._chip.turn + self._chip.event))
        elif not pause or self._device.writing:
            self._turn_at(self._free_at + self._s(self._chip.turn))
        else:
            self._rests = True
            due = self._tick(self._began + (self.ms() + pause) / 1000)
            self._turn_at(max(self._free_at, due) + self._s(self._chip.turn))

    def _wake(self) -> None:
        """An event of the radio or a frame of the host is there."""
        if self._timer is None or not self._rests:
            return  # at work: it is seen afterwards
        self._rests = False
        self._timer.cancel()
        begin = self._tick(max(self._free_at, self._loop.time()))
        self._turn_at(begin + self._s(self._chip.turn + self._chip.event))

    def _turn_at(self, when: float) -> None:
        self._timer = self._loop.call_at(when, self._turn)

    def _tick(self, when: float) -> float:
        """Return when a loop that rests looks again, at or after `when`."""
        tick_s = self._chip.tick_ms / 1000
        return self._phase + math.ceil((when - self._phase) / tick_s - _EXACT) * tick_s

    def _has_input(self) -> bool:
        return self._radio.has_news() or self._device.has_news()

    def _end(self) -> None:
        """Start anew, as ordered (`firmware.device.boot.main`)."""
        if self.receiver is not None:
            self.receiver.erase()
        with at_work(self):
            slots.write(slots.RESET, str(wire.RESET_PLANNED))
        self.cut_power()
        self._boot(wire.RESET_OTHER)

    def _charge(self, instructions: int) -> None:
        self._charged += instructions

    def _s(self, instructions: float) -> float:
        return self._chip.ms(instructions) / 1000
