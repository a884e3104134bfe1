"""A man in the middle of the simulated air: links have no key, so he hears, holds back and adds."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

from bumble import att, hci

from receiver.protocol import exchange
from simulator.hardware.radio.connection import RadioConnection

PATIENCE = 20.0  # seconds; every wait here takes a fraction of one

_L2CAP = 4  # length and channel, two bytes each (Core 5.4 Vol 3 Part A 3.1)
_ATT = 3  # opcode and handle (Vol 3 Part F 3.4.5)
_UP = (att.Opcode.ATT_WRITE_REQUEST, att.Opcode.ATT_WRITE_COMMAND)
_DOWN = (att.Opcode.ATT_HANDLE_VALUE_NOTIFICATION,)
_KINDS = {
    True: (exchange.KEY, exchange.CREDENTIAL, exchange.APPROVAL, exchange.LEAVE),
    False: (exchange.RESULT, exchange.REFUSAL),
}


class Said(NamedTuple):
    """A message of the exchange, on its way to `end`; `up` is towards the receiver."""

    end: RadioConnection
    up: bool
    data: bytes
    pdu: bytes

    @property
    def kind(self) -> int:
        return self.data[0]

    @property
    def phone(self) -> str:
        """The address of the phone that says it or hears it."""
        address = self.end.peer_address if self.up else self.end.self_address
        return str(address.to_string(with_type_qualifier=False))

    @property
    def shape(self) -> tuple[bool, int, int]:
        """What an eavesdropper sees of it: direction, type and length."""
        return self.up, self.kind, len(self.data)


class Middle:
    """`said` is all that was said in an exchange, `held` what waits to be released."""

    def __init__(self, deliver: Callable[[RadioConnection, bytes], None]) -> None:
        self.said: list[Said] = []
        self.held: list[Said] = []
        self._deliver = deliver
        self._holding: tuple[int, ...] = ()
        self._news = asyncio.Event()

    def hold(self, *kinds: int) -> None:
        """From now on messages of these types (of `exchange`) go no further."""
        self._holding = kinds

    def release(self, *order: int) -> None:
        """Hold no longer, and let on what is held: all, or these of it in this order."""
        self.hold()
        held, self.held = self.held, []
        for place in order or range(len(held)):
            self._deliver(held[place].end, held[place].pdu)

    def forget(self) -> None:
        """Hold no longer; what was held is lost."""
        self.hold()
        self.held = []

    async def until_held(self, count: int) -> None:
        await self._until(lambda: len(self.held) >= count)

    async def until_said(self, kind: int, count: int = 1) -> Said:
        """The last of `count` messages of this type; waits for it."""
        await self._until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    def of(self, kind: int) -> list[Said]:
        return [said for said in self.said if said.kind == kind]

    def add(self, after: Said, data: bytes) -> None:
        """Say this to the phone that said `after`, in the receiver's name."""
        assert after.up
        assert after.end.peer is not None
        handle = after.pdu[_L2CAP + 1 : _L2CAP + _ATT]
        self._deliver(after.end.peer, _pdu(bytes([_DOWN[0]]) + handle + data))

    def carry(self, end: RadioConnection, pdu: bytes) -> None:
        """One PDU that would arrive at `end`."""
        said = _said(end, pdu)
        if said is None:
            self._deliver(end, pdu)
            return
        self.said.append(said)
        if said.kind in self._holding:
            self.held.append(self._kept(said))
        else:
            self._deliver(end, pdu)
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _kept(self, said: Said) -> Said:
        """A request is acknowledged, as its phone waits for that; it goes on as a command."""
        if said.pdu[_L2CAP] != att.Opcode.ATT_WRITE_REQUEST:
            return said
        assert said.end.peer is not None
        self._deliver(said.end.peer, _pdu(bytes([att.Opcode.ATT_WRITE_RESPONSE])))
        return said._replace(
            pdu=_pdu(bytes([att.Opcode.ATT_WRITE_COMMAND]) + said.pdu[_L2CAP + 1 :])
        )

    async def _until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not ready():
                await self._news.wait()


@contextmanager
def in_the_middle() -> Iterator[Middle]:
    """One who is between all phones and receivers of this process while inside."""
    middle = Middle(RadioConnection.receive)

    def receive(end: RadioConnection, pdu: bytes) -> None:
        middle.carry(end, pdu)

    with mock.patch.object(RadioConnection, "receive", receive):
        yield middle
        middle.release()


def _pdu(body: bytes) -> bytes:
    """An L2CAP PDU on the channel of the attribute protocol."""
    return struct.pack("<HH", len(body), att.ATT_CID) + body


def _said(end: RadioConnection, pdu: bytes) -> Said | None:
    """The message of the exchange in a PDU, if it is one: no other has its first byte."""
    up = end.role == hci.Role.PERIPHERAL
    data = pdu[_L2CAP + _ATT :]
    fits = pdu[_L2CAP] in (_UP if up else _DOWN) and data and data[0] in _KINDS[up]
    return Said(end, up, data, pdu) if fits else None
