"""Whatever code that is not ours raises, at each edge in turn: the other till goes on selling."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import serial
from msgspec.structs import replace
from serial.tools import list_ports

from bridge import foreign_code
from bridge.config.configuration import ReceiverConfig
from bridge.daemon import systemd
from bridge.daemon.certificate_reload import Renewal
from bridge.foreign_code import Edge
from bridge.journal import Journal, JournalBusyError
from bridge.lines import serial_port, socket_port, usb_lookup
from bridge.lines.serial_port import Opener, Port
from bridge.observability import logs
from bridge.observability.metrics import Metrics
from tests.bridge.lines.test_serial_port import terminal
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.till import TILL, World

pytestmark = pytest.mark.processes

OTHER = 4  # the till at whose edge it happens
URL = f"memory://{OTHER}"
NAME = "receiver.example"


class StrangeError(Exception):
    """What no page says that it may be raised."""


class Fault:
    """Raises, and tells that it has."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._met = asyncio.Event()

    def strike(self, *_: object, **__: object) -> Any:
        self._loop.call_soon_threadsafe(self._met.set)
        raise StrangeError("what is this?")

    async def met(self) -> None:
        await asyncio.wait_for(self._met.wait(), PATIENCE_S)


class BadPort:
    """A port that breaks its word."""

    def __init__(self, fault: Fault, lost: Callable[[str], None], when: str) -> None:
        self._fault, self._when = fault, when
        if when == "close":
            asyncio.get_running_loop().call_soon(lost, "unplugged")

    def write(self, data: bytes) -> None:
        if self._when == "write":
            self._fault.strike()

    async def close(self) -> None:
        if self._when == "close":
            self._fault.strike()


def bad_port(fault: Fault, when: str) -> Opener:
    async def opener(received: Callable[[bytes], None], lost: Callable[[str], None]) -> Port:
        if when == "open":
            fault.strike()
        return BadPort(fault, lost, when)

    return opener


def line_through(world: World, opener: Opener) -> None:
    world.others[URL] = opener  # type: ignore[assignment]  # a scripted device opens itself


# The faults: each is put in place before the bridge starts.

Put = Callable[[World, Fault, pytest.MonkeyPatch], Awaitable[None]]


