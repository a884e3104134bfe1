"""Attackers that hold the radio's buffers: they prepare writes, and execute none.

Each has a new address every time, and is back as soon as it is cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bleak import BleakScanner
from bumble import att, core, hci
from bumble.device import Connection, Device

from receiver.protocol import gatt
from simulator.phone.transport.bleak_backend import PhoneRadio, phone_radio
from tests.support.world.checkout import PATIENCE, SUPERVISION_MS, Checkout
from tests.support.world.crowd import sent_home

MTU = 247
GOODBYE_S = 1.0  # to end a link, so that nothing is left for the next test
AGAIN_S = 0.02  # between two tries to take what has become free
FULL = att.ErrorCode.INSUFFICIENT_RESOURCES


class Attacker:
    """One phone. `polite` raises the MTU first, as an honest one does."""

    def __init__(self, till: Checkout, *, polite: bool) -> None:
        self.full = asyncio.Event()  # the receiver has refused a write for want of a buffer
        self._till = till
        self._polite = polite

    async def attack(self) -> None:
        """Without end."""
        endpoint = self._till.world.radio.phones
        while True:
            async with phone_radio(endpoint, supervision_timeout=SUPERVISION_MS) as radio:
                with suppress(core.BaseBumbleError, hci.HCI_Error, TimeoutError):
                    await self._visit(radio)

    async def _visit(self, radio: PhoneRadio) -> None:
        connection = await radio.device.connect_le(await _till(radio), timeout=PATIENCE)
        gone = asyncio.Event()
        connection.on(Connection.EVENT_DISCONNECTION, lambda _reason: gone.set())
        holding = asyncio.create_task(self._hold(radio.device, connection))
        try:
            await gone.wait()
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
            if not gone.is_set():
                async with asyncio.timeout(GOODBYE_S):
                    await connection.disconnect()

    async def _hold(self, device: Device, connection: Connection) -> None:
        client = connection.gatt_client
        if self._polite:
            await client.request_mtu(MTU)
        handle = await _exchange(connection)
        while True:
            answer = await client.send_request(att.ATT_Prepare_Write_Request(handle, 0, b"x"))
            if isinstance(answer, att.ATT_Error_Response):
                assert answer.error_code == FULL
                self.full.set()
                await asyncio.sleep(AGAIN_S)


async def _till(radio: PhoneRadio) -> hci.Address:
    scanner = BleakScanner(service_uuids=[gatt.SERVICE], backend=radio.scanner)
    async with scanner, asyncio.timeout(PATIENCE):
        async for device, _ in scanner.advertisement_data():
            address: hci.Address = device.details
            return address
    raise AssertionError


async def _exchange(connection: Connection) -> int:
    """The handle of the characteristic that phones write to."""
    client = connection.gatt_client
    (service,) = await client.discover_service(core.UUID(gatt.SERVICE))
    (exchange,) = await client.discover_characteristics([core.UUID(gatt.EXCHANGE)], service)
    return exchange.handle


@asynccontextmanager
async def starved(till: Checkout, count: int, *, polite: bool = False) -> AsyncIterator[None]:
    """So many attackers; inside one of them has found no buffer left, and they go on."""
    attackers = [Attacker(till, polite=polite) for _ in range(count)]
    tasks = [asyncio.create_task(one.attack()) for one in attackers]
    full = [asyncio.create_task(one.full.wait()) for one in attackers]
    async with sent_home(tasks), sent_home(full):
        done, _ = await asyncio.wait(full, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        assert done
        yield
    assert all(task.cancelled() for task in tasks)
