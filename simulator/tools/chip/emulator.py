"""Run one kernel's rv32imc machine code as a chip would, with true 32-bit words, and count.

The code finds what MicroPython's native functions find: a function object whose context leads to
the constants, one of which is the interpreter's function table (`mp_fun_table`, py/nativeglue.h).
Of that table only the conversions of arguments and result work; other calls are refused.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import unicorn
from unicorn import riscv_const as reg
from unicorn import unicorn_const as uni

from .build import Function, functions
from .memory import DATA, DATA_END, Buffer, Machine, Memory

_unicorn: Any = unicorn  # claims to be typed, but is not

INSTRUCTION_LIMIT = 10_000_000  # of one call: it must not block the interpreter for longer

_CODE, _STACK, _TABLE, _FRAME = 0x1_0000, 0x20_0000, 0x30_0000, 0x31_0000
_TRAPS, _END = 0x32_0000, 0x33_0000  # a return instruction for each entry; where the call ends
_ARGUMENTS, _CONTEXT, _CONSTANTS = _FRAME + 0x100, _FRAME + 0x200, _FRAME + 0x300
_PAGE, _STACK_SIZE = 0x1000, 0x4000
_ENTRIES = 128  # in the function table: more than it has
_FROM_OBJECT, _TO_OBJECT, _WRONG_COUNT = 3, 4, 44  # places in it
_NONE, _FALSE, _TRUE = 0x7000_0000, 0x7000_0010, 0x7000_0020  # objects are addresses without
_ARGUMENT, _RESULT = 0x7100_0000, 0x7200_0000  # memory: a kernel cannot look into them
_BOOL, _INT, _UINT, _POINTERS = 1, 2, 3, (4, 5, 6, 7)  # MP_NATIVE_TYPE_*, py/runtime0.h
_RETURN = struct.pack("<HH", 0x8082, 0)  # c.jr ra
_WRITES = (uni.UC_MEM_WRITE, uni.UC_MEM_WRITE_UNMAPPED, uni.UC_MEM_WRITE_PROT)


class KernelFault(Exception):  # noqa: N818  (chips call it a fault)
    """The kernel did what would be an error on a chip, or corrupt data unnoticed."""


def kernel(path: str | Path, name: str) -> Kernel:
    """Load the kernel `name` of a file (relative to the root, or absolute)."""
    return Kernel(functions(path, "rv32imc")[name])


class Kernel:
    """One kernel's code; `instructions` are those of the last call.

    They are the function's own, from its first to its return. The interpreter's work around it
    (the call, the conversion of arguments) is in `interpreter.VIPER_CALL`.
    """

    def __init__(self, function: Function, limit: int = INSTRUCTION_LIMIT) -> None:
        if function.architecture != "rv32imc":
            raise ValueError(f"cannot run {function.architecture}")
        self.name, self.instructions = function.name, 0
        self._code, self._limit = function.code, limit
        self._lengths: dict[tuple[int, int], int] = {}  # instructions in each block of code
        self._arguments: list[tuple[int, bool]] = []  # word, whether it points to a buffer
        self._fault = ""
        self._result: int | None = None
        self._uc = _machine(function)
        self._memory = Memory(self._uc)
        self._watch()

    def call(self, *arguments: int | Buffer) -> int | None:
        """Call it: integers go in as 32 bits, buffers are copied in and, if writable, back out.

        Raises KernelFault and leaves the buffers unchanged then.
        """
        self.instructions, self._fault, self._result = 0, "", None
        self._memory.clear()
        self._arguments = [self._word(argument) for argument in arguments]
        objects = [_ARGUMENT + 16 * at for at in range(len(arguments))]
        self._uc.mem_write(_ARGUMENTS, struct.pack(f"<{len(objects)}I", *objects))
        returned = self._run(len(objects))
        if returned != (_NONE if self._result is None else _RESULT):
            raise KernelFault(f"{self.name}: the result is neither a number nor None")
        self._memory.give_back()
        return self._result

    def _word(self, argument: int | Buffer) -> tuple[int, bool]:
        if isinstance(argument, int):
            return argument & 0xFFFF_FFFF, False
        return self._memory.hold(argument), True

    def _run(self, count: int) -> int:
        """Run to the end; return the result's register."""
        for register, value in (
            (reg.UC_RISCV_REG_SP, _STACK + _STACK_SIZE - 16),
            (reg.UC_RISCV_REG_RA, _END),
            (reg.UC_RISCV_REG_A0, _FRAME),  # the function object
            (reg.UC_RISCV_REG_A1, count),
            (reg.UC_RISCV_REG_A2, 0),  # keyword arguments
            (reg.UC_RISCV_REG_A3, _ARGUMENTS),
        ):
            self._uc.reg_write(register, value)
        try:
            self._uc.emu_start(_CODE, _END)
        except _unicorn.UcError as error:
            self._fault = self._fault or str(error)
        if self._fault:
            raise KernelFault(f"{self.name}: {self._fault}")
        return self._uc.reg_read(reg.UC_RISCV_REG_A0)

    def _watch(self) -> None:
        add, end = self._uc.hook_add, _CODE + len(self._code)
        add(uni.UC_HOOK_BLOCK, self._on_block, None, _CODE, end - 1)
        add(uni.UC_HOOK_BLOCK, self._on_table, None, _TRAPS, _TRAPS + 4 * _ENTRIES - 1)
        accesses = uni.UC_HOOK_MEM_READ | uni.UC_HOOK_MEM_WRITE
        add(accesses, self._on_access, None, DATA, DATA_END - 1)
        add(uni.UC_HOOK_MEM_INVALID, self._on_invalid, None, 1, 0)  # 1 to 0: anywhere

    def _stop(self, fault: str) -> None:
        self._fault = self._fault or fault
        self._uc.emu_stop()

    def _on_block(self, _uc: Machine, address: int, size: int, _data: object) -> None:
        """Count a block on entry: it has one entry and one exit, so all of it runs."""
        length = self._lengths.get((address, size))
        if length is None:
            length = _instructions(self._code[address - _CODE :][:size])
            self._lengths[address, size] = length
        self.instructions += length
        if self.instructions > self._limit:
            self._stop(f"more than {self._limit} instructions")

    def _on_table(self, uc: Machine, address: int, _size: int, _data: object) -> None:
        entry = (address - _TRAPS) // 4
        value, kind = uc.reg_read(reg.UC_RISCV_REG_A0), uc.reg_read(reg.UC_RISCV_REG_A1)
        if entry == _FROM_OBJECT:
            uc.reg_write(reg.UC_RISCV_REG_A0, self._from_object(value, kind))
        elif entry == _TO_OBJECT:
            self._result = self._to_object(value, kind)
            uc.reg_write(reg.UC_RISCV_REG_A0, _RESULT)
        elif entry == _WRONG_COUNT:
            self._stop(f"does not take {len(self._arguments)} arguments")
        else:
            self._stop(f"calls entry {entry} of the interpreter's function table")

    def _from_object(self, value: int, kind: int) -> int:
        at = (value - _ARGUMENT) // 16
        if not 0 <= at < len(self._arguments):
            self._stop("converts an object that is not an argument")
            return 0
        word, is_buffer = self._arguments[at]
        if is_buffer != (kind in _POINTERS) or kind not in (_BOOL, _INT, _UINT, *_POINTERS):
            given = "a buffer" if is_buffer else "a number"
            self._stop(f"argument {at} is {given}, the kernel takes native type {kind}")
        return int(word != 0) if kind == _BOOL else word

    def _to_object(self, value: int, kind: int) -> int:
        if kind not in (_BOOL, _INT, _UINT):
            self._stop(f"returns native type {kind}")
        if kind == _INT and value >> 31:
            return value - (1 << 32)
        return int(value != 0) if kind == _BOOL else value

    def _on_access(self, _uc: Machine, access: int, address: int, size: int, *_: object) -> None:
        complaint = self._memory.complaint(address, size, access in _WRITES)
        if complaint is not None:
            self._stop(complaint)

    def _on_invalid(self, _uc: Machine, access: int, address: int, size: int, *_: object) -> bool:
        complaint = self._memory.complaint(address, size, access in _WRITES)
        self._stop(complaint or f"access {access} to {address:#x}")
        return False


