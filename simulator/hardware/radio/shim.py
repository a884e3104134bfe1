"""The radio's end of the receiver's `bluetooth` module (see `radiowire`)."""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bumble import core

from simulator.hardware.micropython import radiowire as wire

from .controller import RadioController
from .stack import Stack, StackError
from .streams import Frames
from .table import Entry

Observe = Callable[[int, tuple[int | bytes, ...]], None]

TOKEN_SIZE = 4


class Shim:
    """One receiver's process: its two streams, and the stack while the radio is active.

    `observe` takes each event that the firmware's handler gets.
    """

    def __init__(self, controller: RadioController, observe: Observe) -> None:
        self._controller = controller
        self._observe = observe
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
            self._observe(event, fields)
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
                answer = await _ask(self._stack, code, body)
        except StackError as error:
            self._answer(stream, error.code)
        except ValueError:  # Bumble's word for what it cannot encode
            self._answer(stream, wire.EINVAL)
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


async def _advertise(stack: Stack, body: bytes) -> None:
    interval, connectable, *lengths = struct.unpack_from(wire.ADVERTISE_FORMAT, body)
    rest = body[struct.calcsize(wire.ADVERTISE_FORMAT) :]
    payloads: list[bytes | None] = []
    for length in lengths:
        payloads.append(None if length == wire.KEEP else rest[:length])
        rest = rest if length == wire.KEEP else rest[length:]
    await stack.advertise(interval, bool(connectable), *payloads)


def _register(stack: Stack, rest: bytes) -> bytes:
    entries = []
    while rest:
        kind, flags, length = struct.unpack_from(wire.ENTRY_FORMAT, rest)
        start = struct.calcsize(wire.ENTRY_FORMAT)
        entries.append(Entry(kind, flags, core.UUID.from_bytes(rest[start : start + length])))
        rest = rest[start + length :]
    handles = [handle for service in stack.register(entries) for handle in service]
    return struct.pack(f"<{len(handles)}H", *handles)


class Question(NamedTuple):
    """The layout of a question's body, and the function that answers it.

    The function gets the fields and the bytes behind them. It may be a coroutine, and returns the
    answer, or None for an empty one.
    """

    layout: str
    work: Callable[..., object]


_QUESTIONS = {
    wire.GET_MAC: Question("", lambda stack, _: struct.pack("<B6s", *stack.address)),
    wire.GET_MTU: Question("", lambda stack, _: struct.pack("<H", stack.mtu)),
    wire.GET_NAME: Question("", lambda stack, _: stack.name),
    wire.SET_MTU: Question("<H", lambda stack, mtu, _: stack.set_mtu(mtu)),
    wire.SET_NAME: Question("", lambda stack, name: stack.set_name(name)),
    wire.SET_ADDRESS_MODE: Question("<B", lambda stack, mode, _: stack.set_address_mode(mode)),
    wire.ADVERTISE: Question("", _advertise),
    wire.ADVERTISE_STOP: Question("", lambda stack, _: stack.advertise_stop()),
    wire.REGISTER: Question("", _register),
    wire.READ: Question("<H", lambda stack, handle, _: stack.read(handle)),
    wire.WRITE: Question(
        "<H?", lambda stack, handle, update, value: stack.write(handle, value, update)
    ),
    wire.NOTIFY: Question(
        "<HH?",
        lambda stack, connection, handle, given, value: stack.notify(
            connection, handle, value if given else None
        ),
    ),
    wire.SET_BUFFER: Question(
        "<HH?", lambda stack, handle, size, append, _: stack.set_buffer(handle, size, append)
    ),
    wire.DISCONNECT: Question("<H", lambda stack, connection, _: stack.disconnect(connection)),
    wire.EXCHANGE_MTU: Question("<H", lambda stack, connection, _: stack.exchange_mtu(connection)),
}


async def _ask(stack: Stack, code: int, body: bytes) -> bytes:
    """Raise StackError, as the stack does."""
    question = _QUESTIONS[code]
    rest = body[struct.calcsize(question.layout) :]
    answer = question.work(stack, *struct.unpack_from(question.layout, body), rest)
    if isinstance(answer, Awaitable):
        answer = await answer
    return answer if isinstance(answer, bytes) else b""
