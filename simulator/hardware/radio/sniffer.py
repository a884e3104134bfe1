"""A passive sniffer on the simulated air: it records what any radio in the room can, without keys.

It stands between the controllers, so that hosts of any kind are on both sides of it. Not recorded:
a request to connect that lost its race (it collided), and silence, by which links time out.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import NamedTuple

from bumble import hci, ll
from bumble.controller import Connection

from .parameters import Parameters

# A purchase makes about 80, so that a forgotten sniffer stops at a day's purchases.
RECORDS_MOST = 20_000

ATT = 4  # the L2CAP channel of the attribute protocol (Vol 3 Part A 2.1)
TERMINATED = ll.ControlPdu.Opcode.LL_TERMINATE_IND.name
FEATURES = ll.ControlPdu.Opcode.LL_FEATURE_RSP.name  # what a radio can do: its model's alone

_L2CAP_HEADER = 4  # length and channel, two bytes each (Vol 3 Part A 3.1)
_PRIVATE = ("non-resolvable", "resolvable", "reserved", "static")  # Vol 6 Part B 1.3.2


class Address(NamedTuple):
    """A device address as people read it, with its type bit on the air."""

    text: str
    is_random: bool

    @property
    def kind(self) -> str:
        """Return "public", or the kind of random address in its bits."""
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
    """A scan request and its response; merged as advertisements are."""

    at: float
    last: float
    times: int
    scanner: Address
    sender: Address
    data: bytes


class Linked(NamedTuple):
    """A request to connect. `interval` and `timeout` in seconds."""

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
    """A PDU of the link layer, with its fields one after the other."""

    at: float
    link: int
    up: bool
    name: str
    data: bytes


Heard = Advertised | Scanned | Linked | Sent | Controlled


class Sniffer:
    """A recorder of everything on an air (`Air.sniffed`). Times by `clock`, seconds.

    Repeats of an advertisement are merged until a link begins or ends.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.records: list[Heard] = []
        self.missed = 0  # records dropped because `records` was full
        self._clock = clock
        self._numbers = count()
        self._links: dict[tuple[Address, Address], int] = {}
        self._runs: dict[tuple[object, ...], int] = {}
        self._news = asyncio.Event()

    async def until(self, ready: Callable[[list[Heard]], bool]) -> None:
        """Wait until `ready` accepts the records."""
        while not ready(self.records):
            await self._news.wait()

    # From the air

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
        """Record a whole L2CAP PDU. Without its request to connect a link cannot be followed."""
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

    # Recording

    def _merge(self, new: Advertised | Scanned) -> None:
        key = (type(new), *new[3:])  # everything but the times
        place = self._runs.get(key)
        if place is not None:
            old = self.records[place]
            assert isinstance(old, (Advertised, Scanned))
            self.records[place] = old._replace(last=new.at, times=old.times + 1)
            self._wake()
        elif self._add(new):
            self._runs[key] = len(self.records) - 1

    def _add(self, record: Heard) -> bool:
        """Add a record; return whether there was room."""
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
    """Return the bytes of a record that were on the air, addresses with their first byte first."""
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
    """Return central and peripheral: two devices have one link at most."""
    own, other = _address(end.self_address), _address(end.peer_address)
    return (own, other) if _is_up(end) else (other, own)


def _fields(pdu: ll.ControlPdu) -> bytes:
    """Encode a PDU's fields: Bumble's have no bytes; numbers take two, as most do on a real air."""
    values = [getattr(pdu, field.name) for field in dataclasses.fields(pdu)]  # type: ignore[arg-type]
    return b"".join(v if isinstance(v, bytes) else int(v).to_bytes(2, "little") for v in values)