def _driver(function: str) -> Put:
    async def put(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
        if function == "close":
            patch.setattr(serial.Serial, "read", _unplugged)
        patch.setattr(serial.Serial, function, fault.strike)
        line_through(world, serial_port.opener(terminal().url))

    return put


def _unplugged(*_: object) -> bytes:
    raise OSError("unplugged")


def _port(when: str) -> Put:
    async def put(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
        line_through(world, bad_port(fault, when))

    return put


async def _listing(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(list_ports, "comports", fault.strike)
    line_through(world, usb_lookup.opener("84:F7:03:C0:FF:EE"))


async def _socket(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.create_connection

    async def create(*where: Any, **more: Any) -> Any:
        return fault.strike() if where[2:] == (1,) else await connect(*where, **more)

    patch.setattr(loop, "create_connection", create)
    line_through(world, socket_port.opener("socket://127.0.0.1:1"))


async def _name(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo

    def found(host: Any, *more: Any, **most: Any) -> Any:
        return fault.strike() if host == NAME else look_up(host, *more, **most)

    patch.setattr(socket, "getaddrinfo", found)
    line_through(world, socket_port.opener(f"socket://{NAME}:4001"))


async def _limits(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def written(path: Path, data: bytes) -> int:
        return fault.strike() if "-limits-" in path.name else write(path, data)

    world.config = replace(world.config, offline=True)
    patch.setattr(Path, "write_bytes", written)


async def _authority(
    world: World, fault: Fault, patch: pytest.MonkeyPatch, but: str = "authorisations"
) -> None:
    """Once for each kind of thing that is asked: then it is asked again."""
    ask, struck = aiohttp.ClientSession.request, set[str]()

    def request(session: Any, method: str, url: str, **more: Any) -> Any:
        kind = str(url).removeprefix(world.config.authority.url).split("/")
        if str(url).startswith(world.config.authority.url) and kind[2] not in {*struck, but}:
            struck.add(kind[2])
            fault.strike()
        return ask(session, method, url, **more)

    patch.setattr(aiohttp.ClientSession, "request", request)


async def _till_api(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bridge.sales.sale_service.Service.receivers", fault.strike)


async def _metrics(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Metrics, "_hear_sale", fault.strike)


async def _log(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bridge.observability.logs.write_all", fault.strike)
    assert sys.__stderr__
    logs.setup(sys.__stderr__, "debug")


async def _manager(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("NOTIFY_SOCKET", "/run/nowhere")
    patch.setattr("bridge.daemon.systemd._send", fault.strike)
    systemd.tell(systemd.ALIVE)


async def _locked(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    """Once, at the first commit."""
    flush, first = Journal.flush, [True]

    def flushed(journal: Journal) -> None:
        if first and first.pop():
            with suppress(StrangeError):
                fault.strike()
            raise JournalBusyError("locked")
        flush(journal)

    patch.setattr(Journal, "flush", flushed)


async def _position(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bridge.journal.position_file.write", fault.strike)


async def _renewal(world: World, fault: Fault, patch: pytest.MonkeyPatch) -> None:
    signatures, first = Renewal._signatures, [True]

    def looked(renewal: Renewal) -> Any:
        return signatures(renewal) if first and first.pop() else fault.strike()

    patch.setattr(Renewal, "_signatures", looked)
    patch.setattr("bridge.daemon.certificate_reload.LOOK_S", 0)


FAULTS: dict[Edge, dict[str, Put]] = {
    foreign_code.SERIAL: {name: _driver(name) for name in ("open", "read", "fileno", "close")},
    foreign_code.LISTING: {"list": _listing},
    foreign_code.LINE_SOCKET: {"connect": _socket},
    foreign_code.LINE_NAME: {"look up": _name},
    foreign_code.LINK: {when: _port(when) for when in ("open", "write", "close")},
    foreign_code.LOCKED: {"flush": _locked},
    foreign_code.POSITION: {"write": _position},
    foreign_code.LIMITS_FILE: {"write": _limits},
    foreign_code.AUTHORITY: {"ask": _authority},
    foreign_code.TILL_API: {"handle": _till_api},
    foreign_code.LISTENERS: {"count": _metrics},
    foreign_code.LOG_SINK: {"write": _log},
    foreign_code.MANAGER: {"send": _manager},
    foreign_code.RENEWAL: {"look": _renewal},
}
# These end the bridge, or keep it from starting, which is their policy.
ENDS = {
    foreign_code.JOURNAL: "memory may not say more than the disk",
    foreign_code.PAPERS: "a bridge without its certificates can ask nothing",
}
CASES = [
    pytest.param(put, id=f"{edge.name}-{what}")
    for edge in FAULTS
    for what, put in FAULTS[edge].items()
]


def test_every_edge_has_its_fault() -> None:
    assert {*FAULTS, *ENDS} == set(foreign_code.TABLE)


# Where `close` is the fault, a collected port's finaliser meets it too.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("put", CASES)
async def test_the_other_till_goes_on(
    put: Put, stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped.add_receiver(OTHER)
    fault = Fault()
    await put(stopped, fault, monkeypatch)
    async with stopped.bridge():
        await stopped.posted("sale-number-0001", till=TILL)
        await stopped.call("GET", "/v1/receivers")
        await fault.met()
        await stopped.posted("sale-number-0002", till=TILL)
        assert stopped.daemon.service.healthy


async def test_a_question_that_fails_is_unknown_and_asked_again(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _authority(stopped, Fault(), monkeypatch, but="")
    async with stopped.bridge():
        await stopped.ring_up()
        async with stopped.watching() as told:
            await stopped.pay()
            assert (await told("authority_timeout"))["state"] == "unknown"
            assert (await told("till_notified"))["state"] == "approved"
        assert (await stopped.ended("paid"))["settlement"] == "posted"


def flood(port: Port) -> None:
    """More than a pseudo-terminal holds."""
    for _ in range(64):
        port.write(bytes(4096))


async def test_a_board_that_takes_nothing_holds_up_no_other(stopped: World) -> None:
    """Its line is lost and opened anew, and every answer to the tills comes meanwhile."""
    end = terminal()
    [first] = stopped.config.receivers
    stopped.add_receiver(OTHER)
    row = ReceiverConfig(OTHER, first.certificate, end.url)
    stopped.config = replace(stopped.config, receivers=(first, row))
    line_through(stopped, serial_port.opener(end.url))
    stopped.others[end.url] = stopped.others[URL]
    async with stopped.bridge():
        link = stopped.daemon.service.sessions[OTHER].link
        async with asyncio.timeout(PATIENCE_S):
            while link.counters["opened"] < 1:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
        port = link._port
        assert port is not None
        with pytest.raises(serial_port.PortError, match="takes no more"):
            flood(port)
        await stopped.posted("sale-number-0001", till=TILL)
