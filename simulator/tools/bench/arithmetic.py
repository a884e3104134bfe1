"""The cost of the device's arithmetic on an RV32 chip: kernels emulated, the rest counted.

A job is run once, slice by slice, by `simulator.tools.chip.interpreter`: each of its kernel calls
executes the chip's machine code; the bytecodes and big integers around them are counted. The field
kernel's programs cost the same for all numbers (a test checks that), so one run stands for all;
only Euclid's steps in P-256 vary with the key, by a few in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

from receiver.crypto import hpke, portable
from receiver.crypto.job import finish
from receiver.crypto.twins import chacha20, poly1305, sha512
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.tools.chip import build, interpreter
from simulator.tools.chip.interpreter import Cost

from . import plain_arithmetic
from .cases import MESSAGE, SEED, cases
from .rows import ROWS, Figure, K, M

if TYPE_CHECKING:
    from .cases import Case

# By row, the jobs that it adds up.
OPERATIONS = {
    "ed25519_check": ("ed25519_check",),
    "ed25519_verify": ("ed25519_key", "ed25519_check"),
    "ed25519_sign": ("ed25519_sign",),
    "ed25519_key": ("ed25519_key",),
    "x25519": ("x25519",),
    "p256_verify": ("p256_key", "p256_check"),
    "p256_check": ("p256_check",),
    "p256_key": ("p256_key",),
    "sha512_block": ("sha512_block",),
    "chacha_seal_200": ("chacha_seal_200",),
}
_SCALE = {M: 1_000_000, K: 1_000}
_OTHER_SEED = bytes(32)


def measure() -> dict[str, Figure]:
    """Count every operation, the longest slice, and the native code of all kernels."""
    spent, plain = _spent(), _plain()
    longest = max(work.instructions for works in spent.values() for work in works)
    return {
        **{name: _figure(name, spent, plain.get(name)) for name in OPERATIONS},
        "longest_slice": Figure(longest / _SCALE[M]),
        "kernels_xtensawin": Figure(sum(build.sizes("xtensawin").values())),
    }


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
    names = {name for jobs in OPERATIONS.values() for name in jobs} | {"x25519_public"}
    jobs: dict[str, Case] = {
        **{name: known[name] for name in sorted(names)},
        "hpke_recipient": partial(hpke.recipient_job, portable, SEED, SEED, SEED, b""),
        "ed25519_sign_first": partial(portable.ed25519_sign_job, _OTHER_SEED, MESSAGE),
    }
    return {name: interpreter.slices(job) for name, job in jobs.items()}


def _plain() -> dict[str, int]:
    """Count the same without kernels, by operation."""
    public = portable.ed25519_public(SEED)
    own = finish(portable.ed25519_sign_job(SEED, MESSAGE))
    phone, signature = signed_by_phone()
    known, plain = cases(portable, phone, signature), [plain_arithmetic]
    ed25519 = _counted(plain, plain_arithmetic.ed25519_verify, public, MESSAGE, own)
    p256 = _counted(plain, plain_arithmetic.p256_verify, phone, MESSAGE, signature)
    return {
        "ed25519_check": ed25519,
        "ed25519_verify": ed25519,
        "ed25519_sign": _counted(plain, plain_arithmetic.ed25519_sign, SEED, public, MESSAGE),
        "x25519": _counted(plain, plain_arithmetic.x25519, SEED, public),
        "p256_verify": p256,
        "p256_check": p256,
        "sha512_block": _counted([sha512], _run, known["sha512_block"]),
        "chacha_seal_200": _counted([chacha20, poly1305], _run, known["chacha_seal_200"]),
    }


def _run(case: Case) -> object:
    return finish(case())


def _counted(beside: Sequence[ModuleType], work: Callable[..., object], *arguments: object) -> int:
    """Count the instructions of one call that returns true, in these modules beside ours."""
    if not work(*arguments):
        raise ValueError(f"{work} failed")
    return interpreter.count(work, *arguments, beside=beside).instructions


def _figure(name: str, spent: dict[str, list[Cost]], plain: int | None) -> Figure:
    works = [work for job in OPERATIONS[name] for work in spent[job]]
    scale = _SCALE[ROWS[name].unit]
    return Figure(
        sum(work.instructions for work in works) / scale,
        bound=None if plain is None else plain / scale,
        interpreter=sum(work.interpreter for work in works) / scale,
    )
