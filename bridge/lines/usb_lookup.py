"""Find a serial port by its USB serial number: at each opening, as its name may change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from serial.tools import list_ports

from bridge import foreign_code
from bridge.own_thread import OwnThread

from . import serial_port
from .errors import PortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from serial.tools.list_ports_common import ListPortInfo

    from .serial_port import Opener, Port

SHOWN_MOST = 16  # ports in an error text; more are not read
LIST_TIMEOUT_S = 10.0  # it takes some ms; a device that is half gone may delay sysfs
UNREADABLE = "the list of ports cannot be read just now"


class Present(NamedTuple):
    """A serial port of the system; `serial` and the rest are None if the device has none."""

    device: str
    serial: str | None
    maker: str | None = None  # as its USB descriptor names it
    product: str | None = None
    usb: tuple[int, int] | None = None  # ids of vendor and product, of a port on USB

    def __str__(self) -> str:
        return f"{self.device} ({self.serial or 'no serial number'})"


def present() -> list[Present]:
    """Return the current ports of this machine, from the file system."""
    return [_present(port) for port in list_ports.comports()]


def _present(port: ListPortInfo) -> Present:
    usb = None if port.vid is None or port.pid is None else (port.vid, port.pid)
    return Present(port.device, port.serial_number, port.manufacturer, port.product, usb)


def listed(ports: Callable[[], Iterable[Present]]) -> list[Present]:
    """Return the ports of `ports()`; raises PortError for any error, as of a half-gone device."""
    with foreign_code.crossing(foreign_code.LISTING, PortError, where=UNREADABLE):
        return list(ports())


def find(serial: str, ports: Iterable[Present]) -> str:
    """Return the device with this serial number; raises PortError for none or several."""
    known = sorted(ports, key=lambda port: port.device)
    found = [port.device for port in known if port.serial == serial]
    if len(found) == 1:
        return found[0]
    if found:
        devices = ", ".join(found)
        raise PortError(
            f"{len(found)} ports with serial number {serial}, name one by url: {devices}"
        )
    there = ", ".join(map(str, known[:SHOWN_MOST])) or "none"
    raise PortError(f"no port with serial number {serial}; there are: {there}")


def opener(
    serial: str,
    ports: Callable[[], Iterable[Present]] = present,
    by_url: Callable[[str], Opener] = serial_port.opener,
) -> Opener:
    """Return an opener that looks the port up each time."""
    thread = OwnThread("list the ports")

    async def open_found(received: Callable[[bytes], None], lost: Callable[[str], None]) -> Port:
        try:
            there = await thread.call(partial(listed, ports), LIST_TIMEOUT_S)
        except TimeoutError:
            raise PortError(f"{UNREADABLE}: no answer from the system") from None
        return await by_url(find(serial, there))(received, lost)

    return open_found
