"""Read the sources that a program imports, as trees without what is false for its target.

`if TYPE_CHECKING`, the choice of a platform and the twins of kernels fall away here, so that the
files which only they import never get into the image.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .literals import Folder, literal
from .walking import walk

KERNELS = "receiver.crypto.kernels."  # viper: compiled as they are, each by itself
OURS = ("receiver", "firmware", "tests")
# Modules that others load while they run: each is a program of its own, with its own copies.
LATER = frozenset({"firmware.device.orders"})
LIBRARY = {"typing", "__future__"}  # in firmware/device/lib: `plain` leaves nothing of them

PLATFORMS = {"esp32": "esp32", "unix": "linux"}  # target → sys.platform


class Source(NamedTuple):
    """One module. `path` is relative to the root."""

    name: str
    path: Path
    tree: ast.Module
    is_package: bool


class Tree(NamedTuple):
    """Where sources are, and what is known of the machine that will run them."""

    root: Path
    facts: Mapping[str, Any]  # dotted name → value
    excluded: frozenset[str] = frozenset()  # modules: a branch that imports one is never taken

    def read(self, name: str) -> Source | None:
        """Return a module of ours, or None."""
        if name.split(".")[0] not in OURS:
            return None
        place = Path(*name.split("."))
        for path, is_package in ((place / "__init__.py", True), (place.with_suffix(".py"), False)):
            if (self.root / path).is_file():
                tree = ast.parse((self.root / path).read_text(), str(path))
                source = Source(name, path, tree, is_package)
                _Known(source, self).visit(tree)
                return source
        return None

    def is_module(self, name: str) -> bool:
        place = self.root / Path(*name.split("."))
        return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def facts(target: str) -> dict[str, Any]:
    """Return what holds on every machine of this target."""
    return {
        "typing.TYPE_CHECKING": False,
        "sys.platform": PLATFORMS[target],
        "receiver.crypto.native.NATIVE": True,
    }


def closure(tree: Tree, entry: str) -> list[Source]:
    """Return the entry and all of ours that it imports, each behind what it imports itself."""
    order: list[Source] = []
    seen: set[str] = set()

    def add(name: str) -> None:
        if name in seen or name.startswith(KERNELS) or (name in LATER and name != entry):
            return
        seen.add(name)
        source = tree.read(name)
        if source is None:
            return
        for imported in imports(tree, source):
            add(imported)
        order.append(source)

    add(entry)
    return order


def imports(tree: Tree, source: Source) -> list[str]:
    """Return the modules that a source imports, at its start or later, in order."""
    found = []
    for node in walk(source.tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [module for module, _ in targets(tree, source, node)]
    return found


def targets(tree: Tree, source: Source, node: ast.ImportFrom) -> Iterator[tuple[str, str | None]]:
    """Return, for each name that `from … import` binds, its module and its name there.

    The name is None where a whole module is meant.
    """
    base = absolute(source, node)
    for alias in node.names:
        whole = f"{base}.{alias.name}"
        yield (whole, None) if _is_module(tree, whole) else (base, alias.name)


def absolute(source: Source, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = source.name.split(".")
    kept = parts[: len(parts) - node.level + (1 if source.is_package else 0)]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _is_module(tree: Tree, name: str) -> bool:
    return name.split(".")[0] in OURS and tree.is_module(name)


class _Known(Folder):
    """Put in what is known, then fold."""

    def __init__(self, source: Source, tree: Tree) -> None:
        self._source, self._tree = source, tree
        self._names: dict[str, str] = {}
        for node in walk(source.tree):
            if isinstance(node, ast.Import):
                self._names.update({each.asname or each.name: each.name for each in node.names})
            elif isinstance(node, ast.ImportFrom):
                for alias, (module, name) in zip(
                    node.names, targets(tree, source, node), strict=True
                ):
                    whole = f"{module}.{name}" if name else module
                    self._names[alias.asname or alias.name] = whole
        self._names["__name__"] = f"{source.name}.__name__"
        self._names["__file__"] = f"{source.name}.__file__"
        for fact in tree.facts:
            module, _, name = fact.rpartition(".")
            if module == source.name:
                self._names.setdefault(name, fact)
        self._facts = {**tree.facts, self._names["__file__"]: str(tree.root / source.path)}

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:  # noqa: N802
        for each in node.body:
            if isinstance(each, ast.ImportFrom):
                modules = {module for module, _ in targets(self._tree, self._source, each)}
                if modules & self._tree.excluded:
                    node.test = ast.Constant(False)
        return super().visit_If(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:  # noqa: N802
        return self._known(node, self._names.get(node.id, ""))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:  # noqa: N802
        if isinstance(node.value, ast.Name) and node.value.id in self._names:
            name = f"{self._names[node.value.id]}.{node.attr}"
            if name in self._facts:
                return self._known(node, name)
        self.generic_visit(node)
        return node

    def _known(self, node: ast.expr, name: str) -> ast.expr:
        if name in self._facts and isinstance(getattr(node, "ctx", None), ast.Load):
            return literal(self._facts[name])
        return node
