"""Drop what nothing reaches from the program's entry: functions, classes, methods, constants.

A method or a class's attribute is reached by its name on any object, as types are unknown here; in
a class made from a library's also by the library, if the name is known to it. An assignment to a
global counts as pure: nothing in the device's modules is made for its effect alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from . import library
from .reached_by_text import by_text
from .walking import walk

_KEPT = ast.Import | ast.ImportFrom


def drop(tree: ast.Module, roots: Iterable[str], attributes: Iterable[str] = ()) -> None:
    """Keep what `roots` (globals) need, and every attribute in `attributes`."""
    reached = _Reached(tree, attributes, tuple(by_text(tree).endings))
    for root in roots:
        reached.reach(root)
    reached.run()
    tree.body = [node for node in tree.body if reached.has(node)]
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            node.body = [each for each in node.body if reached.has_member(each)] or [ast.Pass()]


class _Reached:
    def __init__(
        self, tree: ast.Module, attributes: Iterable[str], endings: tuple[str, ...]
    ) -> None:
        self._endings = endings
        self._lists_members = False
        self._binders: dict[str, list[ast.stmt]] = {}
        self._live: set[ast.AST] = set()
        self._names: set[str] = set()
        self._attributes = set(attributes)
        self._classes: list[ast.ClassDef] = []
        self._members: set[ast.AST] = set()
        self._imported: set[str] = set()
        for node in tree.body:
            bound = _bound(node)
            if isinstance(node, _KEPT):
                self._imported.update(bound)
            for name in bound:
                self._binders.setdefault(name, []).append(node)
            if not bound:
                self._keep(node)

    def reach(self, name: str) -> None:
        if name in self._names:
            return
        self._names.add(name)
        for node in self._binders.get(name, []):
            self._keep(node)

    def run(self) -> None:
        """Go on until no method that a live attribute names is left."""
        before = -1
        while before != len(self._members):
            before = len(self._members)
            for owner in list(self._classes):
                called = self._called_by_library(owner)
                for member in owner.body:
                    if member in self._members:
                        continue
                    if self._is_named(member) or called.intersection(_bound(member)):
                        self._members.add(member)
                        self._read(member)

    def has(self, node: ast.stmt) -> bool:
        return node in self._live

    def has_member(self, node: ast.stmt) -> bool:
        return node in self._members

    def _keep(self, node: ast.stmt) -> None:
        if node in self._live:
            return
        self._live.add(node)
        if isinstance(node, ast.ClassDef):
            self._classes.append(node)
            for each in (*node.decorator_list, *node.bases):
                self._read(each)
        else:
            self._read(node)

    def _called_by_library(self, owner: ast.ClassDef) -> frozenset[str]:
        found = (each for base in owner.bases for each in walk(base))
        bases = {each.id for each in found if isinstance(each, ast.Name)}
        return library.attributes() if bases & self._imported else frozenset()

    def _is_named(self, member: ast.stmt) -> bool:
        names = _bound(member)
        return (
            not names
            or self._lists_members
            or any(
                name in self._attributes or name.endswith((*self._endings, "__")) for name in names
            )
        )

    def _read(self, node: ast.AST) -> None:
        found: list[str] = []
        for each in walk(node):
            if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Load):
                self._attributes.add(each.attr)
            elif isinstance(each, ast.Name):
                self._lists_members |= each.id == "dir"
                found.append(each.id)
                self._attributes.add(each.id)  # a class's name for its own member
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                self._attributes.add(each.value)  # may reach a method by `getattr`
        for name in found:
            self.reach(name)


def _bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            stored = [each for target in node.targets for each in walk(target)]
            if any(isinstance(each, (ast.Attribute, ast.Subscript)) for each in stored):
                return []  # it changes an object
            return [each.id for each in stored if isinstance(each, ast.Name)]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name for alias in node.names]
        case _:
            return []
