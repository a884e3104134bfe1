"""A passive sniffer on the simulated air: what a radio in the room can record, and not one key.

It stands between the controllers, so that hosts of any kind are on both sides of it. Not recorded:
a request to connect that lost its race (it collided), and silence, by which lost links end.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from bumble import hci, ll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bumble.controller import Connection

    from .parameters import Parameters

# A purchase leaves about 80, so that a forgotten sniffer ends at a day's purchases.
RECORDS_MOST = 20_000

ATT = 4  # the L2CAP channel of the attribute protocol (Vol 3 Part A 2.1)
TERMINATED = ll.ControlPdu.Opcode.LL_TERMINATE_IND.name

_L2CAP_HEADER = 4  # length and channel, two bytes each (Vol 3 Part A 3.1)
_PRIVATE = ("non-resolvable", "resolvable", "reserved", "static")  # Vol 6 Part B 1.3.2


class Address(NamedTuple):
    """A device address as people read it, and the bit beside it on the air."""

    text: str
    is_random: bool

    @property
    def kind(self) -> str:
        """What its bits say: "public", or which kind of random."""
        return _PRIVATE[int(self.text[:2], 16) >> 6] if self.is_random else "public"


class Advertised(NamedTuple):
    """One advertisement and its repeats, from the first to the last."""

    at: float
    last: float
    times: int
    kind: str
    sender: Address
    data: bytes


class Scanned(NamedTuple):
    """A request for more, and the scan response to it; merged as advertisements are."""

    at: float
    last: float
    times: int
    scanner: Address
    sender: Address
    data: bytes


class Linked(NamedTuple):
    """A request to connect that was heard. `interval` and `timeout` in seconds."""

    at: float
    link: int
    central: Address
    peripheral: Address
    interval: float
    latency: int
    timeout: float


class Sent(NamedTuple):
    """An L2CAP PDU without its header; `up` is from the central to the peripheral."""

    at: float
    link: int
    up: bool
    channel: int
    data: bytes


class Controlled(NamedTuple):
    """A PDU of the link layer itself, with its fields one after the other."""

    at: float
    link: int
    up: bool
    name: str
    data: bytes


Heard = Advertised | Scanned | Linked | Sent | Controlled


class Sniffer:
    """Writes down what is sent while it is on an air (`Air.sniffed`). Times by `clock`, seconds.

    Repeats of an advertisement are merged until a link begins or ends.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.records: list[Heard] = []
        self.missed = 0  # what came when `records` was full
        self._clock = clock
        self._numbers = count()
        self._links: dict[tuple[Address, Address], int] = {}
        self._runs: dict[tuple[object, ...], int] = {}
        self._news = asyncio.Event()

    async def until(self, ready: Callable[[list[Heard]], bool]) -> None:
        """Wait until the records are such."""
        while not ready(self.records):
            await self._news.wait()

    # What the air tells

    def advertised(self, kind: str, sender: hci.Address, data: bytes) -> None:
        now = self._clock()
        self._merge(Advertised(now, now, 1, kind, _address(sender), data))

    def scanned(self, scanner: hci.Address, sender: hci.Address, response: bytes) -> None:
        now = self._clock()
        self._merge(Scanned(now, now, 1, _address(scanner), _address(sender), response))

    def linked(self, end: Connection, parameters: Parameters) -> None:
        pair = _pair(end)
        link = next(self._numbers)
        interval, timeout = parameters.interval_seconds, parameters.timeout_seconds
        self._runs.clear()
        if self._add(Linked(self._clock(), link, *pair, interval, parameters.latency, timeout)):
            self._links[pair] = link

    def sent(self, end: Connection, pdu: bytes) -> None:
        """A whole L2CAP PDU. Who has missed the request to connect cannot follow the link."""
        link = self._links.get(_pair(end))
        if link is not None:
            channel = int.from_bytes(pdu[2:_L2CAP_HEADER], "little")
            self._add(Sent(self._clock(), link, _is_up(end), channel, pdu[_L2CAP_HEADER:]))

    def controlled(self, end: Connection, pdu: ll.ControlPdu) -> None:
        link = self._links.get(_pair(end))
        if link is not None:
            self._add(Controlled(self._clock(), link, _is_up(end), pdu.opcode.name, _fields(pdu)))
            if isinstance(pdu, ll.TerminateInd):
                self._runs.clear()

    # The record

    def _merge(self, new: Advertised | Scanned) -> None:
        key = (type(new), *new[3:])  # all but the times
        place = self._runs.get(key)
        if place is not None:
            old = self.records[place]
            assert isinstance(old, (Advertised, Scanned))
            self.records[place] = old._replace(last=new.at, times=old.times + 1)
            self._wake()
        elif self._add(new):
            self._runs[key] = len(self.records) - 1

    def _add(self, record: Heard) -> bool:
        """Whether there was room for it."""
        has_room = len(self.records) < RECORDS_MOST
        if has_room:
            self.records.append(record)
        else:
            self.missed += 1
        self._wake()
        return has_room

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def octets(record: Heard) -> Iterator[bytes]:
    """Everything in a record that was on the air, addresses with their first byte first."""
    for value in record:
        if isinstance(value, Address):
            yield bytes.fromhex(value.text.replace(":", ""))
        elif isinstance(value, bytes):
            yield value


def _address(address: hci.Address) -> Address:
    return Address(address.to_string(with_type_qualifier=False), address.is_random)


def _is_up(end: Connection) -> bool:
    return end.role == hci.Role.CENTRAL


def _pair(end: Connection) -> tuple[Address, Address]:
    """Central and peripheral: two devices have one link at most."""
    own, other = _address(end.self_address), _address(end.peer_address)
    return (own, other) if _is_up(end) else (other, own)


def _fields(pdu: ll.ControlPdu) -> bytes:
    """Bumble's PDUs have fields but no bytes; numbers take two, as most do on a true air."""
    values = [getattr(pdu, field.name) for field in dataclasses.fields(pdu)]  # type: ignore[arg-type]
    return b"".join(v if isinstance(v, bytes) else int(v).to_bytes(2, "little") for v in values)
