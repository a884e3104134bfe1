"""One update of one receiver, from RESTART to the proof that the new firmware sells. No I/O.

`handle` takes what the receiver says and returns the messages to send it; times are monotonic
milliseconds. A line that is lost or a receiver that loses power goes on where it was: the receiver
tells which offset it has.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.authority.update_messages import UpdateOutcome
from bridge.domain.receiver_status import is_in_service
from receiver import reasons
from receiver.errors import Error
from receiver.link import service_wire, wire
from receiver.protocol import firmware

from .update_states import OUT_OF_USE, TABLE, UpdateAct, UpdateEvent, UpdatePhase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WINDOW = 2  # chunks in the link's queue: the next one is there when one is acknowledged
CALLS_MOST = 5  # the power fails again and again, or it never gets into service mode
LEAVES_MOST = 3  # orders to sell; then its own watchdog and idle time must end it
SERVICE, SELL = 1, 0  # of RESTART

_RESET_MS = 60_000  # a reset; the loader pauses longer after each crash, and hashes a whole slot
_ANSWER_MS = 10_000  # keys loaded, a short answer
_CHECK_MS = 60_000  # two signatures, what is there counted, or all of it read back and hashed
# It is watched at least as long as the firmware needs to find out that it must go back.
_SETTLE_MS = 10_000

_CUTS = (wire.RESET_POWER, wire.RESET_BROWN_OUT)
# Refusals that say nothing about the release: tried again.
_PASSING = (reasons.BUSY, reasons.WRONG_ORDER, reasons.WRONG_OFFSET, reasons.OUT_OF_MEMORY)

PATIENCE_MS = {
    UpdatePhase.CALLING: _RESET_MS,
    UpdatePhase.READING: _ANSWER_MS,
    UpdatePhase.OFFERING: _CHECK_MS,
    UpdatePhase.SENDING: _CHECK_MS,
    UpdatePhase.STARTING: _RESET_MS,
    UpdatePhase.PROVING: _ANSWER_MS,
    UpdatePhase.TESTING: _CHECK_MS,
    UpdatePhase.TRYING: _RESET_MS,
    UpdatePhase.SETTLING: _SETTLE_MS,
    UpdatePhase.LEAVING: _RESET_MS,
}


class ProvedRelease(NamedTuple):
    """A release whose signatures and files this bridge has proved."""

    release_id: bytes
    manifest: firmware.Manifest
    signed: bytes
    payload: bytes


class Message(NamedTuple):
    """Message this to the receiver."""

    channel: int
    payload: bytes


class Result(NamedTuple):
    """How it ended: no `outcome` where nothing was tried, or the receiver could not be reached."""

    outcome: UpdateOutcome | None
    reason: int
    firmware: ProvedRelease | None = None  # which one it was
    identity: service_wire.Identity | None = None  # what the receiver said of itself, the last time
    firmware_hash: bytes = b""  # which firmware said so


class Transfer:
    """The machine. `candidates` are by board class: what a receiver is, it says in service mode."""

    def __init__(self, candidates: Mapping[str, ProvedRelease]) -> None:
        self.phase = UpdatePhase.CALLING
        self.due = 0  # when `expire` must be called
        self.offset = 0  # acknowledged bytes
        self.result: Result | None = None  # in the end
        self.firmware: ProvedRelease | None = None  # once the receiver's class is known
        self._candidates = candidates
        self._identity: service_wire.Identity | None = None
        self._slot = 0
        self._sent = 0  # bytes
        self._flying = 0  # chunks
        self._trial_hash = self._serving_hash = self._identity_hash = b""
        self._calls = self._leaves = 0
        self._outcome: UpdateOutcome | None = None
        self._reason = reasons.OK
        self._out: list[Message] = []
        self._acts: dict[UpdateAct, Callable[[], None]] = {
            UpdateAct.CALL: self._call,
            UpdateAct.READ: partial(self._send, service_wire.READ, service_wire.Read()),
            UpdateAct.OFFER: self._offer,
            UpdateAct.SEND: self._send_chunks,
            UpdateAct.SEND_ON: self._send_chunks,
            UpdateAct.START: lambda: self._restart(self._slot, SERVICE),
            UpdateAct.TEST: partial(self._send, service_wire.SELF_TEST, service_wire.SelfTest()),
            UpdateAct.TRY: lambda: self._restart(self._slot, SELL),
            UpdateAct.WATCH: lambda: None,
            UpdateAct.GIVE_UP: self._leave,
            UpdateAct.GO_BACK: self._go_back,
            UpdateAct.LEAVE: self._leave,
            UpdateAct.END_OLD: lambda: self._end(self._outcome),
            UpdateAct.END_BACK: self._end_back,
            UpdateAct.END_NEW: self._end_new,
        }

    @property
    def holds(self) -> bool:
        """Whether the till cannot sell meanwhile."""
        return self.phase in OUT_OF_USE

    def hello(self, hello: wire.ReceiverHello, now: int) -> list[Message]:
        """Begin with a receiver that is there, or go on after its link came up again."""
        self._flying = 0  # what was queued is lost with the link before
        if is_in_service(hello):
            self._serving_hash = hello.firmware_hash
            if self.phase in (UpdatePhase.STARTING, UpdatePhase.PROVING, UpdatePhase.TESTING):
                self._trial_hash = hello.firmware_hash
            return self._step(UpdateEvent.SERVES, now)
        if hello.firmware_hash == self._trial_hash and not hello.fault:
            return self._step(UpdateEvent.SELLS_NEW, now)
        return self._step(UpdateEvent.CUT if hello.reset_cause in _CUTS else UpdateEvent.SELLS, now)

    def message(self, channel: int, payload: bytes, now: int) -> list[Message]:
        """Take a message of service mode; raises Error for one that cannot be read."""
        value = service_wire.decode(channel, payload)
        event = self._event_of(channel, value)
        return self._step(event, now) if event else []

    def delivered(self, channel: int, now: int) -> list[Message]:
        """Note that the receiver has taken a message."""
        if channel != service_wire.CHUNK or self.phase is not UpdatePhase.SENDING:
            return []
        self._flying -= 1
        self.offset = min(self.offset + service_wire.CHUNK_MOST, self._size)
        return self._step(UpdateEvent.WROTE, now)

    def cancel(self, reason: int, now: int) -> list[Message]:
        """Break it off while the old firmware is still the one that runs; else let it end."""
        if UpdateEvent.CANCELLED in TABLE[self.phase]:
            self._reason = reason
        return self._step(UpdateEvent.CANCELLED, now)

    def expire(self, now: int) -> list[Message]:
        """UpdateAct on time that has passed."""
        return self._step(UpdateEvent.LATE, now) if now >= self.due else []

    # Events.

    def _event_of(self, channel: int, value: Any) -> UpdateEvent | None:
        match channel:
            case service_wire.IDENTITY:
                return self._identified(value)
            case service_wire.PROGRESS:
                return self._progressed(value)
            case service_wire.TESTED:
                self._reason = value.reason
                return UpdateEvent.REFUSED if value.reason else UpdateEvent.PASSED
            case service_wire.ORDER_REFUSED:
                self._reason = value.reason or reasons.MALFORMED
                self._outcome = None if value.reason in _PASSING else UpdateOutcome.FAILED
                return UpdateEvent.REFUSED
        return None

    def _identified(self, identity: service_wire.Identity) -> UpdateEvent:
        """Choose the release for a board of this class."""
        self._identity, self._identity_hash = identity, self._serving_hash
        chosen = self._candidates.get(identity.board_class)
        if chosen is None:
            self._reason = reasons.WRONG_BOARD
            return UpdateEvent.NONE_FITS
        self.firmware = chosen
        if identity.release == chosen.manifest.release:
            self._reason = reasons.OK
            return UpdateEvent.IS_NEW
        try:
            firmware.judge(
                chosen.manifest, identity.board_class, identity.release, identity.least_release
            )
        except Error as error:
            self._reason = error.code
            return UpdateEvent.NONE_FITS
        return UpdateEvent.FITS

    def _progressed(self, progress: service_wire.Progress) -> UpdateEvent | None:
        manifest = self.firmware.manifest if self.firmware else None
        if manifest is None or progress.release != manifest.release:
            return None
        if progress.reason:
            self._reason, self._outcome = progress.reason, UpdateOutcome.FAILED
            return UpdateEvent.REFUSED
        self._slot = progress.slot
        if progress.verified:
            self.offset = self._size
            return UpdateEvent.WHOLE
        if progress.offset > self._size:
            self._reason, self._outcome = reasons.WRONG_OFFSET, UpdateOutcome.FAILED
            return UpdateEvent.REFUSED
        self.offset = self._sent = progress.offset
        return UpdateEvent.GO_ON

    # Steps.

    def _step(self, event: UpdateEvent, now: int) -> list[Message]:
        step = TABLE[self.phase].get(event)
        if step is None:
            return []
        if event is UpdateEvent.LATE and not self._reason:
            self._reason = reasons.RECEIVER_OFFLINE
        self.phase, act = step
        self._out = []
        self._acts[act]()
        self.due = now + PATIENCE_MS.get(self.phase, 0)
        return self._out

    def _offer(self) -> None:
        if self.firmware:
            self._send(service_wire.UPDATE, wire.Blob(self.firmware.signed))

    def _go_back(self) -> None:
        self._outcome = UpdateOutcome.WENT_BACK
        self._reason = self._reason or reasons.NOT_VERIFIED
        self._leave()

    def _end_back(self) -> None:
        self._reason = self._reason or reasons.NOT_VERIFIED
        self._end(UpdateOutcome.WENT_BACK)

    def _end_new(self) -> None:
        self._reason = reasons.OK
        self._end(UpdateOutcome.INSTALLED)

    def _call(self) -> None:
        self._calls += 1
        if self._calls > CALLS_MOST:
            self._reason = self._reason or reasons.RECEIVER_OFFLINE
            self._end(UpdateOutcome.WENT_BACK if self._trial_hash else None)
        else:
            self._restart(0, SERVICE)

    def _leave(self) -> None:
        self._leaves += 1
        if self._leaves > LEAVES_MOST:
            self._end(self._outcome)
        else:
            self._restart(0, SELL)

    def _end(self, outcome: UpdateOutcome | None) -> None:
        self.phase = UpdatePhase.DONE
        self.result = Result(
            outcome, self._reason, self.firmware, self._identity, self._identity_hash
        )

    def _send_chunks(self) -> None:
        """Fill the link's queue."""
        payload = self.firmware.payload if self.firmware else b""
        while self._flying < WINDOW and self._sent < len(payload):
            data = payload[self._sent : self._sent + service_wire.CHUNK_MOST]
            self._send(service_wire.CHUNK, service_wire.Chunk(self._sent, data))
            self._sent += len(data)
            self._flying += 1

    def _restart(self, slot: int, service: int) -> None:
        payload = wire.encode(wire.RESTART, wire.Restart(slot, service))
        self._out.append(Message(wire.RESTART, payload))

    def _send(self, channel: int, value: object) -> None:
        self._out.append(Message(channel, service_wire.encode(channel, value)))

    @property
    def _size(self) -> int:
        return len(self.firmware.payload) if self.firmware else 0
