"""A GATT server that answers as NimBLE and MicroPython together.

Discovery is Bumble's. Reads, writes and the MTU are ours: data too long for a value's buffer is cut
and still acknowledged, one request at a time waits for the firmware's handler, and all links share
few buffers.
"""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import NamedTuple, Protocol

from bumble import att
from bumble.device import Connection, Device

from simulator.hardware.micropython import radiowire as wire

from .buffers import ANSWER, Buffers
from .table import Permissions, Table

PREPARED_LIMIT = 64  # NimBLE's BLE_ATT_SVR_MAX_PREP_ENTRIES
VALUE_LIMIT = 512  # the longest attribute value (Vol 3 Part F 3.2.9)
PREFERRED_MTU = 256  # the value in ESP-IDF's build of NimBLE


class Handler(Protocol):
    """The firmware's IRQ handler."""

    async def ask(self, event: int, *fields: int) -> int:
        """Run it and wait for its verdict, 0 to allow."""

    def tell(self, event: int, *fields: int | bytes) -> None:
        """Run it when it is free."""


class Telling(NamedTuple):
    """A queued event."""

    event: int
    fields: tuple[int | bytes, ...]


class GattServer(Table):
    """One queue for the requests of all phones."""

    def __init__(self, device: Device, handler: Handler) -> None:
        super().__init__(device)
        self.max_mtu = PREFERRED_MTU
        self.buffers = {}
        self.subscriptions = {}
        self.blocks = Buffers(device, self._prepared)
        self.agreed: set[Connection] = set()  # links whose MTU one side has asked for
        self._handler = handler
        self._inbox: asyncio.Queue[tuple[Connection, att.ATT_PDU] | Telling] = asyncio.Queue()

    def on_gatt_pdu(self, bearer: att.Bearer, att_pdu: att.ATT_PDU) -> None:
        """Queue a PDU; drop one that is too long, or finds no buffer, without a word."""
        assert isinstance(bearer, Connection)
        if len(bytes(att_pdu)) <= bearer.att_mtu and self.blocks.arrive():
            self._inbox.put_nowait((bearer, att_pdu))

    def on_disconnection(self, bearer: att.Bearer) -> None:
        super().on_disconnection(bearer)
        assert isinstance(bearer, Connection)
        self.blocks.forget(bearer.handle)
        self.agreed.discard(bearer)

    def send_gatt_pdu(self, bearer: att.Bearer, pdu: bytes) -> None:
        assert isinstance(bearer, Connection)
        self.blocks.send(bearer, pdu, ANSWER)

    def tell_in_order(self, event: int, *fields: int | bytes) -> None:
        """Queue an event after all earlier requests."""
        self._inbox.put_nowait(Telling(event, fields))

    async def run(self) -> None:
        """Handle one item after the other, as NimBLE's host task does."""
        while True:
            item = await self._inbox.get()
            if isinstance(item, Telling):
                self._handler.tell(item.event, *item.fields)
            else:
                await self._serve(*item)
                self.blocks.handled()

    def _prepared(self) -> int:
        return sum(len(queue) for queue in self.prepared_writes.values())

    def _here(self, peer: Connection) -> bool:
        return self.device.connections.get(peer.handle) is peer

    async def _serve(self, peer: Connection, pdu: att.ATT_PDU) -> None:
        # A last write still counts after its phone has left; other requests need an answer.
        if not self._here(peer) and not isinstance(
            pdu, (att.ATT_Write_Request, att.ATT_Write_Command)
        ):
            return
        match pdu:
            case att.ATT_Read_Request():
                await self._on_read(peer, pdu, 0)
            case att.ATT_Read_Blob_Request():
                await self._on_read(peer, pdu, pdu.value_offset)
            case att.ATT_Read_Multiple_Request():
                await self._on_read_multiple(peer, pdu)
            case att.ATT_Write_Request():
                await self._on_write(peer, pdu)
            case att.ATT_Write_Command():
                await self._write(peer, pdu.attribute_handle, pdu.attribute_value)
            case att.ATT_Prepare_Write_Request():
                self._on_prepare(peer, pdu)
            case att.ATT_Execute_Write_Request():
                await self._on_execute(peer, pdu)
            case att.ATT_Exchange_MTU_Request():
                super().on_gatt_pdu(peer, pdu)
                self.agreed.add(peer)
                self._handler.tell(wire.IRQ_MTU_EXCHANGED, peer.handle, peer.att_mtu)
            case _:
                super().on_gatt_pdu(peer, pdu)

    async def _on_read(
        self, peer: Connection, pdu: att.ATT_Read_Request | att.ATT_Read_Blob_Request, offset: int
    ) -> None:
        error, value = await self._value(peer, pdu.attribute_handle)
        if not error and offset > len(value):
            error = att.ErrorCode.INVALID_OFFSET
        part = value[offset : offset + peer.att_mtu - 1]
        if isinstance(pdu, att.ATT_Read_Request):
            return self._answer(peer, pdu, error, att.ATT_Read_Response(part))
        return self._answer(peer, pdu, error, att.ATT_Read_Blob_Response(part))

    async def _on_read_multiple(self, peer: Connection, pdu: att.ATT_Read_Multiple_Request) -> None:
        """Read one value after the other until the packet is full, as NimBLE does."""
        if not self.blocks.free():
            return self._answer(peer, pdu, att.ErrorCode.INSUFFICIENT_RESOURCES)
        values = b""
        for handle in pdu.set_of_handles:
            error, value = await self._value(peer, handle)
            if error:
                return self._answer(peer, pdu, error, handle=handle)
            values += value
            if len(values) >= peer.att_mtu - 1:
                break
        response = att.ATT_Read_Multiple_Response(values[: peer.att_mtu - 1])
        return self._answer(peer, pdu, 0, response)

    async def _value(self, peer: Connection, handle: int) -> tuple[int, bytes]:
        """Return an ATT error or 0, and the value, which the handler may have changed or denied."""
        attribute = self.get_attribute(handle)
        if attribute is None:
            return att.ErrorCode.INVALID_HANDLE, b""
        if not attribute.permissions & Permissions.READABLE:
            return att.ErrorCode.READ_NOT_PERMITTED, b""
        error = 0
        if handle in self.buffers:
            error = await self._handler.ask(wire.IRQ_GATTS_READ_REQUEST, peer.handle, handle)
        return error, await attribute.read_value(peer)

    async def _on_write(self, peer: Connection, pdu: att.ATT_Write_Request) -> None:
        """Handle a write if there is a block for its answer, which NimBLE makes first."""
        if not self.blocks.free():
            return self._answer(peer, pdu, att.ErrorCode.INSUFFICIENT_RESOURCES)
        with self.blocks.reserved():
            error = await self._write(peer, pdu.attribute_handle, pdu.attribute_value)
        return self._answer(peer, pdu, error, att.ATT_Write_Response())

    async def _write(self, peer: Connection, handle: int, data: bytes) -> int:
        """Store a value and run the handler; return an ATT error or 0."""
        attribute = self.get_attribute(handle)
        if attribute is None:
            return att.ErrorCode.INVALID_HANDLE
        if not attribute.permissions & Permissions.WRITEABLE:
            return att.ErrorCode.WRITE_NOT_PERMITTED
        buffer = self.buffers.get(handle)
        if len(data) > VALUE_LIMIT or (buffer is None and len(data) != 2):
            return att.ErrorCode.INVALID_ATTRIBUTE_LENGTH
        if buffer is None:  # a client configuration: MicroPython gets no event
            if int.from_bytes(data, "little") & ~self.subscriptions[handle]:
                return att.ErrorCode.REQUEST_NOT_SUPPORTED
            if self._here(peer):
                await attribute.write_value(peer, data)
            return 0
        buffer.put(data)
        await self._handler.ask(wire.IRQ_GATTS_WRITE, peer.handle, handle)
        return 0

    def _on_prepare(self, peer: Connection, pdu: att.ATT_Prepare_Write_Request) -> None:
        queue = self.prepared_writes.setdefault(peer, [])
        attribute = self.get_attribute(pdu.attribute_handle)
        error = 0
        if attribute is None:
            error = att.ErrorCode.INVALID_HANDLE
        elif not attribute.permissions & Permissions.WRITEABLE:
            error = att.ErrorCode.WRITE_NOT_PERMITTED
        elif self._prepared() >= PREPARED_LIMIT:
            error = att.ErrorCode.PREPARE_QUEUE_FULL
        elif not self.blocks.free():
            error = att.ErrorCode.INSUFFICIENT_RESOURCES
        else:
            queue.append((pdu.attribute_handle, pdu.value_offset, pdu.part_attribute_value))
        echo = att.ATT_Prepare_Write_Response(
            pdu.attribute_handle, pdu.value_offset, pdu.part_attribute_value
        )
        self._answer(peer, pdu, error, echo)

    async def _on_execute(self, peer: Connection, pdu: att.ATT_Execute_Write_Request) -> None:
        queue = sorted(self.prepared_writes.pop(peer, []), key=lambda part: part[:2])
        values: list[tuple[int, bytes]] = []
        error = 0
        for handle, parts in groupby(queue if pdu.flags else [], key=lambda part: part[0]):
            value = b""
            for _, offset, part in parts:
                if offset != len(value):
                    error = error or att.ErrorCode.INVALID_OFFSET
                value += part
            if len(value) > VALUE_LIMIT:
                error = error or att.ErrorCode.INVALID_ATTRIBUTE_LENGTH
            values.append((handle, value))
        for handle, value in values if not error else []:
            error = error or await self._write(peer, handle, value)
        self._answer(peer, pdu, error, att.ATT_Execute_Write_Response())

    def _answer(
        self,
        peer: Connection,
        request: att.ATT_PDU,
        error: int,
        response: att.ATT_PDU | None = None,
        handle: int = 0,
    ) -> None:
        if not self._here(peer):
            return  # it left while the handler ran
        if error or response is None:
            response = att.ATT_Error_Response(
                request_opcode_in_error=request.op_code,
                attribute_handle_in_error=getattr(request, "attribute_handle", handle),
                error_code=error,
            )
        self.send_response(peer, response)
