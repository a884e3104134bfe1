"""The cost of the portable code on a chip: one counted run times measured costs.

The code runs on CPython with the chip's machine code in place of each kernel's twin, so kernels
count exactly. Of the rest only our own files in receiver/crypto are counted: the bytecodes that
MicroPython would execute (see `bytecodes.py`), and operations on integers beyond a word by their
operands (see `operators.py`). Neither depends on CPython's version. Not counted: built-ins
(SHA-256, int.from_bytes, slices, range checks of a list) and garbage collection.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

from firmware.tools.compile import ROOT

from . import operators
from .build import KERNELS
from .emulator import Kernel, kernel
from .memory import Buffer

# RV32 instructions, measured on MicroPython 1.29-preview. A call of a function costs more than its
# bytecodes, most bytecodes cost less than this mean.
BYTECODE = 70
EMPTY_TURN = 270  # of `for _ in range(n)`, see RANGE_TURN in `bytecodes.py`
VIPER_CALL_LOCAL, VIPER_CALL = 530, 820  # the name a local, a global; the kernel's own on top

_OURS = ROOT / "receiver/crypto"
_CRYPTO, _TWINS = "receiver.crypto.", "receiver.crypto.twins."


@dataclass
class Cost:
    """The work of a run; `instructions` is its cost on an RV32 chip."""

    bytecodes: int = 0
    kernel_calls: Counter[str] = field(default_factory=Counter)  # by "file.function"
    kernel_instructions: Counter[str] = field(default_factory=Counter)
    big: Counter[str] = field(default_factory=Counter)  # operations beyond a word, by operator
    big_instructions: int = 0

    @property
    def interpreter(self) -> int:
        """Return the instructions outside the kernels."""
        calls = self.kernel_calls.total() * VIPER_CALL
        return self.bytecodes * BYTECODE + calls + self.big_instructions

    @property
    def instructions(self) -> int:
        return self.interpreter + self.kernel_instructions.total()


def count(
    function: Callable[..., object], *arguments: object, beside: Sequence[ModuleType] = ()
) -> Cost:
    """Count one call; its modules must be imported already.

    Modules `beside` count as ours, too; a twin among them counts itself, not its kernel.
    """
    work = Cost()
    with _instrumented(lambda: work, beside):
        function(*arguments)
    return work


def slices(job: Callable[..., Generator[None, None, object]], *arguments: object) -> list[Cost]:
    """Count what a job does from one yield to the next."""
    found = [Cost()]
    with _instrumented(lambda: found[-1]):
        steps = job(*arguments)
        while next(steps, steps) is None:
            found.append(Cost())
    return found


@contextmanager
def _instrumented(current: Callable[[], Cost], beside: Sequence[ModuleType] = ()) -> Iterator[None]:
    """Let our modules call the chip's code and report the rest of their work, inside the block."""

    def big(operator: str, times: int, cost: int) -> None:
        current().big[operator] += times
        current().big_instructions += cost

    def executed(bytecodes: int) -> None:
        current().bytecodes += bytecodes

    with ExitStack() as undo:
        spared = [module.__name__ for module in beside]
        for module in [*_ours(), *beside]:
            undo.enter_context(operators.told(module, big, executed))
            for name, twin in list(_twins(module)):
                if twin.__module__ not in spared:
                    setattr(module, name, _counted(current, twin))
                    undo.callback(setattr, module, name, twin)
        yield


def _ours() -> list[ModuleType]:
    loaded = [module for path, module in sys.modules.items() if path.startswith(_CRYPTO)]
    return [module for module in loaded if _is_ours(Path(str(module.__file__)))]


def _is_ours(file: Path) -> bool:
    """Return whether a chip runs this file; twins and the host's back end are excluded."""
    return file.parent == _OURS and file.name != "host.py"


def _twins(module: ModuleType) -> Iterator[tuple[str, FunctionType]]:
    for name, value in vars(module).items():
        if isinstance(value, FunctionType) and value.__module__.startswith(_TWINS):
            yield name, value


def _counted(current: Callable[[], Cost], twin: FunctionType) -> Callable[..., int | None]:
    file = twin.__module__.removeprefix(_TWINS)
    name, run = f"{file}.{twin.__name__}", _loaded(f"{KERNELS}/{file}.py", twin.__name__)

    def call(*arguments: int | Buffer) -> int | None:
        try:
            return run.call(*arguments)
        finally:
            current().kernel_calls[name] += 1
            current().kernel_instructions[name] += run.instructions

    return call


@cache
def _loaded(path: str, name: str) -> Kernel:
    return kernel(path, name)
