"""Compute modulo 2^255 - 19 and modulo the prime of P-256, in small programs on registers.

Formulas of a curve are texts, assembled once. One call of the kernel runs a whole program: on a
chip that costs far less than a call for each product, and always takes the same time.
"""

from __future__ import annotations

from .elements import SIZE, PrimeField, integer, place
from .native import NATIVE

if NATIVE:
    from receiver.crypto.kernels.field import run as run
    from receiver.crypto.kernels.limbs import move, wipe
else:
    from receiver.crypto.twins.field import run as run
    from receiver.crypto.twins.limbs import move, wipe

ENTRIES = 16  # of a table that `<-` picks from

# Instructions are four bytes: operation, result, operand, operand or count; 0 ends a program.
# A second operand from TABLE up is a coordinate of the table's entry.
_MUL, _SQR, _SWAP, _PICK, _FACTOR = 1, 2, 7, 8, 9
_ADD, _SUB, _ADD_TWICE, _SUB_TWICE = 3, 4, 5, 6
_OPERATIONS = {"*": _MUL, "+": _ADD, "-": _SUB, "+2": _ADD_TWICE, "-2": _SUB_TWICE}
TABLE = 64
A24 = 121665  # the only small factor, of X25519: (486662 - 2) / 4


def assemble(field: PrimeField, names: str, text: str) -> bytes:
    """Return a program; `names` are the registers in order, separated by blanks. Its lines:

    a = b * c, a = b + c, a = b - c; c may be @0, @1 ...: coordinates of the table's entry.
    a = b +2 c, a = b -2 c  b and c twice, b less c twice
    a = b ~ 5           b squared five times
    a = b * 121665      modulo 2^255 - 19 only
    a <> b 3            exchanged where bit 3 of `choice` is 1, in the same time where it is 0
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
    """Registers of one field. Integers go in and come out; programs compute on them."""

    def __init__(self, field: PrimeField, count: int) -> None:
        self.field = field
        self.registers = bytearray(SIZE * count)

    def run(self, program: bytes, table: bytes | bytearray = b"", choice: int = 0) -> None:
        """Run a program; `choice` is bits, the entry to pick, or the offset of one in `table`."""
        run(choice, self.registers, program, table)

    def put(self, index: int, value: int) -> None:
        """Set a register to an integer."""
        place(self.field, value, self.registers, index * SIZE)

    def get(self, index: int) -> int:
        """Return the integer in a register, below the prime."""
        return integer(self.field, self.registers, index * SIZE)

    def copy(self, index: int, count: int, target: bytearray, at: int) -> None:
        """Copy registers as they are, for `paste` or a table."""
        move(target, at, self.registers, index * SIZE, count * SIZE)

    def paste(self, index: int, count: int, source: bytes | bytearray, start: int = 0) -> None:
        """Set registers to elements from a place of what `copy` or `element` made."""
        move(self.registers, index * SIZE, source, start, count * SIZE)

    def erase(self) -> None:
        wipe(self.registers, len(self.registers))


def _instruction(order: list[str], words: list[str]) -> list[int]:
    result = order.index(words[0])
    if words[1] == "<>":
        return [_SWAP, result, order.index(words[2]), int(words[3])]
    if words[1] == "<-":
        return [_PICK, result, 0, int(words[2])]
    left = order.index(words[2])
    if words[3] == "~":
        return [_SQR, result, left, int(words[4])]
    if words[4][0] == "@":
        return [_OPERATIONS[words[3]], result, left, TABLE + int(words[4][1:])]
    if words[4] == str(A24):
        return [_FACTOR, result, left, 0]
    right = order.index(words[4])
    if words[3] == "*" and left == right:
        return [_SQR, result, left, 1]
    return [_OPERATIONS[words[3]], result, left, right]
