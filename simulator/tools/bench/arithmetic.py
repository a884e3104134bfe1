"""The cost of the device's arithmetic on an RV32 chip: kernels emulated, the rest counted.

A job is run once, slice by slice, by `simulator.tools.chip.interpreter`: each of its kernel calls
executes the chip's machine code; the bytecodes and big integers around them are counted. The field
kernel's programs cost the same for all numbers (a test checks that), so one run stands for all;
only Euclid's steps in P-256 vary with the key, by a few in a hundred.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from receiver.crypto import hpke, portable
from receiver.crypto.job import finish
from receiver.crypto.twins import chacha20, poly1305, sha512
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.tools.chip import build, interpreter

from . import plain_arithmetic
from .cases import MESSAGE, SEED, cases
from .rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from simulator.tools.chip.interpreter import Cost

    from .cases import Case

SLICE_BUDGET_M = 3  # the longest that radio and serial line can wait
PLAIN_IS = "plain integers, counted alike"
_M, _K = ("M instr.", 1_000_000), ("k instr.", 1_000)
_OTHER_SEED = bytes(32)


class CountedOperation(NamedTuple):
    """An operation's parts, its budget, and Monocypher 4 in C (design §7), in one unit."""

    name: str
    jobs: tuple[str, ...]
    budget: float | None = None
    compiled: float | None = None
    unit: tuple[str, int] = _M


OPERATIONS = (
    CountedOperation("ed25519_check", ("ed25519_check",), 12, 3.1),
    CountedOperation("ed25519_verify", ("ed25519_key", "ed25519_check"), 18, 3.1),
    CountedOperation("ed25519_sign", ("ed25519_sign",), 8),
    CountedOperation("ed25519_key", ("ed25519_key",)),
    CountedOperation("x25519", ("x25519",), 14, 2.2),
    CountedOperation("p256_verify", ("p256_key", "p256_check"), 24),
    CountedOperation("p256_check", ("p256_check",), 13),
    CountedOperation("p256_key", ("p256_key",)),
    CountedOperation("sha512_block", ("sha512_block",), 60, unit=_K),
    CountedOperation("chacha_seal_200", ("chacha_seal_200",), 150, unit=_K),
)
_TWINS: dict[str, Sequence[ModuleType]] = {
    "sha512_block": [sha512],
    "chacha_seal_200": [chacha20, poly1305],
}


def rows() -> list[Row]:
    """Measure every operation, the longest slice, and the native code of all kernels."""
    spent = _spent()
    bounds = _plain()
    found = [_row(one, spent, bounds) for one in OPERATIONS]
    longest = max(work.instructions for works in spent.values() for work in works)
    unit, scale = _M
    return [
        *found,
        Row("longest_slice", longest / scale, unit, budget=SLICE_BUDGET_M),
        Row(
            "kernels_xtensawin", sum(build.sizes("xtensawin").values()), "bytes",
            budget=build.CODE_LIMIT,
        ),
    ]  # fmt: skip


def signed_by_phone() -> tuple[bytes, bytes]:
    """Return a phone's P-256 key, and its signature over MESSAGE."""
    key = PhoneKey(P256, SEED)
    return key.public, key.sign(MESSAGE)


def _spent() -> dict[str, list[Cost]]:
    """Return what each job does in each slice."""
    known = cases(portable, *signed_by_phone())
    for name, case in known.items():  # this loads what they need
        if not finish(case()):
            raise ValueError(f"{name} failed")
    names = {name for one in OPERATIONS for name in one.jobs} | {"x25519_public"}
    jobs: dict[str, Case] = {
        **{name: known[name] for name in sorted(names)},
        "hpke_recipient": partial(hpke.recipient_job, portable, SEED, SEED, SEED, b""),
        "ed25519_sign_first": partial(portable.ed25519_sign_job, _OTHER_SEED, MESSAGE),
    }
    return {name: interpreter.slices(job) for name, job in jobs.items()}


def _plain() -> dict[str, int]:
    """Count the instructions of the plain versions, by operation."""
    public, own = portable.ed25519_public(SEED), finish(portable.ed25519_sign_job(SEED, MESSAGE))
    phone, signature = signed_by_phone()
    ed25519 = _counted([plain_arithmetic], plain_arithmetic.ed25519_verify, public, MESSAGE, own)
    p256 = _counted([plain_arithmetic], plain_arithmetic.p256_verify, phone, MESSAGE, signature)
    jobs = cases(portable, phone, signature)
    return {
        "ed25519_check": ed25519,
        "ed25519_verify": ed25519,
        "ed25519_sign": _counted(
            [plain_arithmetic], plain_arithmetic.ed25519_sign, SEED, public, MESSAGE
        ),
        "x25519": _counted([plain_arithmetic], plain_arithmetic.x25519, SEED, public),
        "p256_verify": p256,
        "p256_check": p256,
        **{name: _counted(twins, _run, jobs[name]) for name, twins in _TWINS.items()},
    }


def _run(case: Case) -> object:
    return finish(case())


def _counted(beside: Sequence[ModuleType], work: Callable[..., object], *arguments: object) -> int:
    """Count the instructions of one call that returns true, in these modules beside ours."""
    if not work(*arguments):
        raise ValueError(f"{work} failed")
    return interpreter.count(work, *arguments, beside=beside).instructions


def _row(one: CountedOperation, spent: dict[str, list[Cost]], bounds: dict[str, int]) -> Row:
    works = [work for name in one.jobs for work in spent[name]]
    unit, scale = one.unit
    bound = bounds.get(one.name)
    return Row(
        one.name,
        sum(work.instructions for work in works) / scale,
        unit,
        budget=one.budget,
        bound=None if bound is None else bound / scale,
        bound_is="" if bound is None else PLAIN_IS,
        interpreter=sum(work.interpreter for work in works) / scale,
        compiled=one.compiled,
    )
