"""Look at a port before it is opened: is it there, may we, does another program have it?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.lines import port_holders, usb_lookup
from bridge.lines.errors import PortError

from .errors import NO_PORT, PERMISSION, PORT_BUSY, FlashError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.lines.usb_lookup import Present

# As in docs/99-tillsign-receivers.rules: USB-UART bridges of development boards, Espressif's own.
MAKERS = {0x10C4, 0x1A86, 0x303A, 0x0403}
UDEV = 'SUBSYSTEM=="tty", ATTRS{idVendor}=="303a", TAG+="uaccess"'
LISTED_MOST = 8  # ports in an error text: more are not read


def check(port: str) -> None:
    """Raise FlashError for a device that cannot be opened; a URL shows that by itself."""
    if "://" in port:
        return
    path = Path(port)
    if not path.exists():
        raise FlashError(NO_PORT, f"there is no port {port}; {_there(usb_lookup.present)}")
    if not os.access(path, os.R_OK | os.W_OK):
        group = path.stat().st_gid
        raise FlashError(
            PERMISSION,
            f"{port} belongs to group {_group(group)}: `sudo usermod -aG {_group(group)} $USER`, "
            f"then log in anew; or put this line into /etc/udev/rules.d/70-boards.rules, with the "
            f"vendor's number as `lsusb` shows it, and plug the board in again: {UDEV}",
        )
    if holders := port_holders.find(port):
        raise FlashError(
            PORT_BUSY, f"{port} is in use by {port_holders.shown(holders)}: {port_holders.REMEDY}"
        )


def boards(present: Callable[[], Iterable[Present]] = usb_lookup.present) -> list[str]:
    """Return every port that a board may be on; raise FlashError if there is none."""
    try:
        found = [port.device for port in usb_lookup.listed(present) if _may_be(port)]
    except PortError as error:
        raise FlashError(NO_PORT, str(error)) from error
    if not found:
        raise FlashError(NO_PORT, f"no board is plugged in; {_there(present)}")
    return sorted(found)


def _may_be(port: Present) -> bool:
    return port.usb is not None and port.usb[0] in MAKERS


def _there(present: Callable[[], Iterable[Present]]) -> str:
    try:
        found = [str(port) for port in usb_lookup.listed(present)][:LISTED_MOST]
    except PortError as error:
        return str(error)
    if not found:
        return "there is none at all: is the cable one for data?"
    return f"there are {', '.join(found)}"


def _group(number: int) -> str:
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
