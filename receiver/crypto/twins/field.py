"""Run field programs in plain integers; `receiver/crypto/field.py` defines the instructions."""

from __future__ import annotations

from receiver.crypto.elements import CURVE25519, P256, SIZE, PrimeField

_LIMBS = 20


def run(choice: int, registers: bytearray, program: bytes, table: bytes | bytearray) -> None:
    """Do what the kernel does; results are fully reduced."""
    prime = (CURVE25519, P256)[program[0]]
    values = _Values(prime, registers, table, choice)
    for at in range(1, len(program) - 1, 4):
        op, result, left, right = program[at : at + 4]
        if op == 7:
            if choice >> right & 1:
                values[result], values[left] = values[left], values[result]
        elif op == 8:
            size = right * SIZE
            entry = table[choice * size : (choice + 1) * size]
            for i in range(right):
                values[result + i] = _unpack(entry[i * SIZE : (i + 1) * SIZE])
        else:
            values[result] = _compute(prime, op, values, left, right)
    values.write_back()


def _compute(field: PrimeField, op: int, values: _Values, left: int, right: int) -> int:
    prime, divisor = field.prime, field.leave
    value = values[left]
    if op == 9:
        return value * 121665 % prime
    if op == 1:
        return value * values[right] * divisor % prime
    if op == 2:
        for _ in range(right):
            value = value * value * divisor % prime
        return value
    return (value + (1, -1, 2, -2)[op - 3] * values[right]) % prime


class _Values:
    """Registers and table entry as integers, split when first read."""

    def __init__(
        self, field: PrimeField, registers: bytearray, table: bytes | bytearray, offset: int
    ) -> None:
        self._prime = field.prime
        self._registers = registers
        self._table = table
        self._offset = offset
        self._known: dict[int, int] = {}
        self._changed: set[int] = set()

    def __getitem__(self, index: int) -> int:
        value = self._known.get(index)
        if value is None:
            data, at = self._registers, index * 2 * _LIMBS
            if index >= 64:
                data, at = bytearray(self._table), (index - 64) * 2 * _LIMBS + self._offset
            value = self._known[index] = _unpack(data[at : at + 2 * _LIMBS])
        return value

    def __setitem__(self, index: int, value: int) -> None:
        self._known[index] = value
        self._changed.add(index)

    def write_back(self) -> None:
        for index in self._changed:
            at = index * 2 * _LIMBS
            self._registers[at : at + 2 * _LIMBS] = _pack(self._known[index] % self._prime)


def _unpack(data: bytes | bytearray) -> int:
    value = 0
    for at in range(2 * _LIMBS - 2, -1, -2):
        value = (value << 13) + (data[at] | data[at + 1] << 8)
    return value


def _pack(value: int) -> bytes:
    return b"".join([(value >> 13 * i & 8191).to_bytes(2, "little") for i in range(_LIMBS)])
