"""Boot and compose the receiver; the one module that knows the platform."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from . import version

if TYPE_CHECKING:
    from typing import Any

    from firmware.device.ports.interface import Ports
    from receiver.core.identity import Identity

SEED_SIZE = 32
SEQUENCE_FIRST = 1


def main() -> None:
    """Run the receiver until the line closes or something fails; then reset."""
    platform = _platform()
    if platform.board.wants_repl():
        return
    _silence_interrupt_key()
    try:
        asyncio.run(_serve(platform))
    except Exception as error:
        sys.print_exception(error)  # text between frames: the bridge writes it to its raw log
    platform.board.reset()


def _platform() -> Ports:
    if sys.platform in ("linux", "darwin"):
        from .ports import unix as port
    else:  # a board, or an emulated one
        from .ports import esp32 as port
    return port.make()


def _silence_interrupt_key() -> None:
    """Take byte 3 in a frame as data, not Ctrl-C; MicroPython sets it again for every script."""
    import micropython

    micropython.kbd_intr(-1)


async def _serve(platform: Ports) -> None:
    flag = asyncio.ThreadSafeFlag()
    from .radio import Radio

    radio = Radio(platform.ble, platform.uuid, flag.set)  # radio before anything large

    from receiver.core.receiver import Receiver
    from receiver.link.link import Link

    from .app import App
    from .line import Line
    from .serial import Serial

    receiver = Receiver(_identity(platform))
    link = Link(platform.entropy(4), _hello(platform, receiver.identity), host=False)
    line = Line(platform.source, platform.sink, asyncio.Event())
    serial = Serial(link, receiver)
    app = App(serial, radio, line, platform, flag)
    await app.run()


def _identity(platform: Ports) -> Identity:
    """Load key, certificate and pinned keys from the store; make a key if there is none."""
    from receiver.core.identity import Enrolment, Identity
    from receiver.crypto import portable

    store = platform.store
    seed = store.get("key")
    if len(seed) != SEED_SIZE:
        seed = platform.entropy(SEED_SIZE)
        store.put("key", seed)
    sequence = int.from_bytes(store.get("sequence"), "big") or SEQUENCE_FIRST
    enrolment = Enrolment(seed, store.get("certificate"), _pins(store.get("pins")))
    return Identity(enrolment, portable, platform.entropy, sequence)


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
    release = [str(part) for part in implementation[1] if part != ""]
    hello = wire.ReceiverHello(
        wire.PROTOCOL,
        wire.PROTOCOL,
        identity.receiver_id,
        platform.board.name,
        implementation[0],
        ".".join(release[:3]) + "".join("-" + part for part in release[3:]),
        version.VERSION,
        version.measure(sys.path[0]),
        platform.board.reset_cause(),
        identity.nonce,
    )
    return schema.encode(wire.RECEIVER_HELLO, hello)
