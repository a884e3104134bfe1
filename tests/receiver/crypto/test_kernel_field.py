"""The fields' kernel: no number leaves its place, and a chip computes what the twin does."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from receiver.crypto.elements import CURVE25519, P256, SIZE, PrimeField, integer
from receiver.crypto.field import ENTRIES, assemble
from receiver.crypto.twins import field as twin
from simulator.tools.chip.emulator import kernel
from tests.receiver.crypto.kernel_bounds import LIMBS, result

pytestmark = pytest.mark.emulator

# The most that each limb of an element can be, if no operation leads out of this, as is proved
# here. Modulo 2^255 - 19 the last carry lands on limb 2, at most 3 of it; for P-256 see `ceiling`.
REACH = {
    CURVE25519.curve: [8191, 8191, 8194, *[8191] * 17],
    P256.curve: [*[8191] * 19, 548],
}
FIELDS = [CURVE25519, P256]
NAMES = "a b c d e f"
COUNT = len(NAMES.split())
FORMS = [
    *("a = b * c", "a = b ~ 1", "a = b ~ 3", "a = b + c", "a = b - c", "a = b +2 c", "a = b -2 c"),
    *("a = b * @1", "a = b + @1", "a = b - @1"),
]
FACTOR = "a = b * 121665"

random = Random(25519)
run = kernel("receiver/crypto/kernels/field.py", "run")
both = pytest.mark.parametrize("field", FIELDS, ids=["25519", "p256"])


def value(limbs: list[int]) -> int:
    return sum(limb << 13 * at for at, limb in enumerate(limbs))


def packed(limbs: list[int]) -> bytes:
    return b"".join([limb.to_bytes(2, "little") for limb in limbs])


def unpacked(words: bytes | bytearray) -> list[int]:
    return [int.from_bytes(words[at : at + 2], "little") for at in range(0, SIZE, 2)]


def ceiling(reach: list[int]) -> int:
    """The top limb of the greatest product for P-256.

    Montgomery's reduction gives (ab + Mp) / 2^260 with M < 2^260 (M is 20 digits), exactly: see
    `test_a_product_for_p256_is_montgomerys`. That is never negative, and limbs below the top are
    digits, so the top is its quotient by 2^247.
    """
    return (value(reach) ** 2 // 2**260 + P256.prime) >> 13 * (LIMBS - 1)


@both
@pytest.mark.parametrize("form", FORMS)
def test_no_operation_leaves_its_bounds(field: PrimeField, form: str) -> None:
    """From limbs within reach, every intermediate fits its word and every result is in reach.

    Exchanging and picking only copy, and `put` gives digits of what is below the prime.
    """
    reach = REACH[field.curve]
    montgomery = field == P256 and form[6] in "*~"
    top = ceiling(reach) if montgomery else None
    found = result(assemble(field, NAMES, form), reach, top)
    for limb, most in zip(found, reach, strict=True):
        assert 0 <= limb.low <= limb.high <= most


def test_the_factor_leaves_no_bounds() -> None:
    reach = REACH[CURVE25519.curve]
    found = result(assemble(CURVE25519, NAMES, FACTOR), reach)
    assert all(limb.high <= most for limb, most in zip(found, reach, strict=True))


def test_the_proof_would_fail() -> None:
    """With limbs a little greater it does, so it looks where it should."""
    program = assemble(P256, NAMES, "a = b * c")
    with pytest.raises(AssertionError):
        result(program, [10400] * LIMBS)
    with pytest.raises(AssertionError):
        result(program, REACH[P256.curve])  # by limbs alone the top might be -1


def elements(field: PrimeField) -> list[list[int]]:
    """Elements at the edges of what registers can hold, and random ones."""
    reach, p = REACH[field.curve], field.prime
    numbers = [0, 1, 2, 19, p - 1, p, p + 1, 2**255, 2**256 - 1, value(reach)]
    limbs = [[n >> 13 * at & 8191 for at in range(LIMBS)] for n in numbers if n <= value(reach)]
    limbs += [reach, [0] * 19 + reach[19:], [*reach[:19], 0], [*reach[:19], 1], [*reach[:19], 2]]
    limbs += [[8191 * (at == one) for at in range(LIMBS)] for one in (0, 1, 2, 18)]
    limbs += [[random.randint(0, most) for most in reach] for _ in range(4)]
    return [x for x in limbs if all(limb <= most for limb, most in zip(x, reach, strict=True))]


def agree(
    field: PrimeField, program: bytes, registers: bytes, table: bytes, choice: int = 0
) -> bytes:
    """Run both; the registers as a chip has them, each as the twin says."""
    on_chip, expected = bytearray(registers), bytearray(registers)
    run.call(choice, on_chip, program, table)
    twin.run(choice, expected, program, table)
    for at in range(0, len(registers), SIZE):
        words = on_chip[at : at + SIZE]
        assert integer(field, words) == integer(field, expected[at : at + SIZE]), at // SIZE
        for limb, most in zip(unpacked(words), REACH[field.curve], strict=True):
            assert limb <= most, at // SIZE
    return bytes(on_chip)


@both
@pytest.mark.parametrize("form", FORMS)
def test_every_operation_on_every_two(field: PrimeField, form: str) -> None:
    program = assemble(field, NAMES, form)
    found = [packed(limbs) for limbs in elements(field)]
    for left in found:
        for right in found:
            agree(field, program, bytes(SIZE) + left + right, bytes(SIZE) + right)


def test_a_factor() -> None:
    for limbs in elements(CURVE25519):
        agree(CURVE25519, assemble(CURVE25519, NAMES, FACTOR), bytes(SIZE) + packed(limbs), b"")
        agree(CURVE25519, assemble(CURVE25519, NAMES, "a = a * 121665"), packed(limbs), b"")


def test_a_product_for_p256_is_montgomerys() -> None:
    """(ab + Mp) / 2^260, to the bit; M makes it divide."""
    program = assemble(P256, NAMES, "c = a * b")
    negative_inverse = -pow(P256.prime, -1, 2**260)
    for left in elements(P256):
        for right in elements(P256):
            registers = bytearray(packed(left) + packed(right) + bytes(SIZE))
            run.call(0, registers, program, b"")
            product = value(left) * value(right)
            whole = product + product * negative_inverse % 2**260 * P256.prime
            assert value(unpacked(registers[2 * SIZE :])) << 260 == whole


def programs(count: int) -> Iterator[str]:
    """Each with every operand, aliases among them, somewhere."""
    names = NAMES.split()
    for _ in range(count):
        lines = []
        for _ in range(40):
            target, left, right = (random.choice(names) for _ in range(3))
            right = random.choice([right, right, f"@{random.randrange(3)}"])
            sign = random.choice(["*", "+", "-", "+2", "-2"])
            lines.append(f"{target} = {left} {sign} {right}")
            if random.random() < 0.1:
                lines.append(f"{target} = {left} ~ {random.choice((1, 2, 63, 64))}")
        yield "\n".join(lines)


@both
def test_programs(field: PrimeField) -> None:
    found = [packed(limbs) for limbs in elements(field)]
    for text in programs(8):
        registers = b"".join(random.choices(found, k=COUNT))
        table = b"".join(random.choices(found, k=6))
        agree(field, assemble(field, NAMES, text), registers, table, random.choice((0, 3 * SIZE)))


@both
def test_every_pair_of_registers(field: PrimeField) -> None:
    """The first and the last, twice the same, the result among the operands."""
    names = NAMES.split()
    found = [packed(limbs) for limbs in elements(field)]
    registers = b"".join(random.choices(found, k=COUNT))
    for operation in ("*", "+", "-", "+2", "-2"):
        for left in names:
            for right in names:
                for target in {left, right, "c"}:
                    program = assemble(field, NAMES, f"{target} = {left} {operation} {right}")
                    agree(field, program, registers, b"")


@both
@pytest.mark.parametrize("bit", [0, 3])
@pytest.mark.parametrize("choice", [0, 1, 6, 8, 0x1FF7])
def test_exchanging(field: PrimeField, choice: int, bit: int) -> None:
    found = elements(field)
    program = assemble(field, NAMES, f"a <> c {bit}")
    for x in found:
        before = packed(x) + packed(found[-1]) + packed(found[-2])
        after = before[2 * SIZE :] + before[SIZE : 2 * SIZE] + before[:SIZE]
        registers = bytearray(before)
        run.call(choice, registers, program, b"")
        assert registers == (after if choice >> bit & 1 else before)
        agree(field, program, before, b"", choice)


@both
@pytest.mark.parametrize("choice", range(ENTRIES))
def test_picking(field: PrimeField, choice: int) -> None:
    width = 3
    found = [packed(limbs) for limbs in elements(field)]
    table = b"".join(random.choices(found, k=width * ENTRIES))
    before = b"".join(random.choices(found, k=COUNT))
    registers = bytearray(before)
    run.call(choice, registers, assemble(field, NAMES, f"b <- {width}"), table)
    size = width * SIZE
    picked = table[choice * size : (choice + 1) * size]
    assert registers == before[:SIZE] + picked + before[SIZE + size :]


@both
@pytest.mark.parametrize("form", ["a <> b 0", "a <- 3"])
def test_what_is_secret_takes_no_time(field: PrimeField, form: str) -> None:
    program, table = assemble(field, NAMES, form), bytes(3 * SIZE * ENTRIES)
    counts = set()
    for choice in (0, 1):
        run.call(choice, bytearray(SIZE * COUNT), program, table)
        counts.add(run.instructions)
    assert len(counts) == 1


@both
def test_time_does_not_tell_elements(field: PrimeField) -> None:
    program = assemble(field, NAMES, "\n".join([*FORMS, FACTOR]))
    counts = set()
    for limbs in elements(field):
        run.call(0, bytearray(packed(limbs) * COUNT), program, packed(limbs) * 2)
        counts.add(run.instructions)
    assert len(counts) == 1
