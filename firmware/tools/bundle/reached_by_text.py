"""Find the strings that are names of attributes: what `getattr` and its like are called with.

`getattr(value, field.name)` reads a field of a namedtuple, so what calls that namedtuple, or a
function that hands its parameter on to it, gives names of attributes. Where this finds no origin,
every string that equals an attribute keeps that attribute as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from .scopes import FUNCTIONS, Function, parameters
from .walking import walk

_READERS = ("getattr", "setattr", "hasattr", "delattr")


class ByText(NamedTuple):
    """`literals` change with their attribute; attributes in `kept`, or of such an ending, stay."""

    literals: set[ast.Constant]
    kept: set[str]
    endings: set[str]
    is_complete: bool  # else any string may be a name


def by_text(tree: ast.Module) -> ByText:
    return _Search(tree).result()


class _Search:
    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._calls = [node for node in walk(tree) if isinstance(node, ast.Call)]
        self._around = dict(_functions_around(tree))
        self._found = ByText(set(), set(), set(), True)
        self._complete = True
        self._keys = set(_keys(tree))
        self._used_as_data = False  # a name is also a key of something: it must not change
        self._asked: set[tuple[str, int]] = set()

    def result(self) -> ByText:
        for call in self._calls:
            if isinstance(call.func, ast.Name) and call.func.id in _READERS:
                if isinstance(call.args[1], ast.Constant):
                    self._found.kept.add(str(call.args[1].value))  # perhaps a library's
                else:
                    self._trace(call.args[1])
        if not self._used_as_data:
            return self._found._replace(is_complete=self._complete)
        kept = {str(each.value) for each in self._found.literals}
        return ByText(set(), self._found.kept | kept, self._found.endings, False)

    def _trace(self, node: ast.expr) -> None:
        """Follow a value that is used as a name back to its literals."""
        match node:
            case ast.Constant(value=str()):
                self._found.literals.add(node)
            case ast.Attribute(attr=attr) if positions := list(self._fields(attr)):
                self._used_as_data |= attr in self._keys
                for owner, index in positions:
                    self._arguments(owner, index, None)
            case ast.Name(id=name) if (where := self._parameter(node, name)) is not None:
                function, index = where
                self._arguments(function.name, index, name)
            case ast.BinOp(op=ast.Add(), right=ast.Constant(value=str(ending))):
                self._found.endings.add(ending)
            case _:
                self._complete = False

    def _arguments(self, owner: str, index: int, keyword: str | None) -> None:
        """Follow what all calls of a global give in one place."""
        if (owner, index) in self._asked:
            return
        self._asked.add((owner, index))
        for call in self._calls:
            if isinstance(call.func, ast.Name) and call.func.id == owner:
                named = [each.value for each in call.keywords if each.arg == keyword]
                given = call.args[index : index + 1] + named
                for each in given:
                    self._trace(each)

    def _fields(self, name: str) -> Iterator[tuple[str, int]]:
        for node in self._tree.body:
            match node:
                case ast.Assign(
                    targets=[ast.Name(id=owner)], value=ast.Call(args=[_, ast.Tuple(elts=fields)])
                ) if is_namedtuple(node.value):
                    names = [each.value for each in fields if isinstance(each, ast.Constant)]
                    if name in names:
                        yield owner, names.index(name)

    def _parameter(self, node: ast.Name, name: str) -> tuple[ast.FunctionDef, int] | None:
        """Return the global function whose parameter this is, and its position."""
        function = self._around.get(node)
        if not isinstance(function, ast.FunctionDef) or function not in self._tree.body:
            return None
        names = [each.arg for each in parameters(function)]
        return (function, names.index(name)) if name in names else None


def is_namedtuple(node: ast.expr) -> bool:
    """Return whether this makes a class of namedtuples."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id.endswith("__namedtuple")
    )


def _keys(tree: ast.Module) -> Iterator[str]:
    """Return the attributes whose values are keys of something."""
    for node in walk(tree):
        match node:
            case ast.Subscript(slice=ast.Attribute(attr=attr)):
                yield attr
            case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Attribute(attr=attr), *_]):
                yield attr


def _functions_around(tree: ast.Module) -> Iterator[tuple[ast.AST, Function]]:
    todo: list[tuple[ast.AST, Function | None]] = [(tree, None)]
    while todo:
        node, function = todo.pop()
        if function is not None:
            yield node, function
        within = node if isinstance(node, FUNCTIONS) else function
        todo += [(child, within) for child in ast.iter_child_nodes(node)]
