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
    pc = 1
    op = program[1]
    while op != 0:
        d = registers + program[pc + 1] * 40
        a = registers + program[pc + 2] * 40
        n = program[pc + 3]
        e = registers + n * 40
        if n >= 64:
            e = entry + (n - 64) * 40 + choice
        pc += 4
'''

_TAIL = """        elif op == 5:
            words = ptr32(d)
            others = ptr32(a)
            for i in range(10):
                x0 = (words[i] ^ others[i]) & (0 - choice)
                words[i] = words[i] ^ x0
                others[i] = others[i] ^ x0
        else:
            words = ptr32(d)
            others = ptr32(entry)
            n = n * 10
            for i in range(n):
                words[i] = 0
            for k in range(16):
                x0 = ((k ^ choice) - 1) >> 31
                for i in range(n):
                    words[i] = words[i] | (others[i] & x0)
                others = ptr32(int(others) + n * 4)
        op = program[pc]
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
    lines += ["elif op <= 4:", *_indent(_sums(), 1)]
    return _HEAD + "\n".join(_indent(lines, 2)) + "\n" + _TAIL


def _indent(lines: list[str], depth: int) -> list[str]:
    return ["    " * depth + line for line in lines]


def _products() -> list[str]:
    """Write columns w0 ... w38 of a product (op 1), or of a square (op 2), repeated n times."""
    product = [*_load("x{0} = b[{0}]", LIMBS), "b = ptr16(e)"]
    square = ["a = d", *_load("x{0} = b[{0}] * 2", LIMBS - 1)]
    for column in range(COLUMNS):
        first, last = max(0, column - LIMBS + 1), min(LIMBS, column + 1)
        product += _column(column, [f"b[{column - i}] * x{i}" for i in range(first, last)])
        terms = [f"b[{column - i}] * x{i}" for i in range(first, (column + 1) // 2)]
        if column % 2 == 0:
            terms.insert(0, f"b[{column // 2}] * b[{column // 2}]")
        square += _column(column, terms)
    return [
        *("b = ptr16(a)", "if op == 1:", *_indent(product, 1)),
        *("else:", *_indent(square, 1), "b = ptr16(d)"),
    ]


def _load(form: str, count: int) -> list[str]:
    return [form.format(i) for i in range(count)]


def _column(column: int, terms: list[str]) -> list[str]:
    """Write a sum: `c = term + c` takes six instructions a term; `c += term` takes nine."""
    return [f"c = {terms[0]}", *(f"c = {term} + c" for term in terms[1:]), f"w{column} = c"]


def _reductions() -> list[str]:
    return ["if curve == 0:", *_indent(_fold(), 1), "else:", *_indent(_montgomery(), 1)]


def _fold() -> list[str]:
    """Reduce modulo 2^255 - 19: carry the upper columns, then add 608 times them to the lower."""
    lines = ["c = w20"]
    for column in range(LIMBS, COLUMNS - 1):
        lines += [f"w{column} = c & m", "c = c >> 13", f"c = w{column + 1} + c"]
    lines += [f"w{COLUMNS - 1} = c & m", f"w{COLUMNS} = c >> 13", "c = 0"]
    for i in range(LIMBS):
        lines += [f"c = w{i} + c", f"c = w{i + LIMBS} * {_FOLD} + c", *_digit(i)]
    lines += [f"c = c * {_FOLD}", "c = b[0] + c", *_digit(0), "c = b[1] + c", *_digit(1)]
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
    """Write a sum (op 3) or difference (op 4), less the multiple of p in its top limb."""
    lines = ["b = ptr16(a)", *_load("x{0} = b[{0}]", LIMBS), "b = ptr16(e)"]
    lines += ["if op == 3:", *_indent(_load("x{0} = b[{0}] + x{0}", LIMBS), 1)]
    lines += ["else:", *_indent(_load("x{0} = x{0} - b[{0}]", LIMBS), 1)]
    # Two less than the top limb: a borrow from the limbs below never makes the result negative.
    lines += ["if curve == 0:", "    c = (x19 - 2) >> 8", "    x19 -= c << 8", "    c = c * 19"]
    lines += ["else:", "    c = (x19 - 2) >> 9"]
    for limbs, bits, sign in _P256:
        lines.append(f"    x{limbs} {'-' if sign == '+' else '+'}= c << {bits}")
    lines.append("b = ptr16(d)")
    for i in range(LIMBS - 1):
        lines += [f"c = x{i} + c", *_digit(i)]
    return [*lines, f"b[{LIMBS - 1}] = x{LIMBS - 1} + c"]


if __name__ == "__main__":
    TARGET.write_text(source())
