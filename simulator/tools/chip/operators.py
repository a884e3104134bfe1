"""Instrument a module to report its bytecodes and each operation on integers beyond a word.

The functions temporarily run code made from the same source, with a call in place of each operator
and others that report bytecodes (see `bytecodes.py`). Missed are comparisons and operators that
change an element or attribute in place.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

from . import bytecodes

Compute: TypeAlias = Callable[..., object]
Big: TypeAlias = Callable[[str, int, int], None]  # operator, times, instructions

# RV32 instructions for 256 bits, measured on MicroPython 1.29-preview.
SUM = 1_000
MODULAR_PRODUCT = 14_400  # `a * b % m`
_HALF = MODULAR_PRODUCT // 2  # for `*` and `%` each: assumed, only both together were measured

_SMALL_BITS = 30  # a chip's word, less tag and sign
_OPERATE = "_operate"
_OPERATORS: dict[type[ast.operator], tuple[str, Compute, Compute]] = {
    ast.Add: ("+", operator.add, operator.iadd),
    ast.Sub: ("-", operator.sub, operator.isub),
    ast.Mult: ("*", operator.mul, operator.imul),
    ast.FloorDiv: ("//", operator.floordiv, operator.ifloordiv),
    ast.Mod: ("%", operator.mod, operator.imod),
    ast.LShift: ("<<", operator.lshift, operator.ilshift),
    ast.RShift: (">>", operator.rshift, operator.irshift),
    ast.BitAnd: ("&", operator.and_, operator.iand),
    ast.BitOr: ("|", operator.or_, operator.ior),
    ast.BitXor: ("^", operator.xor, operator.ixor),
}
_COMPUTE = {sign: plain for sign, plain, _ in _OPERATORS.values()} | {
    f"{sign}=": in_place for sign, _, in_place in _OPERATORS.values()
}


@contextmanager
def told(module: ModuleType, big: Big, executed: Callable[[int], None]) -> Iterator[None]:
    """Report operations to `big` and bytecodes to `executed`, a few at a time."""

    def counted(weight: int, value: object) -> object:
        executed(weight)
        return value

    def operate(sign: str, left: Any, right: Any) -> object:
        if type(left) is type(right) is int:
            a, b = left.bit_length(), right.bit_length()
            if max(a, b) > _SMALL_BITS:
                big(sign.rstrip("="), 1, _cost(sign.rstrip("="), a, b))
        return _COMPUTE[sign](left, right)

    def power(base: int, exponent: int, modulus: int) -> int:
        """Compute as MicroPython: square for each bit but the first and multiply for each 1."""
        times = exponent.bit_length() - 1 + exponent.bit_count()
        big("pow", times, times * (MODULAR_PRODUCT * modulus.bit_length() ** 2 >> 16))
        return pow(base, exponent, modulus)

    def parts(dividend: int, divisor: int) -> tuple[int, int]:
        a, b = dividend.bit_length(), divisor.bit_length()
        if max(a, b) > _SMALL_BITS:
            big("divmod", 1, SUM + _cost("//", a, b))  # two results to allocate
        return divmod(dividend, divisor)

    names = {bytecodes.EXECUTED: executed, bytecodes.COUNTED: counted, _OPERATE: operate}
    with ExitStack() as undo:
        for name, value in {**names, "pow": power, "divmod": parts}.items():
            setattr(module, name, value)
            undo.callback(delattr, module, name)
        for function in _functions(module):
            undo.callback(setattr, function, "__code__", function.__code__)
            function.__code__ = _rewritten(str(module.__file__))[_key(function.__code__)]
        yield


def _cost(sign: str, left: int, right: int) -> int:
    """Return the instructions of one operation on so many bits, as its inner loops run."""
    steps = 0
    if sign == "*":
        steps = left * right
    elif sign in ("%", "//"):
        steps = max(0, left - right) * right
    return max(SUM * max(left, right, 256) >> 8, _HALF * steps >> 16)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Return the functions that the module defines, methods too."""
    places = [module, *(value for value in vars(module).values() if isinstance(value, type))]
    for place in places:
        for value in vars(place).values():
            if isinstance(value, FunctionType) and value.__code__.co_filename == module.__file__:
                yield value


@cache
def _rewritten(file: str) -> dict[tuple[str, int], CodeType]:
    tree = ast.parse(Path(file).read_text())
    bytecodes.let_tell(tree, file)
    tree = ast.fix_missing_locations(_Rewriter().visit(tree))
    return {_key(code): code for code in _codes(compile(tree, file, "exec"))}


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


class _Rewriter(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        if bytecodes.is_constant(node):
            return node
        self.generic_visit(node)
        if type(node.op) not in _OPERATORS:
            return node
        return ast.copy_location(_call(_OPERATORS[type(node.op)][0], node.left, node.right), node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name) or type(node.op) not in _OPERATORS:
            return node
        left = ast.Name(node.target.id, ast.Load())
        value = _call(_OPERATORS[type(node.op)][0] + "=", left, node.value)
        return ast.copy_location(ast.Assign([node.target], value), node)


def _call(sign: str, left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(_OPERATE, ast.Load()), [ast.Constant(sign), left, right], [])
