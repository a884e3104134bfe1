"""Find the calls whose place a function's body can take, and what is evaluated before them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from .frames import around
from .scopes import SCOPES
from .walking import walk


class Place(NamedTuple):
    """A call within a statement of a block."""

    function: ast.FunctionDef  # of the module, or of a class in it
    scope: ast.FunctionDef  # the innermost one, whose names are meant
    block: list[ast.stmt]
    node: ast.stmt
    call: ast.Call
    waited: ast.YieldFrom | None  # what drives it, if it is a generator's
    comes_first: bool  # nothing before it in the statement can tell
    kept: int  # words of the frame that the statements around this one keep

    @property
    def value(self) -> ast.expr:
        return self.waited or self.call


def places(tree: ast.Module) -> Iterator[Place]:
    """Return every call in a function, in order; of loops' conditions only what cannot move."""
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        for function in members:
            if isinstance(function, ast.FunctionDef):
                yield from _of_scope(function, function)


def _of_scope(function: ast.FunctionDef, scope: ast.FunctionDef) -> Iterator[Place]:
    todo = [(scope.body, 0)]
    while todo:
        block, kept = todo.pop()
        for node in block:
            if isinstance(node, ast.FunctionDef):
                yield from _of_scope(function, node)
            elif not isinstance(node, (ast.ClassDef, ast.AsyncFunctionDef)):
                for call, waited, comes_first in _calls(node):
                    yield Place(function, scope, block, node, call, waited, comes_first, kept)
                todo += [(each, kept + around(node)) for each in _blocks(node)]


def _calls(node: ast.stmt) -> Iterator[tuple[ast.Call, ast.YieldFrom | None, bool]]:
    """Return each call in a statement, what waits for it, and whether it comes first."""
    first = list(spine(head)) if (head := _head(node)) is not None else []
    waits = {each.value: each for each in walk(node) if isinstance(each, ast.YieldFrom)}
    for each in _own(node):
        if isinstance(each, ast.Call):
            waited = waits.get(each)
            yield each, waited, (waited or each) in first


def _own(node: ast.stmt) -> Iterator[ast.AST]:
    """Return what a statement holds, but for other statements and other scopes."""
    todo: list[ast.AST] = [node]
    while todo:
        each = todo.pop(0)
        yield each
        todo += [
            child
            for child in ast.iter_child_nodes(each)
            if not isinstance(child, (ast.stmt, ast.ExceptHandler, *SCOPES))
        ]


def _head(node: ast.stmt) -> ast.expr | None:
    """Return what a statement evaluates first, and once."""
    match node:
        case ast.Expr(value=value) | ast.Return(value=value) | ast.Assign(value=value):
            return value
        case ast.If(test=value) | ast.For(iter=value) | ast.Raise(exc=value):
            return value
        case _:
            return None


def _blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    found = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
    found += [each.body for each in getattr(node, "handlers", [])]
    return [each for each in found if each]


def spine(node: ast.expr) -> Iterator[ast.expr]:
    """Return an expression and those in it before which it does no more than to read variables."""
    yield node
    for child in _in_order(node):
        yield from spine(child)
        if not isinstance(child, (ast.Name, ast.Constant)):
            return


def _in_order(node: ast.expr) -> list[ast.expr]:
    """Return the operands that are evaluated in any case, in their order."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name() as owner), args=args, keywords=named):
            return [owner, *args, *(each.value for each in named)]  # a method does not change
        case ast.Call(func=ast.Attribute(value=owner)):
            return [owner]
        case ast.Call(func=func, args=args, keywords=named):
            return [func, *args, *(each.value for each in named)]
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Compare(left=left, comparators=[right]):
            return [left, right]
        case ast.Compare(left=first) | ast.BoolOp(values=[first, *_]) | ast.IfExp(test=first):
            return [first]
        case ast.UnaryOp(operand=first) | ast.Attribute(value=first) | ast.YieldFrom(value=first):
            return [first]
        case ast.Subscript(value=value, slice=index):
            return [value, index]
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return items
        case _:
            return []
