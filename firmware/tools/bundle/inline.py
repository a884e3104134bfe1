"""Put a function or method where its only call is.

On a chip each function costs 32 bytes beside its bytecode, a place in a table and, while it runs, a
frame. Sources are read better in small functions; a hundred of a receiver's have one call.

A method goes where its only call is if nothing else in the program has its name, so that it can be
no other object's. What holds functions of its own or reads attributes by text stays where it is; so
does what would come before something else in the statement of its call than it does now.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator

from . import library
from .constants import assigned
from .moving import Callee, move
from .places import Place, places
from .reached_by_text import is_namedtuple
from .scopes import FUNCTIONS
from .walking import walk

_UNMOVABLE = (*FUNCTIONS, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom)
_BY_TEXT = frozenset(("getattr", "setattr", "hasattr", "delattr", "super", "locals", "globals"))


def inline(tree: ast.Module, roots: Iterable[str]) -> None:
    """Change the program in place until no call is left that can be replaced."""
    numbers = 0
    while (done := _Pass(tree, frozenset(roots), numbers)).run():
        numbers = done.number


class _Pass:
    """One look at all calls; what lies in a function that has moved is left to the next one."""

    def __init__(self, tree: ast.Module, roots: frozenset[str], number: int) -> None:
        self.number = number  # of replaced calls: it tells moved names apart
        self._tree = tree
        self._roots = roots
        self._names = Counter(each.id for each in walk(tree) if isinstance(each, ast.Name))
        self._attributes = Counter(
            each.attr for each in walk(tree) if isinstance(each, ast.Attribute)
        )
        self._callees = {each.node.name: each for each in _callees(tree)}
        self._meant = library.attributes() | _words(tree)
        declared = {name for each in walk(tree) for name in getattr(each, "names", [])}
        self._fixed = {name for name, count in assigned(tree).items() if count == 1}
        self._fixed -= {name for name in declared if isinstance(name, str)}
        self._moved: set[ast.AST] = set()

    def run(self) -> bool:
        """Replace what can be; return whether anything was."""
        before = self.number
        for place in list(places(self._tree)):
            callee = self._callee(place)
            if callee is not None and move(place, callee, f"__{self.number}", self._fixed):
                self.number += 1
                self._moved.add(callee.node)
                callee.home[:] = [each for each in callee.home if each is not callee.node]
                if callee.is_method and not callee.home:
                    callee.home.append(ast.Pass())
        return self.number > before

    def _callee(self, place: Place) -> Callee | None:
        """Return the function that is called here and nowhere else."""
        match place.call.func:
            case ast.Name(id=name):
                is_method, uses = False, self._names[name]
            case ast.Attribute(attr=name) if name not in self._meant:
                is_method, uses = True, self._attributes[name] + self._names[name]
            case _:
                return None
        found = self._callees.get(name)
        if found is None or uses != 1 or name in self._roots:
            return None
        if (found.is_method, found.is_generator) != (is_method, place.waited is not None):
            return None
        is_free = not {found.node, place.function} & self._moved
        return found if is_free and found.node is not place.function else None


def _callees(tree: ast.Module) -> Iterator[Callee]:
    """Return the functions that may move; of those that share a name none."""
    found: list[Callee] = []
    for node in tree.body:
        home = node.body if isinstance(node, ast.ClassDef) else tree.body
        members = home if isinstance(node, ast.ClassDef) else [node]
        for each in members:
            if isinstance(each, ast.FunctionDef):
                found.append(Callee(each, home, home is not tree.body, _yields(each)))
    count = Counter(each.node.name for each in found)
    yield from (each for each in found if count[each.node.name] == 1 and _may_move(each.node))


def _may_move(node: ast.FunctionDef) -> bool:
    given = node.args
    if node.decorator_list or given.vararg or given.kwarg or given.kwonlyargs or given.posonlyargs:
        return False
    if node.name.startswith("__") or not all(isinstance(e, ast.Constant) for e in given.defaults):
        return False
    for each in walk(node):
        if each is not node and isinstance(each, _UNMOVABLE):
            return False
        if isinstance(each, ast.Name) and each.id in _BY_TEXT:
            return False
    return True


def _yields(node: ast.FunctionDef) -> bool:
    return any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in walk(node))


def _words(tree: ast.Module) -> set[str]:
    """Return what may be the name of something else than a method: fields, and texts."""
    found: set[str] = set()
    for node in walk(tree):
        match node:
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                found.add(node.attr)
            case ast.Constant(value=str(text)):
                found.add(text)
            case ast.Call() if is_namedtuple(node):
                texts = (each.value for each in walk(node) if isinstance(each, ast.Constant))
                found |= {each for each in texts if isinstance(each, str)}
            case ast.ClassDef():
                stored = [each for each in node.body if isinstance(each, ast.Assign)]
                found |= {
                    each.id for one in stored for each in walk(one) if isinstance(each, ast.Name)
                }
    return found
