"""Let the body of a function stand where its call did: each `return` becomes what was done with it.

A function that returns from inside a loop, a `try` or a `with` has no such form, unless its call is
returned as well.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from .walking import walk

Put = Callable[[ast.expr | None], list[ast.stmt]]


class NoPlaceError(Exception):
    """A `return` stands where nothing can take its place."""


def settled(body: list[ast.stmt], put: Put) -> list[ast.stmt]:
    """Return the body with `put(value)` for each return, also the one that its end stands for.

    Raises NoPlaceError; the body is unchanged then.
    """
    for at, node in enumerate(body):
        if isinstance(node, ast.Return):
            return [*body[:at], *put(node.value)]
        if ends([node]) and not _returns(node):
            return body[: at + 1]
        if _returns(node):
            if not isinstance(node, ast.If):
                raise NoPlaceError
            return [*body[:at], *_branches(node, body[at + 1 :], put)]
    return [*body, *put(None)]


def ends(body: list[ast.stmt]) -> bool:
    """Return whether nothing can follow these statements."""
    match body[-1:]:
        case [ast.Return() | ast.Raise()]:
            return True
        case [ast.If(body=taken, orelse=other)]:
            return ends(taken) and ends(other)
        case _:
            return False


def _branches(node: ast.If, rest: list[ast.stmt], put: Put) -> list[ast.stmt]:
    """Put what follows a branch into the one that goes on; both may only where nothing follows."""
    taken, other = node.body, node.orelse
    if rest and ends(taken):
        other = [*other, *rest]
    elif rest and ends(other):
        taken = [*taken, *rest]
    elif rest:
        raise NoPlaceError
    taken, other = settled(taken, put), settled(other, put)
    if not taken and not other:
        return [ast.Expr(node.test)]
    if not taken:
        return [ast.If(ast.UnaryOp(ast.Not(), node.test), other, [])]
    return [ast.If(node.test, taken, other)]


def _returns(node: ast.stmt) -> bool:
    return any(isinstance(each, ast.Return) for each in walk(node))
