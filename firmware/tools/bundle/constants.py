"""Fold constants across modules: where a name stands for a number or a short text, put that.

A global counts if it is assigned once. Numbers, booleans and strings go wherever they are used;
bytes, tuples and large integers only to a single place of use. `evaluate` computes what is no
literal in the source; what depends on the machine is known before (`sources.facts`).
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .literals import Folder, NotConstantError, is_small, literal, value_of
from .merge import Program
from .walking import walk


def fold(program: Program, values: Mapping[str, Any]) -> None:
    """Change the program in place until nothing more folds."""
    tree = program.tree
    split(tree, values)
    _put_values(program, values)
    before = ""
    while before != (now := ast.dump(tree)):
        before = now
        _Inliner(tree).visit(tree)
        _name_membership(tree)


def split(tree: ast.Module, values: Mapping[str, Any]) -> None:
    """Give each name of the module an assignment of its own."""
    tree.body = [each for node in tree.body for each in _split(node, values)]


def assigned(tree: ast.Module) -> Counter[str]:
    """Return how often each global is bound, by any kind of statement."""
    found = Counter(
        node.id
        for node in walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    )
    found.update(
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    )
    return found


def _split(node: ast.stmt, values: Mapping[str, Any]) -> list[ast.stmt]:
    """Make one assignment a name of `A, B = 1, 2` and of `A = B = 1`."""
    if not isinstance(node, ast.Assign):
        return [node]
    if len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple):
        names = node.targets[0].elts
        parts: list[ast.expr] | None = None
        if isinstance(node.value, ast.Tuple) and len(node.value.elts) == len(names):
            parts = node.value.elts
        elif all(isinstance(each, ast.Name) and each.id in values for each in names):
            parts = [literal(values[each.id]) for each in names if isinstance(each, ast.Name)]
        if parts is not None:
            return [
                ast.Assign([name], part, lineno=node.lineno)
                for name, part in zip(names, parts, strict=True)
            ]
    return [node]


def _put_values(program: Program, values: Mapping[str, Any]) -> None:
    once = assigned(program.tree)
    for node in program.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) if name in values and once[name] == 1:
                if isinstance(values[name], dict) and not _reads_globals(node.value):
                    continue  # a table: its keys and values fold by themselves
                node.value = literal(values[name])


def _reads_globals(node: ast.expr) -> bool:
    """Return whether it lists the names of its own module, which the merged one has lost."""
    return any(isinstance(each, ast.Name) and each.id == "globals" for each in walk(node))


class _Inliner(Folder):
    def __init__(self, tree: ast.Module) -> None:
        once = assigned(tree)
        used = Counter(
            node.id
            for node in walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        )
        self._values: dict[str, Any] = {}
        self._rows: dict[str, tuple[Any, ...]] = {}
        for node in tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if once[name] == 1:
                    try:
                        found = value_of(value)
                    except NotConstantError:
                        continue
                    if type(found) is tuple:
                        self._rows[name] = found
                    if is_small(found) or used[name] == 1:
                        self._values[name] = found

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        if isinstance(node.ctx, ast.Load) and node.id in self._values:
            return literal(self._values[node.id])
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:  # noqa: N802
        """Put in a number of a row that is used in several places, as it is not inlined itself."""
        match node:
            case ast.Subscript(
                ctx=ast.Load(), value=ast.Name(id=name), slice=ast.Constant(value=at)
            ):
                row = self._rows.get(name)
                if row is not None and isinstance(at, int) and at < len(row) and is_small(row[at]):
                    return literal(row[at])
        self.generic_visit(node)
        return node


def _name_membership(tree: ast.Module) -> None:
    """Drop the names of a table that is only asked whether it has a number."""
    tables = {
        node.targets[0].id: node
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Dict)
        and all(isinstance(each, ast.Constant) for each in node.value.values)
    }
    asked = Counter(
        each.id
        for node in walk(tree)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn))
        for each in node.comparators
        if isinstance(each, ast.Name)
    )
    uses = Counter(
        node.id
        for node in walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )
    for name, node in tables.items():
        if uses[name] and asked[name] == uses[name]:
            assert isinstance(node.value, ast.Dict)
            keys = [key for key in node.value.keys if key is not None]
            node.value = ast.Tuple(keys, ast.Load())
