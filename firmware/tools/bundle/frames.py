"""Estimate how many words a function's frame takes: its variables, and what its work puts on them.

MicroPython puts a frame of up to WORDS_MOST on the stack, a larger one in the heap at every call.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from .literals import is_literal
from .scopes import COMPREHENSIONS, bound

WORDS_MOST = 11  # VM_MAX_STATE_ON_STACK of py/objfun.c
ERROR_MOST = 2  # of most estimates: they are seldom too small
LOOP, HANDLER = 4, 6  # an iterator; where an exception leads, and the exception there
_STORE = 2  # an object and a key, under what is stored there


def words(node: ast.FunctionDef) -> int:
    """Return the words of a frame."""
    return len(bound(node)) + depth(node.body)


def depth(body: Sequence[ast.stmt]) -> int:
    """Return the words that statements need above the variables."""
    return max((_statement(node) for node in body), default=0)


def around(node: ast.stmt) -> int:
    """Return the words that a statement keeps while what is in its blocks runs."""
    if isinstance(node, ast.For):
        return LOOP
    return HANDLER if isinstance(node, (ast.Try, ast.With)) else 0


def _statement(node: ast.stmt) -> int:
    own = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
    blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
    blocks += [each.body for each in getattr(node, "handlers", [])]
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return 2
    store = _STORE if isinstance(node, (ast.Assign, ast.AugAssign)) else 0
    within = [around(node) + depth(block) for block in blocks if block]
    return max([store + _expression(each) for each in own] + within, default=1)


def _expression(node: ast.expr) -> int:
    if isinstance(node, ast.Call):
        named = [each.value for each in node.keywords]
        first = 2 if isinstance(node.func, ast.Attribute) else 1
        given = [first + at + _expression(each) for at, each in enumerate([*node.args, *named])]
        return max(_expression(node.func), first, *(each + len(named) for each in given), 1)
    if isinstance(node, COMPREHENSIONS):
        return LOOP
    if is_literal(node):
        return 1
    parts = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.expr)]
    if isinstance(node, (ast.BoolOp, ast.IfExp)):
        return max(map(_expression, parts))
    if isinstance(node, ast.Dict):
        return _STORE + max(map(_expression, parts), default=1)
    return max([at + _expression(each) for at, each in enumerate(parts)] + [1])
