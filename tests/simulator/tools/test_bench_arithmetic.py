"""One run of the arithmetic may stand for all runs, and it keeps its budgets on the machine."""

from __future__ import annotations

from random import Random
from types import ModuleType

import pytest

from receiver.crypto import edwards25519, field, host, p256, portable, x25519
from receiver.crypto.elements import CURVE25519, P256, SIZE
from receiver.crypto.job import finish
from simulator.tools import chip
from simulator.tools.bench import arithmetic, rows
from simulator.tools.bench.cases import cases
from simulator.tools.chip.operations import signed_by_phone

pytestmark = pytest.mark.emulator

RANDOM = Random(21)
LIMBS = SIZE // 2
REGISTERS = 16
PICK, SWAP = 8, 7  # operations of the kernel whose `choice` is an index, bits


def programs(module: ModuleType) -> dict[str, bytes]:
    """Everything that a module lets the kernel run, by name."""
    found = {}
    for name, value in vars(module).items():
        for at, item in enumerate(value if isinstance(value, tuple) else (value,)):
            if type(item) is bytes and len(item) % 4 == 2 and item[0] < 2 and item[-1] == 0:
                found[f"{name}{at}"] = item
    return found


PROGRAMS = {
    f"{module.__name__}.{name}": program
    for module in (edwards25519, p256, x25519)
    for name, program in programs(module).items()
}


def test_the_programs_are_found() -> None:
    assert {CURVE25519.curve, P256.curve} == {p[0] for p in PROGRAMS.values()}
    assert len(PROGRAMS) >= 18


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_programs_cost_does_not_depend_on_its_data(name: str) -> None:
    program = PROGRAMS[name]
    kernel = chip.kernel("receiver/crypto/kernels/field.py", "run")
    table, costs = elements(3 * field.ENTRIES), set()
    choices = {choice(program) for _ in range(30)}
    for registers in (elements(REGISTERS), elements(REGISTERS, 0), elements(REGISTERS, 8191)):
        for chosen in [*choices][:3]:
            kernel.call(chosen, bytearray(registers), program, table)
            costs.add(kernel.instructions)
    assert len(costs) == 1


def elements(count: int, limb: int | None = None) -> bytearray:
    """Random elements, or all limbs the same; each fits into 13 bits."""
    limbs = [RANDOM.randrange(8192) if limb is None else limb for _ in range(count * LIMBS)]
    return bytearray(b"".join([one.to_bytes(2, "little") for one in limbs]))


def choice(program: bytes) -> int:
    operations = program[1:-1:4]
    if PICK in operations:
        return RANDOM.randrange(field.ENTRIES)
    return RANDOM.randrange(16) if SWAP in operations else RANDOM.randrange(16) * SIZE


def test_every_case_holds_with_both_back_ends() -> None:
    for crypto in (host, portable):
        for case in cases(crypto, *signed_by_phone()).values():
            assert finish(case())


@pytest.mark.chip
@pytest.mark.usefixtures("machine")
def test_the_budgets_hold_on_the_machine() -> None:
    """Instructions and bytes of whole operations; no slice is longer than 3 M."""
    measured = arithmetic.measure()
    assert set(measured) <= set(rows.ROWS)
    assert rows.missed(measured) == []
    assert all(figure.bound is None or figure.bound > figure.value for figure in measured.values())


def test_a_row_without_budget_neither_holds_nor_fails() -> None:
    assert rows.holds(rows.Row("ms"), 1) is None
    assert rows.holds(rows.Row("ms", budget=1), 1)
    assert not rows.holds(rows.Row("ms", budget=1), 1.1)
    assert not rows.holds(rows.Row("ms", budget=1, better=rows.HIGHER), 0.9)


def test_a_missed_budget_is_named() -> None:
    measured = {"demo": rows.Figure(61), "boot_to_hello": rows.Figure(100)}
    assert rows.missed(measured) == ["demo"]
