"""The field kernel's own source run on intervals: what its numbers can be, whatever goes in.

Every number made must fit a chip's word, and every limb stored 16 bits without a sign, or an
assertion fails. Intervals know of each other what x - (x - 3 >> n << n) can be, and what is left of
sums of products of limbs where Karatsuba's method takes away again what it added: such a number
also is a polynomial in the limbs that were read.
"""

from __future__ import annotations

from math import prod
from types import SimpleNamespace
from typing import Any

from receiver.crypto.elements import SIZE
from simulator.tools.generate import field_kernel

LIMBS = SIZE // 2
_WORD = 2**31
_DIGIT = 8191


# Coefficients by product of limbs; a limb is its place and the most that it can be.
Polynomial = dict[tuple[tuple[int, int], ...], int]


class Interval:
    """All integers from `low` to `high`; of those, what the polynomial can be where it is known."""

    def __init__(self, low: int, high: int, polynomial: Polynomial | None = None) -> None:
        if polynomial is not None:
            ends = [(c, c * prod(most for _, most in limbs)) for limbs, c in polynomial.items()]
            low = max(low, sum(end for sign, end in ends if sign < 0))
            high = min(high, sum(end for sign, end in ends if sign > 0))
        assert -_WORD <= low <= high < _WORD, (low, high)
        self.low, self.high, self.polynomial = low, high, polynomial

    def __add__(self, other: Interval | int) -> Interval:
        other = _interval(other)
        return Interval(self.low + other.low, self.high + other.high, _sum(self, other, 1))

    __radd__ = __add__

    def __sub__(self, other: Interval | int) -> Interval:
        if isinstance(other, int):
            return _Less(self, other)
        if isinstance(other, _Multiple) and other.of is self:
            return Interval(other.by, other.by + (1 << other.bits) - 1)
        return Interval(self.low - other.high, self.high - other.low, _sum(self, other, -1))

    def __mul__(self, other: Interval | int) -> Interval:
        other = _interval(other)
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(ends), max(ends), _product(self, other))

    def __lshift__(self, bits: int) -> Interval:
        return Interval(self.low << bits, self.high << bits)

    def __rshift__(self, bits: int) -> Interval:
        return Interval(self.low >> bits, self.high >> bits)

    def __and__(self, mask: int) -> Interval:
        """Of digits: any, or those of an interval that does not run over."""
        assert mask == _DIGIT
        if self.low >> 13 != self.high >> 13:
            return Interval(0, mask)
        return Interval(self.low & mask, self.high & mask)


def _sum(one: Interval, other: Interval, factor: int) -> Polynomial | None:
    if one.polynomial is None or other.polynomial is None:
        return None
    total = dict(one.polynomial)
    for limbs, coefficient in other.polynomial.items():
        total[limbs] = total.get(limbs, 0) + factor * coefficient
    return {limbs: coefficient for limbs, coefficient in total.items() if coefficient}


def _product(one: Interval, other: Interval) -> Polynomial | None:
    if one.polynomial is None or other.polynomial is None:
        return None
    total: Polynomial = {}
    for left, a in one.polynomial.items():
        for right, b in other.polynomial.items():
            limbs = tuple(sorted(left + right))
            total[limbs] = total.get(limbs, 0) + a * b
    return total


class _Less(Interval):
    """`of` less the constant `by`."""

    def __init__(self, of: Interval, by: int) -> None:
        super().__init__(of.low - by, of.high - by)
        self.of, self.by = of, by

    def __rshift__(self, bits: int) -> Interval:
        return _Quotient(self, bits)


class _Quotient(Interval):
    """A `_Less` shifted to the right."""

    def __init__(self, less: _Less, bits: int) -> None:
        super().__init__(less.low >> bits, less.high >> bits)
        self.less, self.bits = less, bits

    def __lshift__(self, bits: int) -> Interval:
        return _Multiple(self) if bits == self.bits else super().__lshift__(bits)


class _Multiple(Interval):
    """A `_Quotient` shifted back, so that its last `bits` bits are 0."""

    def __init__(self, quotient: _Quotient) -> None:
        self.of, self.by, self.bits = quotient.less.of, quotient.less.by, quotient.bits
        super().__init__(quotient.low << self.bits, quotient.high << self.bits)


def _interval(value: Interval | int) -> Interval:
    return Interval(value, value, {(): value}) if isinstance(value, int) else value


class Memory:
    """Limbs by their number; what is read anywhere is in its element's `reach`."""

    def __init__(self, reach: list[int], top: int | None) -> None:
        self.stored: dict[int, Interval] = {}
        self._reach, self._top = reach, top

    def pointer(self, address: Any) -> _Pointer:
        return _Pointer(self, int(address))

    def load(self, at: int) -> Interval:
        most = self._reach[at % LIMBS]
        return self.stored.get(at) or Interval(0, most, {((at, most),): 1})

    def store(self, at: int, value: Interval) -> None:
        if at % LIMBS == LIMBS - 1 and self._top is not None:
            value = Interval(max(value.low, 0), min(value.high, self._top))
        assert 0 <= value.low <= value.high < 2**16, (at, value.low, value.high)
        self.stored[at] = value


class _Pointer:
    def __init__(self, memory: Memory, address: int) -> None:
        self._memory, self._address = memory, address

    def __int__(self) -> int:
        return self._address

    def __getitem__(self, at: int) -> Interval:
        return self._memory.load(self._address // 2 + at)

    def __setitem__(self, at: int, value: Interval) -> None:
        self._memory.store(self._address // 2 + at, value)


class _Program:
    """The program from one of its bytes on."""

    def __init__(self, program: bytes, at: int) -> None:
        self._program, self._at = program, at

    def __int__(self) -> int:
        return self._at

    def __getitem__(self, at: int) -> int:
        return self._program[self._at + at]


def result(program: bytes, reach: list[int], top: int | None = None) -> list[Interval]:
    """The limbs of register 0 after a program on elements within `reach`.

    `top` is what limb 19 is known not to pass, nor to be below 0, for a reason that intervals of
    limbs cannot see.
    """
    memory = Memory(reach, top)
    names: dict[str, Any] = dict.fromkeys(("ptr16", "ptr32"), memory.pointer)
    names["ptr8"] = lambda address: _Program(program, int(address))
    names["micropython"] = SimpleNamespace(viper=lambda function: function)
    exec(field_kernel.source().replace("import micropython\n", ""), names)
    table = memory.pointer(64 * SIZE)
    names["run"](0, memory.pointer(0), _Program(program, 0), table)
    return [memory.load(at) for at in range(LIMBS)]
