"""Move the body of a function to the place of its call, under names that are new there."""

from __future__ import annotations

import ast
from copy import deepcopy
from typing import NamedTuple

from .frames import ERROR_MOST, WORDS_MOST, depth, words
from .places import Place, spine
from .returns import NoPlaceError, Put, ends, settled
from .scopes import bound
from .walking import walk


class Callee(NamedTuple):
    """A function that may move; `home` is the list that holds it."""

    node: ast.FunctionDef
    home: list[ast.stmt]
    is_method: bool
    is_generator: bool


def move(place: Place, callee: Callee, mark: str, fixed: set[str]) -> bool:
    """Put the function in the place of its call, if there it does the same."""
    given = _given(place.call, callee)
    own = _bound_anywhere(place.function)
    if given is None or not _stands(place) or _free(callee.node) & own:
        return False
    if any(isinstance(each, ast.Nonlocal) for each in walk(place.function)):
        return False  # a variable may change while it is read here
    body = callee.node.body
    stored = {name for each in body for name in _bound_anywhere(each)}
    changes = {name: ast.Name(name + mark, ast.Load()) for name in {*given, *stored}}
    before: list[ast.stmt] = []
    put_in: dict[str, ast.expr] = {}
    for name, value in given.items():
        if name not in stored and _is_kept(value, own | fixed):
            put_in[name] = value
        else:
            before.append(ast.Assign([ast.Name(name + mark, ast.Store())], value, lineno=0))
    if len(before) == 1:
        (name,) = given.keys() - put_in.keys()
        if name not in stored and _is_first(body, name):
            put_in[name] = given[name]
            before = []
    if not _fits(place, callee, len(changes.keys() - put_in.keys())):
        return False
    moved = [_NewNames({**changes, **put_in}).visit(deepcopy(each)) for each in body]
    return _placed(place, moved, before, mark)


def _fits(place: Place, callee: Callee, more: int) -> bool:
    """Return whether a frame that is on the stack now stays there, with so many variables more."""
    after = len(bound(place.scope)) + more
    deepest = max(depth(place.scope.body), place.kept + depth(callee.node.body))
    return after + deepest <= WORDS_MOST or words(place.scope) > WORDS_MOST + ERROR_MOST


def _stands(place: Place) -> bool:
    """Return whether the call is still where it was found."""
    is_there = any(each is place.node for each in place.block)
    return is_there and any(each is place.call for each in walk(place.node))


def _is_kept(value: ast.expr, variables: set[str]) -> bool:
    """Return whether an argument is the same whenever it is read."""
    return isinstance(value, ast.Constant) or (
        isinstance(value, ast.Name) and value.id in variables
    )


def _placed(place: Place, body: list[ast.stmt], before: list[ast.stmt], mark: str) -> bool:
    match body:
        case [ast.Return(value=ast.expr() as value)] if not before and place.waited is None:
            _Exchange(place.call, value).visit(place.node)
            return True
    variable = "value" + mark
    put, after = _put(place), []
    if put is None:
        if not place.comes_first:
            return False
        put, after = _assign(ast.Name(variable, ast.Store())), [place.node]
    try:
        made = [*before, *settled(body, put), *after]
    except NoPlaceError:
        if after or not isinstance(place.node, ast.Return):
            return False
        made = [*before, *body, *([] if ends(body) else [ast.Return(None)])]
    if after:
        _Exchange(place.value, ast.Name(variable, ast.Load())).visit(place.node)
    at = next(at for at, each in enumerate(place.block) if each is place.node)
    place.block[at : at + 1] = made or [ast.Pass()]
    return True


def _put(place: Place) -> Put | None:
    """Return what the statement does with the value, if the call is all of it."""
    match place.node:
        case ast.Expr(value=value) if value is place.value:
            return lambda found: [] if found is None or _is_idle(found) else [ast.Expr(found)]
        case ast.Return(value=value) if value is place.value:
            return lambda found: [ast.Return(found)]
        case ast.Assign(targets=[target], value=value) if value is place.value:
            return _assign(target)
        case _:
            return None


def _assign(target: ast.expr) -> Put:
    def put(value: ast.expr | None) -> list[ast.stmt]:
        return [ast.Assign([deepcopy(target)], value or ast.Constant(None), lineno=0)]

    return put


def _is_idle(value: ast.expr) -> bool:
    return isinstance(value, (ast.Constant, ast.Name))


def _given(call: ast.Call, callee: Callee) -> dict[str, ast.expr] | None:
    """Return what each parameter gets, in the order of evaluation."""
    args = [each.arg for each in callee.node.args.args]
    values = list(call.args)
    if callee.is_method:
        assert isinstance(call.func, ast.Attribute)
        values.insert(0, call.func.value)
    if any(isinstance(each, ast.Starred) for each in values) or len(values) > len(args):
        return None
    found = dict(zip(args, values, strict=False))
    for keyword in call.keywords:
        if keyword.arg not in args or keyword.arg in found:
            return None
        found[keyword.arg] = keyword.value
    defaults = callee.node.args.defaults
    for name, value in zip(args[len(args) - len(defaults) :], defaults, strict=True):
        found.setdefault(name, value)
    return found if len(found) == len(args) else None


def _is_first(body: list[ast.stmt], name: str) -> bool:
    """Return whether a parameter is read once, before anything else but variables."""
    match body:
        case [ast.Return(value=ast.expr() as value)]:
            reads = [each for each in walk(value) if isinstance(each, ast.Name) and each.id == name]
            return len(reads) == 1 and any(each is reads[0] for each in spine(value))
        case _:
            return False


def _bound_anywhere(node: ast.AST) -> set[str]:
    """Return every name that is bound in a function or statement, or in scopes inside it."""
    found = {each.arg for each in walk(node) if isinstance(each, ast.arg)}
    for each in walk(node):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load):
            found.add(each.id)
        elif isinstance(each, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)) and each.name:
            found.add(each.name)
        elif isinstance(each, ast.alias):
            found.add(each.asname or each.name)
    return found


def _free(node: ast.FunctionDef) -> set[str]:
    """Return the names that a function takes from outside."""
    return {each.id for each in walk(node) if isinstance(each, ast.Name)} - _bound_anywhere(node)


class _NewNames(ast.NodeTransformer):
    """Give the names of a moved body their values or their new names."""

    def __init__(self, changes: dict[str, ast.expr]) -> None:
        self._changes = changes

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self._changes.get(node.id)
        if found is None:
            return node
        if isinstance(node.ctx, ast.Load):
            return deepcopy(found)
        assert isinstance(found, ast.Name)
        return ast.Name(found.id, node.ctx)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        found = self._changes.get(node.name or "")
        if isinstance(found, ast.Name):
            node.name = found.id
        return self.generic_visit(node)


class _Exchange(ast.NodeTransformer):
    """Put one expression where another one is."""

    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else super().visit(node)
