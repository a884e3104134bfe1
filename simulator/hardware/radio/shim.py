"""The radio's end of the receiver's `bluetooth` module (see `radiowire`)."""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Awaitable, Callable

from bumble import core

from simulator.hardware.micropython import radiowire as wire

from .controller import RadioController
from .stack import Stack, StackError
from .streams import Frames
from .table import Entry

TOKEN_SIZE = 4


class Shim:
    """One receiver's process: its two streams, and the stack while the radio is active."""

    def __init__(self, controller: RadioController) -> None:
        self._controller = controller
        self._asking: Frames | None = None
        self._events: Frames | None = None
        self._token = b""
        self._stack: Stack | None = None
        self._handled = False
        self._verdict: asyncio.Future[int] | None = None
        self._serial = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def stream(self) -> Frames:
        """Accept a new stream from the receiver's process."""
        return Frames(self._on_frame, self._on_lost)

    async def close(self) -> None:
        tasks = list(self._tasks)
        self._end()
        await asyncio.gather(*tasks, return_exceptions=True)

    # The firmware's handler, for the stack

    def tell(self, event: int, *fields: int | bytes) -> None:
        self._send_event(event, 0, fields)

    async def ask(self, event: int, *fields: int) -> int:
        if not self._handled:
            return 0
        self._serial = self._serial % 255 + 1
        self._verdict = asyncio.get_running_loop().create_future()
        self._send_event(event, self._serial, fields)
        return await self._verdict

    def _send_event(self, event: int, serial: int, fields: tuple[int | bytes, ...]) -> None:
        if self._handled and self._events is not None:
            layout = wire.FIELDS.get(event, wire.ADDRESS_FIELDS)
            self._events.send(wire.EVENT, bytes([event, serial]) + struct.pack(layout, *fields))

    def _on_verdict(self, body: bytes) -> None:
        serial, verdict, handled = struct.unpack("<Bh?", body)
        self._handled = self._handled and handled
        if serial == self._serial and self._verdict is not None and not self._verdict.done():
            self._verdict.set_result(verdict)

    # The receiver's process

    def _on_frame(self, stream: Frames, code: int, body: bytes) -> None:
        if stream is self._asking:
            task = asyncio.create_task(self._serve(stream, code, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif stream is self._events and code == wire.VERDICT:
            self._on_verdict(body)
        elif code == wire.HELLO_ASK:
            self._end()  # the line may replace a process before its end is noticed here
            self._asking, self._token = stream, secrets.token_bytes(TOKEN_SIZE)
            self._answer(stream, 0, self._token)
        elif code == wire.HELLO_EVENTS and body == self._token:
            self._events = stream
            self._answer(stream, 0)
        else:
            stream.close()

    def _on_lost(self, stream: Frames) -> None:
        if stream in (self._asking, self._events):
            self._end()

    def _end(self) -> None:
        """End the stack: the process is gone, its peers receive nothing more."""
        for stream in (self._asking, self._events):
            if stream is not None:
                stream.close()
        for task in self._tasks:
            task.cancel()
        if self._stack is not None:
            self._stack.die()
            self._controller.host = None
            self._controller.restart()
        self._asking = self._events = self._stack = None
        self._handled = False

    def _answer(self, stream: Frames, error: int, body: bytes = b"") -> None:
        stream.send(wire.ANSWER, struct.pack("<h", error) + body)

    async def _serve(self, stream: Frames, code: int, body: bytes) -> None:
        try:
            if code == wire.ACTIVE:
                answer = await self._on_active(body)
            elif code == wire.IRQ:
                self._handled = bool(body[0])
                answer = b""
            elif self._stack is None or code not in _QUESTIONS:
                raise StackError(wire.ENODEV)
            else:
                answer = await _QUESTIONS[code](self._stack, body)
        except StackError as error:
            self._answer(stream, error.code)
        else:
            self._answer(stream, 0, answer)

    async def _on_active(self, body: bytes) -> bytes:
        if self._stack is not None:
            await self._stack.stop()
            self._stack = None
        if body[0]:
            self._stack = Stack(self._controller, self)
            await self._stack.start()
        return b""


# Questions to the stack


async def _get_mac(stack: Stack, _body: bytes) -> bytes:
    return struct.pack("<B6s", *stack.address)


async def _get_mtu(stack: Stack, _body: bytes) -> bytes:
    return struct.pack("<H", stack.mtu)


async def _get_name(stack: Stack, _body: bytes) -> bytes:
    return stack.name


async def _set_mtu(stack: Stack, body: bytes) -> bytes:
    (stack.mtu,) = struct.unpack("<H", body)
    return b""


async def _set_name(stack: Stack, body: bytes) -> bytes:
    stack.set_name(body)
    return b""


async def _set_address_mode(stack: Stack, body: bytes) -> bytes:
    stack.set_address_mode(body[0])
    return b""


async def _advertise(stack: Stack, body: bytes) -> bytes:
    interval, connectable, *lengths = struct.unpack_from(wire.ADVERTISE_FORMAT, body)
    rest = body[struct.calcsize(wire.ADVERTISE_FORMAT) :]
    payloads: list[bytes | None] = []
    for length in lengths:
        payloads.append(None if length == wire.KEEP else rest[:length])
        rest = rest if length == wire.KEEP else rest[length:]
    await stack.advertise(interval, bool(connectable), payloads[0], payloads[1])
    return b""


async def _advertise_stop(stack: Stack, _body: bytes) -> bytes:
    await stack.advertise_stop()
    return b""


async def _register(stack: Stack, body: bytes) -> bytes:
    entries = []
    while body:
        kind, flags, length = struct.unpack_from(wire.ENTRY_FORMAT, body)
        start = struct.calcsize(wire.ENTRY_FORMAT)
        uuid = core.UUID.from_bytes(body[start : start + length])
        entries.append(Entry(kind, flags, uuid))
        body = body[start + length :]
    handles = [handle for service in stack.register(entries) for handle in service]
    return struct.pack(f"<{len(handles)}H", *handles)


async def _read(stack: Stack, body: bytes) -> bytes:
    (handle,) = struct.unpack("<H", body)
    return stack.read(handle)


async def _write(stack: Stack, body: bytes) -> bytes:
    handle, update = struct.unpack_from("<H?", body)
    stack.write(handle, body[3:], update)
    return b""


async def _notify(stack: Stack, body: bytes) -> bytes:
    connection, handle, given = struct.unpack_from("<HH?", body)
    stack.notify(connection, handle, body[5:] if given else None)
    return b""


async def _set_buffer(stack: Stack, body: bytes) -> bytes:
    stack.set_buffer(*struct.unpack("<HH?", body))
    return b""


async def _disconnect(stack: Stack, body: bytes) -> bytes:
    await stack.disconnect(*struct.unpack("<H", body))
    return b""


_QUESTIONS: dict[int, Callable[[Stack, bytes], Awaitable[bytes]]] = {
    wire.GET_MAC: _get_mac,
    wire.GET_MTU: _get_mtu,
    wire.GET_NAME: _get_name,
    wire.SET_MTU: _set_mtu,
    wire.SET_NAME: _set_name,
    wire.SET_ADDRESS_MODE: _set_address_mode,
    wire.ADVERTISE: _advertise,
    wire.ADVERTISE_STOP: _advertise_stop,
    wire.REGISTER: _register,
    wire.READ: _read,
    wire.WRITE: _write,
    wire.NOTIFY: _notify,
    wire.SET_BUFFER: _set_buffer,
    wire.DISCONNECT: _disconnect,
}
