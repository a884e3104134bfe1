"""Arithmetic modulo 2^255 - 19 and modulo the prime of P-256, as small programs on registers.

A curve's formulas are texts that become programs once; one call of the kernel runs a whole program,
which on a chip costs far less than a call for each product, and always takes the same time.
"""

from __future__ import annotations

from typing import NamedTuple

from .native import NATIVE

if NATIVE:
    from receiver.crypto.kernels.field import run as run
else:
    from receiver.crypto.twins.field import run as run

SIZE = 40  # bytes of an element: 20 limbs of 13 bits, in 16-bit words, least significant first
ENTRIES = 16  # of a table that `<-` picks from
_OCTETS = 33  # of an integer whose every limb can be read from three of them

Field = NamedTuple(
    "Field",
    [
        ("curve", int),  # what the kernel calls it
        ("prime", int),
        ("enter", int),  # an integer times this is what its element holds (Montgomery's form)
        ("leave", int),
    ],
)
_P25519 = 2**255 - 19
_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
CURVE25519 = Field(0, _P25519, 1, 1)
P256 = Field(1, _P256, 2**260 % _P256, pow(2**260, _P256 - 2, _P256))

# Instructions are four bytes: operation, result, operand, operand or count; 0 ends a program. A
# second operand from TABLE up is a coordinate of the table's entry.
_MUL, _SQR, _ADD, _SUB, _SWAP, _PICK = 1, 2, 3, 4, 5, 6
_OPERATIONS = {"*": _MUL, "+": _ADD, "-": _SUB}
TABLE = 64


def assemble(field: Field, names: str, text: str) -> bytes:
    """A program; `names` are the registers in order, parted by blanks. Its lines:

    a = b * c, a = b + c, a = b - c; c may be @0, @1 ...: coordinates of the table's entry.
    a = b ~ 5           b squared five times
    a <> b              exchanged where `choice` is 1, in the same time where it is 0
    a <- 3              three registers from entry `choice` of a table of 16, in constant time
    """
    order = names.split()
    program = [field.curve]
    for line in text.split("\n"):
        words = line.split()
        if words:
            program += _instruction(order, words)
    program.append(0)
    return bytes(program)


class Machine:
    """Registers of one field. Programs change them; integers go in and come out."""

    def __init__(self, field: Field, count: int) -> None:
        self.field = field
        self.registers = bytearray(SIZE * count)

    def run(self, program: bytes, table: bytes | bytearray = b"", choice: int = 0) -> None:
        """Run a program; `choice` is a bit, the entry to pick, or the offset of one in `table`."""
        run(choice, self.registers, program, table)

    def put(self, index: int, value: int) -> None:
        """Set a register to an integer."""
        self.paste(index, element(self.field, value))

    def get(self, index: int) -> int:
        """The integer in a register, below the prime."""
        return integer(self.field, self.copy(index))

    def copy(self, index: int, count: int = 1) -> bytes:
        """Registers as they are, for `paste` or a table."""
        return bytes(self.registers[index * SIZE : (index + count) * SIZE])

    def paste(self, index: int, elements: bytes | bytearray) -> None:
        self.registers[index * SIZE : index * SIZE + len(elements)] = elements

    def erase(self) -> None:
        for i in range(len(self.registers)):
            self.registers[i] = 0


def element(field: Field, value: int) -> bytes:
    """The 40 bytes of an integer."""
    octets = (value * field.enter % field.prime).to_bytes(_OCTETS, "little")
    words = bytearray(SIZE)
    bit = 0
    for at in range(0, SIZE, 2):
        start = bit >> 3
        limb = (octets[start] | octets[start + 1] << 8 | octets[start + 2] << 16) >> (bit & 7)
        words[at] = limb & 0xFF
        words[at + 1] = limb >> 8 & 0x1F
        bit += 13
    return bytes(words)


def integer(field: Field, words: bytes | bytearray) -> int:
    """The integer of an element, below the prime."""
    value = 0
    for at in range(SIZE - 2, -1, -2):
        value = (value << 13) + (words[at] | words[at + 1] << 8)
    return value * field.leave % field.prime


def _instruction(order: list[str], words: list[str]) -> list[int]:
    result = order.index(words[0])
    if words[1] == "<>":
        return [_SWAP, result, order.index(words[2]), 0]
    if words[1] == "<-":
        return [_PICK, result, 0, int(words[2])]
    left = order.index(words[2])
    if words[3] == "~":
        return [_SQR, result, left, int(words[4])]
    if words[4][0] == "@":
        return [_OPERATIONS[words[3]], result, left, TABLE + int(words[4][1:])]
    right = order.index(words[4])
    if words[3] == "*" and left == right:
        return [_SQR, result, left, 1]
    return [_OPERATIONS[words[3]], result, left, right]