def _machine(function: Function) -> Machine:
    """Make a machine with the code, and the surroundings that MicroPython's native code expects."""
    uc: Machine = _unicorn.Uc(uni.UC_ARCH_RISCV, uni.UC_MODE_RISCV32)
    entries = [_NONE, _FALSE, _TRUE, *(_TRAPS + 4 * at for at in range(3, _ENTRIES))]
    constants = [0] * function.table_at + [_TABLE]
    frame = {_FRAME: [0, _CONTEXT], _CONTEXT: [0, 0, 0, _CONSTANTS], _CONSTANTS: constants}
    run = uni.UC_PROT_READ | uni.UC_PROT_EXEC
    _map(uc, _CODE, len(function.code), run, {_CODE: function.code})
    _map(uc, _TRAPS, 4 * _ENTRIES, run, {_TRAPS: _RETURN * _ENTRIES})
    _map(uc, _END, 4, run, {_END: _RETURN})
    _map(uc, _TABLE, 4 * _ENTRIES, uni.UC_PROT_READ, {_TABLE: _words(entries)})
    words = {address: _words(values) for address, values in frame.items()}
    _map(uc, _FRAME, 0x300 + 4 * len(constants), uni.UC_PROT_READ, words)
    _map(uc, _STACK, _STACK_SIZE, uni.UC_PROT_READ | uni.UC_PROT_WRITE, {})
    return uc


def _map(uc: Machine, start: int, size: int, rights: int, content: dict[int, bytes]) -> None:
    uc.mem_map(start, -(-size // _PAGE) * _PAGE, rights)
    for address, data in content.items():
        uc.mem_write(address, data)


def _words(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _instructions(code: bytes) -> int:
    """Count instructions: the two lowest bits tell 4 bytes from 2 (RISC-V ISA manual, §1.5)."""
    count = at = 0
    while at < len(code):
        at += 4 if code[at] & 3 == 3 else 2
        count += 1
    return count
