"""A simulated receiver's store directory, and the command that starts the firmware from it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import firmware.device
import simulator.hardware.micropython
from receiver.crypto import host
from receiver.protocol import messages, pins

if TYPE_CHECKING:
    from simulator.authority import Authority

SEED_SIZE = 32
STORE = 101
STORE_NAME = "Coop Exempel, Storgatan 1"
INVOICE_ISSUER = 1
SEK = 752

DEVICE = Path(firmware.device.__path__[0])
ROOT = DEVICE.parents[1]
PACKAGES = ("receiver", "firmware/device")  # of the device
SLOT = "a"
SHIM = Path(simulator.hardware.micropython.__path__[0])


class Command(NamedTuple):
    """What starts the firmware: on any Unix MicroPython by replacing `argv[0]`."""

    argv: list[str]
    cwd: str
    env: dict[str, str]


class Enrolled(NamedTuple):
    """One receiver's identity and where it is kept."""

    receiver_id: bytes
    directory: Path
    certificate: Path


def enrol(authority: Authority, directory: Path, client_fingerprint: str) -> Enrolled:
    """Make a receiver: key, certificate, pinned keys and loader slot, all in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    seed, receiver_id = os.urandom(SEED_SIZE), os.urandom(messages.RECEIVER_ID_SIZE)
    certificate = authority.enrol_receiver(
        host.ed25519_public(seed),
        receiver_id=receiver_id,
        store=STORE,
        store_name=STORE_NAME,
        invoice_issuer=INVOICE_ISSUER,
        currency=SEK,
        client_fingerprint=client_fingerprint,
    )
    (directory / "key").touch(mode=0o600)
    (directory / "key").write_bytes(seed)
    (directory / "certificate").write_bytes(certificate)
    (directory / "pins").write_bytes(pins.encode(authority.pins))
    (directory / "slot").write_text(str(slot(directory / SLOT)))
    return Enrolled(receiver_id, directory, directory / "certificate")


def slot(directory: Path) -> Path:
    """Make a slot that holds the device's files and nothing else, by links into this tree."""
    for package in PACKAGES:
        (directory / package).parent.mkdir(parents=True, exist_ok=True)
        (directory / package).symlink_to(ROOT / package)
    return directory


def command(enrolled: Enrolled, radio: str, hci: Path | None) -> Command:
    """How to start the firmware; `radio` is an endpoint, `hci` a terminal or nothing."""
    environment = {
        "MICROPYPATH": ".frozen",  # asyncio is in there; everything else the loader finds
        "TILLSIGN_STORE": str(enrolled.directory),
        "TILLSIGN_SHIM": str(SHIM),
        "TILLSIGN_RADIO": radio,
    }
    if hci is not None:
        environment["MICROPYBTUART"] = str(hci)  # where MicroPython's own stack looks for HCI
    argv = [interpreter(), str(DEVICE / "main.py")]
    return Command(argv, str(enrolled.directory), environment)


def interpreter() -> str:
    """The MicroPython of this environment, or its bare name where there is none."""
    beside = Path(sys.executable).parent
    return shutil.which("micropython", path=str(beside)) or "micropython"
