"""Boot and compose a receiver that sells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import slots

if TYPE_CHECKING:
    from firmware.device.ports.interface import Ports
    from receiver.core.identity import Enrolment, Identity
    from receiver.crypto.interface import Crypto

SEQUENCE_FIRST = 1


def main() -> None:
    """Run the receiver until the line closes, then reset; the loader handles what fails."""
    ports = _ports()
    _serve(ports)
    from receiver.link import wire

    slots.write(slots.RESET, str(wire.RESET_PLANNED))
    ports.board.reset()


def _ports() -> Ports:
    if sys.platform in ("linux", "darwin"):
        from .ports import unix as port
    else:  # a board, or an emulated one
        from .ports import esp32 as port
    return port.make()


def _serve(ports: Ports) -> None:
    from .radio import Radio
    from .wait import Flag, Waiter

    flag = Flag()
    radio = Radio(ports.ble, ports.uuid, flag.set)  # radio before anything large

    from receiver.core.receiver import Receiver
    from receiver.crypto import portable
    from receiver.link.link import Link

    from .app import App
    from .line import Line
    from .serial import Serial

    receiver = Receiver(identity(ports, portable))
    link = Link(ports.entropy(4), _hello(ports, receiver.identity), host=False)
    line = Line(ports.source, ports.sink, ports.clock)
    waiter = Waiter(flag, ports.source, ports.sink, ports.radio_pump)
    App(Serial(link, receiver), radio, line, ports).run(waiter)


def identity(ports: Ports, crypto: Crypto) -> Identity:
    """Load the enrolment and the next sequence number; a board without enrolment has no key."""
    from receiver import reasons
    from receiver.core.identity import NOT_ENROLLED, Identity
    from receiver.errors import Error
    from receiver.protocol import enrolment

    fault = None if ports.board.fits else Error(reasons.WRONG_IMAGE, "made for another chip")
    stored, sequence, enrolled = b"", b"", NOT_ENROLLED
    try:
        stored = ports.store.get(enrolment.STORED_NAME)
        sequence = ports.store.get("sequence")
    except OSError as error:
        fault = Error(reasons.STORE_FAILED, "at start: " + repr(error))
    try:
        enrolled = _decoded(stored) if stored else NOT_ENROLLED
    except Error as error:  # it stays in the store: a person may find out what it was
        fault = fault or Error(reasons.STORE_FAILED, "enrolment: " + error.detail)
    first = int.from_bytes(sequence, "big") or SEQUENCE_FIRST
    found = Identity(enrolled, crypto, ports.entropy, first)
    found.fault = fault
    return found


def _decoded(stored: bytes) -> Enrolment:
    """Return the enrolment in the store; raise Error."""
    from receiver.core.identity import Enrolment
    from receiver.encoding import schema
    from receiver.protocol import enrolment, pins

    found = schema.decode(enrolment.STORED, stored, enrolment.Stored)
    keys = pins.decode(found.pins)
    return Enrolment(found.seed, found.certificate, keys, found.till, found.least_release)


def _hello(ports: Ports, identity: Identity) -> bytes:
    from . import greeting

    return greeting.hello(
        identity.receiver_id,
        ports.board.name,
        greeting.cause(ports.board.reset_cause()),
        identity.nonce,
        identity.fault.code if identity.fault else 0,
    )
