"""A receiver by its USB serial number: found under whatever name it has today."""

from __future__ import annotations

import asyncio

import pytest
from serial.tools import list_ports

from bridge.lines import usb_lookup
from bridge.lines.serial_port import PortError
from bridge.lines.usb_lookup import Present, find
from tests.bridge.lines.test_serial_port import Heard, terminal

SERIAL = "84:F7:03:C0:FF:EE"
OTHERS = [Present("/dev/ttyUSB4", "0001"), Present("/dev/ttyS0", None)]


def test_the_one_with_the_number() -> None:
    assert find(SERIAL, [*OTHERS, Present("/dev/ttyUSB9", SERIAL)]) == "/dev/ttyUSB9"


def test_none_says_what_is_there() -> None:
    with pytest.raises(PortError) as caught:
        find(SERIAL, OTHERS)
    assert str(caught.value) == (
        f"no port with serial number {SERIAL}; "
        "there are: /dev/ttyS0 (no serial number), /dev/ttyUSB4 (0001)"
    )
    with pytest.raises(PortError, match="there are: none"):
        find(SERIAL, [])


def test_several_are_none() -> None:
    twins = [Present("/dev/ttyUSB1", SERIAL), Present("/dev/ttyUSB0", SERIAL)]
    with pytest.raises(PortError, match=r"2 ports .* by url: /dev/ttyUSB0, /dev/ttyUSB1"):
        find(SERIAL, twins)


def test_the_systems_own_list_is_read() -> None:
    assert all(isinstance(port, Present) for port in usb_lookup.present())


async def test_it_is_looked_for_at_each_open() -> None:
    """Unplugged and plugged in again, the board comes back under another name."""
    ends = [terminal(), terminal()]
    there: list[Present] = []
    opener = usb_lookup.opener(SERIAL, lambda: there)
    for end in ends:
        there[:] = [*OTHERS, Present(end.url, SERIAL)]
        heard = Heard()
        port = await opener(heard.received, heard.lost)
        port.write(b"who is there?")
        assert await asyncio.to_thread(end.read) == b"who is there?"
        end.close()
        await heard.until(lambda heard=heard: heard.cause is not None)  # type: ignore[misc]
        await port.close()
        there.clear()
        with pytest.raises(PortError, match="no port with serial number"):
            await opener(heard.received, heard.lost)


@pytest.mark.parametrize("error", [TypeError("int() argument"), OSError(19, "No such device")])
async def test_a_device_that_is_half_gone_is_looked_for_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files in sysfs vanish one by one, and pyserial raises whatever that makes."""

    def comports() -> list[object]:
        raise error

    monkeypatch.setattr(list_ports, "comports", comports)
    heard = Heard()
    with pytest.raises(PortError, match=usb_lookup.UNREADABLE):
        await usb_lookup.opener(SERIAL)(heard.received, heard.lost)
