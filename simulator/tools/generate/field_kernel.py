"""Write receiver/crypto/kernels/field.py: field arithmetic for the chips, unrolled.

Usage: python -m simulator.tools.generate.field_kernel
A field element is 20 limbs of 13 bits, in 16-bit words: a column of a product, 20 x 2^26, then
stays below 2^31, the range that a chip's word and the host's word share. `receiver/crypto/
field.py` explains the instructions.
"""

from __future__ import annotations

from pathlib import Path

LIMBS = 20
COLUMNS = 2 * LIMBS - 1
ENTRIES = 16  # of a table to pick from, of three elements each
HALF = LIMBS // 2
HALF_COLUMNS = 2 * HALF - 1
TARGET = Path(__file__).resolve().parents[3] / "receiver/crypto/kernels/field.py"

# The first two locals live in registers: `c` is the current sum, `b` is read limb by limb.
_HEAD = '''"""Made by `simulator.tools.generate.field_kernel`, which says why it looks like this."""

import micropython


@micropython.viper
def run(c: int, b: ptr16, program: ptr8, table: ptr16):
    registers = int(b)
    entry = int(table)
    choice = c
    m = 8191
    curve = program[0]
    c = program[1]
    while c != 0:
        op = c
        d = program[2] * 40 + registers
        a = program[3] * 40 + registers
        c = program[4]
        n = c
        e = c * 40 + registers
        program = ptr8(int(program) + 4)
        if c >= 64:
            e = entry + (c - 64) * 40 + choice
'''

_TAIL = """        elif op == 7:
            words = ptr32(d)
            others = ptr32(a)
            op = 0 - (choice >> n & 1)
            n = 10
            while n > 0:
                c = (words[0] ^ others[0]) & op
                words[0] = words[0] ^ c
                others[0] = others[0] ^ c
                words = ptr32(int(words) + 4)
                others = ptr32(int(others) + 4)
                n -= 1
        elif op == 9:
            b = ptr16(a)
            y = ptr16(d)
            c = 0
            n = 20
            while n > 0:
                c = b[0] * 121665 + c
                y[0] = c & m
                c = c >> 13
                b = ptr16(int(b) + 2)
                y = ptr16(int(y) + 2)
                n -= 1
            b = ptr16(d)
END
        else:
            words = ptr32(d)
            others = ptr32(entry)
PICK
            n = 30
            while n > 0:
SUM
                words[0] = c
                words = ptr32(int(words) + 4)
                others = ptr32(int(others) + 4)
                n -= 1
        c = program[1]
"""

# 2^260 modulo 2^255 - 19; and -1/p modulo 2^13 is 1 for P-256, so that Montgomery's reduction is
# shifts alone: the powers of two in p = 2^256 - 2^224 + 2^192 + 2^96 - 1 as (limbs, bits, sign).
_FOLD = 608
_P256 = ((7, 5, "+"), (14, 10, "+"), (17, 3, "-"), (19, 9, "+"))


def source() -> str:
    """Return the kernel's text."""
    lines = ["if op <= 2:", "    if op == 1:", "        n = 1"]
    lines += ["    while n > 0:", "        n -= 1"]
    lines += _indent(_products(), 2)
    lines += _indent(_reductions(), 2)
    lines += ["elif op <= 6:", *_indent(_sums(), 1)]
    return _HEAD + "\n".join(_indent(lines, 2)) + "\n" + _tail()


def _tail() -> str:
    """Write exchange (op 7), pick (op 8), where masks stand for the choice, and factor (op 9)."""
    masks = [f"x{k} = (({k} ^ choice) - 1) >> 31" for k in range(ENTRIES)]
    terms = [f"others[{30 * k}] & x{k}" for k in range(ENTRIES)]
    sums = [f"c = {terms[0]}", *(f"c = {term} | c" for term in terms[1:])]
    text = _TAIL.replace("PICK", "\n".join(_indent(masks, 3)))
    text = text.replace("END", "\n".join(_indent(_last_carry(), 3)))
    return text.replace("SUM", "\n".join(_indent(sums, 4)))


