"""Turn constant expressions into literals: what MicroPython would compute again at each start."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

SMALL_MOST = 2**30 - 1  # of an integer that a 32-bit MicroPython holds without the heap

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, all_: item in all_,
    ast.NotIn: lambda item, all_: item not in all_,
}
_SIZE_MOST = 4096  # bytes of a folded result: beyond it an expression is the shorter form


class NotConstantError(Exception):
    """The expression depends on more than literals."""


def value_of(node: ast.expr) -> Any:
    """Return what a literal stands for; raise NotConstantError for any other expression."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Tuple():
            return tuple(value_of(item) for item in node.elts)
        case ast.UnaryOp(op=op) if type(op) in _UNARY:
            return _UNARY[type(op)](value_of(node.operand))
        case _:
            raise NotConstantError


def is_literal(node: ast.expr) -> bool:
    try:
        value_of(node)
    except NotConstantError:
        return False
    return True


def literal(value: Any) -> ast.expr:
    """Return the expression of a value: int, bool, None, str, bytes, or a tuple or dict of them."""
    if type(value) is tuple:
        return ast.Tuple([literal(item) for item in value], ast.Load())
    if type(value) is dict:
        return ast.Dict([literal(key) for key in value], [literal(each) for each in value.values()])
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    if value is None or type(value) in (int, bool, str, bytes):
        return ast.Constant(value)
    raise NotConstantError


def is_small(value: object) -> bool:
    """Return whether a copy of the value costs no more than the name of one."""
    if isinstance(value, int):
        return abs(value) <= SMALL_MOST
    return value is None or isinstance(value, str)


class Folder(ast.NodeTransformer):
    """Compute what is constant, and drop the branches that are never taken."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            return node  # a text and its formatting: see `texts`
        return self._computed(node, lambda: _binary(node))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return self._computed(node, lambda: value_of(node))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) > 1 or type(node.ops[0]) not in _COMPARE:
            return node
        act = _COMPARE[type(node.ops[0])]
        return self._computed(node, lambda: act(value_of(node.left), value_of(node.comparators[0])))

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if is_literal(node.test):
            return node.body if value_of(node.test) else node.orelse
        return node

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        node.test = self.visit(node.test)
        if is_literal(node.test):
            taken = node.body if value_of(node.test) else node.orelse
            return [each for statement in taken for each in _listed(self.visit(statement))]
        self.generic_visit(node)
        fill(node)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        fill(node)
        return node

    def _computed(self, node: ast.expr, compute: Callable[[], Any]) -> ast.expr:
        try:
            made = literal(compute())
        except (NotConstantError, ArithmeticError, TypeError, ValueError):
            return node
        return made if len(ast.unparse(made)) <= _SIZE_MOST else node


def fill(node: ast.AST) -> None:
    """Put `pass` where a block has lost its last statement."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and not body and not isinstance(node, ast.Module):
        body.append(ast.Pass())


def _binary(node: ast.BinOp) -> Any:
    left, right = value_of(node.left), value_of(node.right)
    if type(node.op) not in _BINARY:
        raise NotConstantError
    if isinstance(node.op, ast.Mult) and not isinstance(left, int) and not isinstance(right, int):
        raise NotConstantError
    return _BINARY[type(node.op)](left, right)


def _listed(found: ast.AST | list[ast.stmt] | None) -> list[ast.stmt]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]  # type: ignore[list-item]
