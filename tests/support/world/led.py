"""A phone that is led by hand: it says what it is told, when it is told, and keeps what it hears.

Its messages are those of an honest `Maker`, unless it is given a crook's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from bleak.exc import BleakError

from receiver.protocol import exchange
from receiver.protocol.messages import Receipt
from receiver.protocol.validation import Offered
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.conversation.events import Gone, Notified
from simulator.phone.conversation.messages import Maker, Presented, Signed
from simulator.phone.conversation.offered_till import OfferedTill
from simulator.phone.transport import scan
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.phone.transport.link import Link
from simulator.phone.wallet.wallet import Wallet
from simulator.world.world import TILL
from tests.support.world.checkout import PATIENCE, SUPERVISION_MS, Checkout

_COMMANDS = (exchange.KEY, exchange.CREDENTIAL)  # written without response


class Led:
    """One link to one receiver. `certificate` and `offer` are what lies there to be read."""

    def __init__(self, link: Link, heard: asyncio.Queue[Any], maker: Maker) -> None:
        self.maker = maker
        self.certificate = b""
        self.offer = b""
        self.presented: Presented
        self.signed: Signed
        self._link = link
        self._heard = heard
        self._keys: dict[bytes, bytes] = {}

    async def read(self) -> None:
        """Read what lies there, and subscribe."""
        read = await self._link.read(lambda _offer: None)
        await self._link.subscribed()
        self.certificate, self.offer = read.certificate, read.offer

    # What an honest phone says, made when it is asked for.

    @property
    def offered(self) -> Offered:
        """The offer, which must hold."""
        till = OfferedTill(self.maker.wallet.pins)
        till.trust(self.certificate, _now())
        return till.check(self.offer)

    def key(self) -> bytes:
        """One for each offer, made when it is first asked for."""
        if self.offer not in self._keys:
            (self._keys[self.offer],) = self.maker.show(self.offered)
        return self._keys[self.offer]

    def credential(self) -> bytes:
        self.presented = self.maker.begin(self.offered, None, _now())
        return self.presented.writes[0]

    def approval(self, code: str = DEMO_CODE) -> bytes:
        """Another one each time; after `credential`."""
        self.signed = self.maker.complete(self.offered, self.presented.credential, code, _now())
        return self.signed.writes[0]

    # On the air.

    async def say(self, *writes: bytes) -> None:
        """Write one after the other; a link that is cut meanwhile is no matter."""
        with suppress(BleakError):
            for write in writes:
                await self._link.write(write, response=write[:1] not in map(_octet, _COMMANDS))

    async def notified(self) -> bytes:
        """The next notification of the exchange, as it was on the air."""
        event: Notified = await self._next(Notified)
        return event.data

    async def refused(self) -> int:
        """The code in the refusal that comes next; then the link is cut."""
        data = await self.notified()
        assert data[0] == exchange.REFUSAL
        code = data[1] if len(data) == 2 else self.maker.refusal(data[1:])
        await self.cut()
        return code

    async def receipt(self) -> Receipt:
        """The authority's answer in the result that comes next."""
        data = await self.notified()
        assert data[0] == exchange.RESULT
        wallet = self.maker.wallet
        return wallet.check_receipt(self.signed.pending, self.maker.result(data[1:]))

    async def cut(self) -> None:
        """Wait for the receiver to let go."""
        await self._next(Gone)

    async def _next(self, kind: type[Any]) -> Any:
        """The next of this kind; what else comes before is dropped, but for a lost link."""
        async with asyncio.timeout(PATIENCE):
            while True:
                event = await self._heard.get()
                if isinstance(event, kind):
                    return event
                assert not isinstance(event, Gone), "the link is cut"


@asynccontextmanager
async def led(
    till: Checkout, wallet: Wallet, make: Callable[[Wallet], Maker] = Maker, *, number: int = TILL
) -> AsyncIterator[Led]:
    """A phone on a radio of its own, linked to the till with that number."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    endpoint = till.world.radio.phones
    async with phone_radio(endpoint, supervision_timeout=SUPERVISION_MS) as radio:
        found = await scan.find(radio.scanner, number, PATIENCE)
        assert found is not None
        link = Link(found.device, heard.put_nowait, radio.client)
        try:
            await link.open()
            phone = Led(link, heard, make(wallet))
            await phone.read()
            yield phone
        finally:
            await link.close()


def _octet(kind: int) -> bytes:
    return bytes([kind])


def _now() -> int:
    return int(time.time())