def _indent(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def _products() -> list[str]:
    """Write columns w0 ... w38 of a product (op 1), or of a square (op 2), repeated n times."""
    square = ["a = d", *_load("x{0} = b[{0}] * 2", LIMBS - 1)]
    for column in range(COLUMNS):
        first = max(0, column - LIMBS + 1)
        terms = [f"b[{column - i}] * x{i}" for i in range(first, (column + 1) // 2)]
        if column % 2 == 0:
            terms.insert(0, f"b[{column // 2}] * b[{column // 2}]")
        square += _column(column, terms)
    return [
        *("b = ptr16(a)", "if op == 1:", *_indent(_product(), 1)),
        *("else:", *_indent(square, 1), "b = ptr16(d)"),
    ]


def _product() -> list[str]:
    """Write columns of a product by Karatsuba: 300 products of limbs instead of 400.

    With halves of ten limbs, low and high, the middle is low + high + (x0 - x1)(y1 - y0).
    """
    lines = [*_load("x{0} = b[{0}]", LIMBS), "b = ptr16(e)"]
    for column in range(HALF_COLUMNS):
        lines += _column(column, _half(column, "b[{1}] * x{0}"))
    for column in range(HALF_COLUMNS):  # added to the low ones that stand in the same place
        more = [f"w{column + HALF}"] if column + HALF < HALF_COLUMNS else []
        high = [f"b[{HALF + j}] * x{HALF + i}" for i, j in _places(column)]
        lines += _column(column + LIMBS, more + high)
    for i in range(HALF):
        lines += [f"x{i} = x{i} - x{i + HALF}", f"x{i + HALF} = b[{i + HALF}] - b[{i}]"]
    for column in range(HALF_COLUMNS):
        terms = [f"x{HALF + j} * x{i}" for i, j in _places(column)]
        if column < HALF:
            terms += [f"w{column}", f"w{column + LIMBS}"]
        else:
            terms += [f"w{column + HALF}", f"w{column + LIMBS}"]
        lines += _column(column + HALF, terms)
    return lines


def _places(column: int) -> list[tuple[int, int]]:
    return [(i, column - i) for i in range(max(0, column - HALF + 1), min(HALF, column + 1))]


def _half(column: int, form: str) -> list[str]:
    return [form.format(i, j) for i, j in _places(column)]


def _load(form: str, count: int) -> list[str]:
    return [form.format(i) for i in range(count)]


def _column(column: int, terms: list[str]) -> list[str]:
    """Write a sum: `c = term + c` takes six instructions a term; `c += term` takes nine."""
    return [f"c = {terms[0]}", *(f"c = {term} + c" for term in terms[1:]), f"w{column} = c"]


def _reductions() -> list[str]:
    return ["if curve == 0:", *_indent(_fold(), 1), "else:", *_indent(_montgomery(), 1)]


def _fold() -> list[str]:
    """Reduce modulo 2^255 - 19: add 608 times the upper columns to the lower, in digits."""
    lines = ["c = 0"]
    for i in range(LIMBS):
        parts = [f"(w{i + LIMBS} & m)"] if i + LIMBS < COLUMNS else []
        parts += [f"(w{i + LIMBS - 1} >> 13)"] if i > 0 else []
        upper = f"({' + '.join(parts)})" if len(parts) > 1 else parts[0]
        lines += [f"c = w{i} + c", f"c = {upper} * {_FOLD} + c", *_digit(i)]
    return [*lines, *_last_carry()]


def _last_carry() -> list[str]:
    """Bring what is above 2^260 back to the lowest limbs."""
    lines = [f"c = c * {_FOLD}", "c = b[0] + c", *_digit(0), "c = b[1] + c", *_digit(1)]
    return [*lines, "b[2] = b[2] + c"]


def _montgomery() -> list[str]:
    """Divide by 2^260 modulo the prime of P-256."""
    lines = ["c = 0"]
    for column in range(2 * LIMBS):
        if column < COLUMNS:
            lines.append(f"c = w{column} + c")
        for limbs, bits, sign in _P256:
            if 0 <= column - limbs < LIMBS:
                term = f"(w{column - limbs} << {bits})"
                lines.append(f"c = {term} + c" if sign == "+" else f"c = c - {term}")
        if column < LIMBS:
            lines += [f"w{column} = c & m", "c = c >> 13"]
        elif column < COLUMNS:
            lines += _digit(column - LIMBS)
    return [*lines, f"b[{LIMBS - 1}] = c"]


def _digit(limb: int) -> list[str]:
    return [f"b[{limb}] = c & m", "c = c >> 13"]


def _sums() -> list[str]:
    """Write sums and differences (op 3 to 6), less the multiple of p in the top limb.

    The result may lie where an operand is, as each limb is read before it is written.
    """
    top = LIMBS - 1
    lines = ["x = ptr16(a)", "y = ptr16(d)", "b = ptr16(e)"]
    lines += ["n = ((op & 1) * 2 - 1) * ((op - 1) >> 1)"]  # of op 3 to 6: 1, -1, 2, -2
    # Three less than the top limb: a borrow from the limbs below never makes the result negative.
    lines += [f"x19 = b[{top}] * n + x[{top}]"]
    lines += ["if curve == 0:", "    c = (x19 - 3) >> 8", "    x19 -= c << 8"]
    lines += ["    c = c * 19", "    x0 = 0"]
    lines += ["else:", "    c = (x19 - 3) >> 9", "    x19 -= c << 9", "    x0 = c"]
    for i in range(top):
        lines += [f"c = b[{i}] * n + c", f"c = x[{i}] + c"]
        for limbs, bits, sign in _P256:
            if limbs == i:
                term = f"(x0 << {bits})"
                lines.append(f"c = c - {term}" if sign == "+" else f"c = {term} + c")
        lines += [f"y[{i}] = c & m", "c = c >> 13"]
    return [*lines, f"y[{top}] = x19 + c"]


if __name__ == "__main__":
    TARGET.write_text(source())
