"""Strict reader of the .mpy container, version 6, as far as native code needs it.

Format: "MicroPython .mpy files", section "Binary encoding of .mpy files", in MicroPython's
reference manual. Parts that mpy-cross never makes of kernels (rodata, bss, relocations) are errors.
"""

from __future__ import annotations

from typing import NamedTuple

VERSION, SUB_VERSION = 6, 3  # native code binds a file to its sub-version
ARCHITECTURES = {10: "xtensawin", 11: "rv32imc"}
BYTECODE, NATIVE, VIPER, ASSEMBLER = "bytecode", "native", "viper", "assembler"

_KINDS = (BYTECODE, NATIVE, VIPER, ASSEMBLER)
_HAS_FLAGS = 0x40  # feature bit: a number with architecture flags follows the header
_HAS_CHILDREN = 0x04
_MAX_DEPTH = 16  # scopes within scopes; our kernels have one
_FUNCTION_TABLE, _SINGLETONS, _TEXTS, _TUPLE = 0, (1, 2, 3, 4), (5, 6), 10
_MAKE_FUNCTION, _STORE_NAME = 0x32, 0x16  # opcodes of the statement `def`


class MalformedError(ValueError):
    """The file is not one that mpy-cross makes of kernels."""


class RawCode(NamedTuple):
    """One scope: a module's body or a function."""

    kind: str
    data: bytes
    children: tuple[RawCode, ...]


class Module(NamedTuple):
    """One file."""

    architecture: str
    strings: tuple[str | None, ...]  # None: a string of the interpreter's own, known by number
    table_at: int  # place of the interpreter's function table among the constants
    body: RawCode

    def names(self) -> list[str | None]:
        """Return the names of the module's functions as its body binds them, as in `strings`."""
        return [self._name(at) for at in range(len(self.body.children))]

    def _name(self, child: int) -> str | None:
        made = bytes([_MAKE_FUNCTION, *_number(child), _STORE_NAME])
        found = [
            text
            for place, text in enumerate(self.strings)
            if made + _number(place) in self.body.data
        ]
        if len(found) != 1:
            raise MalformedError(f"function {child} is not bound to one name by a plain def")
        return found[0]


def parse(data: bytes) -> Module:
    """Parse the whole file; raises MalformedError."""
    reader = _Reader(data)
    architecture = _header(reader)
    string_count, constant_count = reader.number(), reader.number()
    strings = tuple([_string(reader) for _ in range(string_count)])
    constants = [_constant(reader, 0) for _ in range(constant_count)]
    if constants.count(True) != 1:
        raise MalformedError(f"{constants.count(True)} function tables: one comes with native code")
    body = _code(reader, 0)
    reader.end()
    if body.kind != BYTECODE:
        raise MalformedError(f"the module's body is {body.kind}, not bytecode")
    return Module(architecture, strings, constants.index(True), body)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        start, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise MalformedError(f"ends at {len(self._data)}, {count} bytes wanted at {start}")
        return self._data[start : self._at]

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        """Read a vuint of at most 32 bits, most significant seven bits first."""
        value = 0
        for _ in range(5):
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        raise MalformedError(f"number without end before {self._at}")

    def end(self) -> None:
        if self._at != len(self._data):
            raise MalformedError(f"{len(self._data) - self._at} bytes after the end")


def _number(value: int) -> bytes:
    """Encode a vuint as the file has it."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def _header(reader: _Reader) -> str:
    """Return the architecture's name."""
    magic, version, features, _small_int_bits = reader.take(4)
    if magic != ord("M") or version != VERSION:
        raise MalformedError(f"not an .mpy file of version {VERSION}")
    if features & 3 != SUB_VERSION:
        raise MalformedError(f"sub-version {features & 3}, only {SUB_VERSION} is known")
    if features & _HAS_FLAGS:
        raise MalformedError("needs an extension of its architecture")
    number = features >> 2
    if number not in ARCHITECTURES:
        raise MalformedError(f"architecture {number} is not one of {ARCHITECTURES}")
    return ARCHITECTURES[number]


def _string(reader: _Reader) -> str | None:
    length = reader.number()
    if length & 1:
        return None
    return _text(reader, length >> 1).decode()


def _text(reader: _Reader, length: int) -> bytes:
    text = reader.take(length + 1)
    if text[-1]:
        raise MalformedError("text without its final zero")
    return text[:-1]


def _constant(reader: _Reader, depth: int) -> bool:
    """Skip one constant; return whether it is the function table."""
    kind = reader.byte()
    if kind == _FUNCTION_TABLE or kind in _SINGLETONS:
        return kind == _FUNCTION_TABLE
    if kind > _TUPLE or depth > _MAX_DEPTH:
        raise MalformedError(f"constant of type {kind} at depth {depth}")
    length = reader.number()
    if kind == _TUPLE:
        for _ in range(length):
            _constant(reader, depth + 1)
    elif kind in _TEXTS:
        _text(reader, length)
    else:
        reader.take(length)
    return False


def _code(reader: _Reader, depth: int) -> RawCode:
    if depth > _MAX_DEPTH:
        raise MalformedError(f"more than {_MAX_DEPTH} scopes within each other")
    head = reader.number()
    kind = _KINDS[head & 3]
    data = reader.take(head >> 3)
    if kind == NATIVE:
        reader.number()  # where its prelude is
    elif kind == VIPER and (flags := reader.number()):
        raise MalformedError(f"viper code with data of its own (flags {flags:#x})")
    elif kind == ASSEMBLER:
        raise MalformedError("assembler functions are not supported")
    count = reader.number() if head & _HAS_CHILDREN else 0
    return RawCode(kind, data, tuple([_code(reader, depth + 1) for _ in range(count)]))
