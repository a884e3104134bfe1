"""Boot and compose the receiver; the one module that knows the platform."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import slots, version

if TYPE_CHECKING:
    from typing import Any

    from firmware.device.ports.interface import Ports
    from receiver.core.identity import Identity

SEED_SIZE = 32
SEQUENCE_FIRST = 1


def main() -> None:
    """Run the receiver until the line closes, then reset; the loader handles what fails."""
    platform = _platform()
    _serve(platform)
    from receiver.link import wire

    slots.write(slots.RESET, str(wire.RESET_PLANNED))
    platform.board.reset()


def _platform() -> Ports:
    if sys.platform in ("linux", "darwin"):
        from .ports import unix as port
    else:  # a board, or an emulated one
        from .ports import esp32 as port
    return port.make()


def _serve(platform: Ports) -> None:
    from .radio import Radio
    from .wait import Flag, Waiter

    flag = Flag()
    radio = Radio(platform.ble, platform.uuid, flag.set)  # radio before anything large

    from receiver.core.receiver import Receiver
    from receiver.link.link import Link

    from .app import App
    from .line import Line
    from .serial import Serial

    receiver = Receiver(_identity(platform))
    link = Link(platform.entropy(4), _hello(platform, receiver.identity), host=False)
    line = Line(platform.source, platform.sink, platform.clock)
    waiter = Waiter(flag, platform.source, platform.sink, platform.radio_pump)
    App(Serial(link, receiver), radio, line, platform, waiter).run()


def _identity(platform: Ports) -> Identity:
    """Load key, certificate and pinned keys from the store; make a key if there is none."""
    from receiver import reasons
    from receiver.core.identity import Enrolment, Identity
    from receiver.crypto import portable
    from receiver.errors import Error

    store = platform.store
    fault = None if platform.board.fits else Error(reasons.WRONG_IMAGE, "made for another chip")
    seed, kept = b"", [b"", b"", b""]
    try:
        seed = store.get("key")
        kept = [store.get(name) for name in ("sequence", "certificate", "pins")]
        if not seed:
            seed = platform.entropy(SEED_SIZE)
            store.put("key", seed)
    except OSError as error:
        fault = Error(reasons.STORE_FAILED, "at start: " + repr(error))
    if len(seed) != SEED_SIZE:  # not replaced in the store: it may be the enrolled one, unreadable
        fault = fault or Error(reasons.STORE_FAILED, "key of %d bytes" % len(seed))
        seed = platform.entropy(SEED_SIZE)
    sequence, certificate, pinned = kept
    first = int.from_bytes(sequence, "big") or SEQUENCE_FIRST
    enrolment = Enrolment(seed, certificate, _pins(pinned))
    identity = Identity(enrolment, portable, platform.entropy, first)
    identity.fault = fault
    return identity


def _pins(data: bytes) -> dict[bytes, bytes]:
    """Load the pinned keys; an unreadable store gives none."""
    from receiver.errors import Error
    from receiver.protocol import pins

    try:
        return pins.decode(data)
    except Error:
        return {}  # no certificate verifies then, and the bridge hears `unknown_issuer`


def _hello(platform: Ports, identity: Identity) -> bytes:
    from receiver.encoding import schema
    from receiver.link import wire

    implementation: Any = sys.implementation
    hello = wire.ReceiverHello(
        wire.PROTOCOL,
        wire.PROTOCOL,
        identity.receiver_id,
        platform.board.name,
        implementation[0],
        version.interpreter(),
        version.VERSION,
        version.measure(sys.path[0]),
        _cause(platform.board.reset_cause()),
        identity.nonce,
        identity.fault.code if identity.fault else 0,
        min(len(slots.read(slots.CRASHES)), wire.CRASHES_MOST),
    )
    return schema.encode(wire.RECEIVER_HELLO, hello)


def _cause(cause: int) -> int:
    """Return why this start is: a chip does not tell its own order to reset from a panic."""
    from receiver.link import wire

    marked = slots.read(slots.RESET)
    if marked:
        slots.write(slots.RESET, "")
    if cause not in (wire.RESET_WATCHDOG, wire.RESET_BROWN_OUT):
        for order in (wire.RESET_PLANNED, wire.RESET_CRASH, wire.RESET_UPDATE):
            if marked == str(order):
                return order
    return cause
