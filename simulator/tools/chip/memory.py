"""The emulated chip's data memory: every buffer in its own place, watched at each access.

A buffer ends just before memory that does not exist. It keeps its alignment within the object that
it views, as on a chip, where objects start at multiples of 16; only views of `bytes` always count
as aligned.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from unicorn import unicorn_const as uni

Buffer: TypeAlias = "bytes | bytearray | memoryview | array[int]"

DATA = 0x4000_0000
PLACE = 0x10_0000  # addresses for one buffer: more than a chip has memory
_PLACES = 16
DATA_END = DATA + _PLACES * PLACE
_PAGE = 0x1000
_ALIGNMENT = 16  # MicroPython's heap hands out blocks of four words


class Machine(Protocol):
    """The part of `unicorn.Uc` in use."""

    def mem_map(self, address: int, size: int, perms: int) -> None: ...
    def mem_read(self, address: int, size: int) -> bytearray: ...
    def mem_write(self, address: int, data: bytes) -> None: ...
    def reg_read(self, reg_id: int) -> int: ...
    def reg_write(self, reg_id: int, value: int) -> None: ...
    def hook_add(
        self, htype: int, callback: Callable[..., object], user: object, begin: int, end: int
    ) -> int: ...
    def emu_start(self, begin: int, until: int) -> None: ...
    def emu_stop(self) -> None: ...


class Held(NamedTuple):
    """One buffer in the chip's memory."""

    address: int
    size: int
    home: Buffer
    own: int | None  # address in this process, to recognise the same memory; None if read-only


class Memory:
    def __init__(self, uc: Machine) -> None:
        self._uc = uc
        self._mapped = [0] * _PLACES  # bytes at the end of each place
        self._held: list[Held] = []

    def clear(self) -> None:
        self._held = []

    def hold(self, buffer: Buffer) -> int:
        """Return the address of a copy; the same memory given twice is one copy."""
        view = memoryview(buffer).cast("B")
        own = None if view.readonly else _address(view)
        for held in self._held:
            if own is None or held.own is None or held.own + held.size <= own:
                continue
            if own + len(view) <= held.own:
                continue
            if (own, len(view)) != (held.own, held.size):
                raise ValueError("two buffers overlap without being the same")
            return held.address
        return self._place(view, buffer, own)

    def _place(self, view: memoryview, buffer: Buffer, own: int | None) -> int:
        at = len(self._held)
        if at == _PLACES or len(view) > PLACE // 2:
            raise ValueError(f"more than {_PLACES} buffers, or one of more than {PLACE // 2} bytes")
        skew = 0 if own is None else (own - _base(buffer, own)) % _ALIGNMENT
        room = -(-(skew + len(view)) // _ALIGNMENT) * _ALIGNMENT
        end = DATA + (at + 1) * PLACE - PLACE // 4
        self._map(at, end, room)
        address = end - room + skew
        self._uc.mem_write(address, bytes(view))
        self._held.append(Held(address, len(view), buffer, own))
        return address

    def _map(self, at: int, end: int, room: int) -> None:
        mapped, needed = self._mapped[at], -(-room // _PAGE) * _PAGE
        if needed > mapped:
            start, more = end - needed, needed - mapped
            self._uc.mem_map(start, more, uni.UC_PROT_READ | uni.UC_PROT_WRITE)
            self._mapped[at] = needed

    def give_back(self) -> None:
        """Copy every buffer that may be written back to its original."""
        for held in self._held:
            if held.own is not None:
                memoryview(held.home).cast("B")[:] = self._uc.mem_read(held.address, held.size)

    def complaint(self, address: int, size: int, writes: bool) -> str | None:
        """Describe what is wrong with an access to the data memory, if anything."""
        deed = f"{'write' if writes else 'read'} of {size} bytes"
        at = (address - DATA) // PLACE
        if at >= len(self._held):
            return f"{deed} outside every buffer"
        held = self._held[at]
        offset = address - held.address
        if not 0 <= offset <= held.size - size:
            return f"{deed} at {offset} of a buffer of {held.size}"
        if address % size:
            return f"{deed} at {offset}, which is not aligned"
        if writes and held.own is None:
            return f"{deed} at {offset} of a read-only buffer"
        return None


def _address(view: memoryview) -> int:
    return ctypes.addressof((ctypes.c_char * 0).from_buffer(view))


def _base(buffer: Buffer, own: int) -> int:
    """Return the start of the object behind a view."""
    if not isinstance(buffer, memoryview):
        return own
    return _address(memoryview(buffer.obj).cast("B"))
