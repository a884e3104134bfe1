"""Make one module of many: every global gets its module's name in front, and imports fall away.

`receiver.core.io.Connected` becomes `receiver_core_io__Connected`, wherever it is meant. What comes
from MicroPython is imported once, at the start; an import inside a function stays there.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from .scopes import COMPREHENSIONS, bound, inside
from .sources import KERNELS, LATER, OURS, Source, Tree, absolute, targets
from .walking import walk


class MergeError(Exception):
    """A construction that this build does not know; the text names file and line."""


class Origin(NamedTuple):
    """Where a function comes from."""

    file: str
    line: int
    name: str  # with its class


class Ref(NamedTuple):
    """What a name means: a global of ours, something of MicroPython, or a module of ours."""

    kind: str
    name: str


class Program(NamedTuple):
    """The merged module, still in long names. `places` tells what a global was: module and name."""

    tree: ast.Module
    origins: dict[ast.AST, Origin]
    places: dict[str, tuple[str, str]]
    sources: list[Source]


_GLOBAL, _LIBRARY, _MODULE, _LOCAL = "global", "library", "module", "local"
LOCAL = Ref(_LOCAL, "")


def qualified(module: str, name: str) -> str:
    return module.replace(".", "_") + "__" + name


def merge(tree: Tree, sources: list[Source]) -> Program:
    """Merge sources that are already plain, in their order."""
    merger = _Merger(tree, sources)
    body: list[ast.stmt] = []
    for source in sources:
        _Resolver(merger, source).visit(source.tree)
        body += source.tree.body
        if source.name in merger.as_values:
            body.append(merger.namespace(source))
    module = ast.Module([*merger.library.values(), *body], [])
    return Program(module, merger.origins, merger.places, sources)


class _Merger:
    """What all modules share while they are merged."""

    def __init__(self, tree: Tree, sources: list[Source]) -> None:
        self.tree = tree
        self.library: dict[str, ast.stmt] = {}  # global → its import
        self.origins: dict[ast.AST, Origin] = {}
        self.places: dict[str, tuple[str, str]] = {}
        self._sources = {source.name: source for source in sources}
        self._bindings: dict[str, dict[str, Ref]] = {}
        self.as_values: set[str] = set()
        self._stored = {
            node.attr
            for source in sources
            for node in walk(source.tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        }
        for source in sources:
            self._bindings[source.name] = self._bind(source)
        self.as_values.update(self._find_values())

    def lookup(self, module: str, name: str) -> Ref | None:
        """Return what a global of a module of ours means."""
        return self._bindings[module].get(name)

    def member(self, module: str, name: str, where: str) -> Ref:
        """Return what `module.name` means, for a module of ours."""
        found = self._bindings.get(module, {}).get(name)
        if found is not None:
            return found
        if f"{module}.{name}" in self._sources:
            return Ref(_MODULE, f"{module}.{name}")
        if name in self._stored and module in self._bindings:  # it comes into being later
            made = Ref(_GLOBAL, qualified(module, name))
            self._bindings[module][name] = made
            return made
        raise MergeError(f"{where}: {module} has no {name}")

    def imported(self, source: Source, node: ast.Import | ast.ImportFrom) -> dict[str, Ref]:
        """Return what an import binds."""
        found = {}
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in OURS:
                    raise MergeError(f"{source.path}:{node.lineno}: import it with `from`")
                found[alias.asname or alias.name] = self._module_of_library(alias.name)
            return found
        for alias, (module, name) in zip(node.names, targets(self.tree, source, node), strict=True):
            found[alias.asname or alias.name] = self._imported(module, name, source, node)
        return found

    def is_ours(self, source: Source, node: ast.AST) -> bool:
        """Return whether an import takes from a module that is merged (or a kernel)."""
        if not isinstance(node, ast.ImportFrom) or absolute(source, node) in LATER:
            return False
        return absolute(source, node).split(".")[0] in OURS

    def namespace(self, source: Source) -> ast.stmt:
        """Return a class that stands for a module where it is handed on as a value."""
        body: list[ast.stmt] = []
        for name, ref in self._bindings[source.name].items():
            if ref.kind == _GLOBAL:
                value = ast.Name(ref.name, ast.Load())
                body.append(ast.Assign([ast.Name(name, ast.Store())], value, lineno=0))
        return ast.ClassDef(self.module_name(source.name), [], [], body, [], lineno=0)

    def module_name(self, module: str) -> str:
        return qualified(module, "")

    def _imported(self, module: str, name: str | None, source: Source, node: ast.ImportFrom) -> Ref:
        if module.startswith(KERNELS) or module == KERNELS[:-1]:
            kernel = module.removeprefix(KERNELS)
            return self._module_of_library(kernel) if name is None else self._of(kernel, name)
        if module.split(".")[0] not in OURS:
            return self._of(module, name or "")
        if name is None:
            return Ref(_MODULE, module)
        return self.member(module, name, f"{source.path}:{node.lineno}")

    def _module_of_library(self, name: str) -> Ref:
        made = qualified("lib", name.replace(".", "_"))
        alias = ast.alias(name, made)
        self.library.setdefault(made, ast.Import([alias]))
        return Ref(_LIBRARY, made)

    def _of(self, module: str, name: str) -> Ref:
        made = qualified("lib", f"{module.replace('.', '_')}__{name}")
        self.library.setdefault(made, ast.ImportFrom(module, [ast.alias(name, made)], 0))
        return Ref(_LIBRARY, made)

    def _bind(self, source: Source) -> dict[str, Ref]:
        found = {}
        for name in bound(source.tree):
            found[name] = Ref(_GLOBAL, qualified(source.name, name))
            self.places[found[name].name] = source.name, name
        self._bindings[source.name] = found
        for node in inside(source.tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                found.update(self.imported(source, node))
        return found

    def _find_values(self) -> set[str]:
        """Return the modules that stand somewhere without an attribute behind them."""
        found: set[str] = set()
        for source in self._sources.values():
            resolver = _Resolver(self, source, only_look=True)
            resolver.visit(source.tree)
            found |= resolver.values
        return found


class _Resolver(ast.NodeTransformer):
    """Replace each name of one module by what it means."""

    def __init__(self, merger: _Merger, source: Source, *, only_look: bool = False) -> None:
        self._merger = merger
        self._source = source
        self._only_look = only_look
        self._scopes: list[tuple[ast.AST, dict[str, Ref]]] = []
        self._stored: list[set[str]] = []
        self.values: set[str] = set()

    # Names.

    def visit_Name(self, node: ast.Name) -> ast.expr:
        ref = self._lookup(node.id)
        return node if ref is None or ref.kind == _LOCAL else self._meant(node, ref)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        ref = self._ref(node)
        if ref is not None and ref.kind != _LOCAL:
            return self._meant(node, ref)
        node.value = self.visit(node.value)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name is not None and not self._scopes and not self._only_look:
            node.name = qualified(self._source.name, node.name)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.stmt:
        if not self._only_look:
            node.names = [qualified(self._source.name, name) for name in node.names]
        return node

    def _meant(self, node: ast.Name | ast.Attribute, ref: Ref) -> ast.expr:
        name = ref.name
        if ref.kind == _MODULE:
            self.values.add(ref.name)
            name = self._merger.module_name(ref.name)
        if self._only_look:
            return node
        if self._stored and not isinstance(node.ctx, ast.Load):
            self._stored[-1].add(name)
        return ast.copy_location(ast.Name(name, node.ctx), node)

    def _ref(self, node: ast.expr) -> Ref | None:
        if isinstance(node, ast.Name):
            return self._lookup(node.id)
        if isinstance(node, ast.Attribute):
            ref = self._ref(node.value)
            if ref is not None and ref.kind == _MODULE:
                where = f"{self._source.path}:{node.lineno}"
                return self._merger.member(ref.name, node.attr, where)
        return None

    def _lookup(self, name: str) -> Ref | None:
        for depth, (node, names) in enumerate(reversed(self._scopes)):
            if isinstance(node, ast.ClassDef) and depth:
                continue  # functions do not see the names of their class
            if name in names:
                return names[name]
        return self._merger.lookup(self._source.name, name)

    # Scopes.

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._definition(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._definition(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._enter(node, node.args)
        node.body = self.visit(node.body)
        self._leave()
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        if not self._only_look:
            self._note(node)
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        if isinstance(node, ast.ClassDef):
            node.bases = [self.visit(each) for each in node.bases]
            self._scopes.append((node, self._locals(node)))
            self._stored.append(set())
        else:
            self._enter(node, node.args)
        node.body = self._visited(node.body)
        declared = {
            name for each in node.body if isinstance(each, ast.Global) for name in each.names
        }
        stored = self._leave() - declared
        if stored and not isinstance(node, ast.ClassDef):
            node.body.insert(0, ast.Global(sorted(stored)))
        return node

    def _note(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """Keep where it comes from; rename it if it is a global."""
        around = [each.name for each, _ in self._scopes if hasattr(each, "name")]
        prefix = qualified(self._source.name, "")
        name = ".".join([*around, node.name]).removeprefix(prefix)
        self._merger.origins[node] = Origin(self._source.path.as_posix(), node.lineno, name)
        if not self._scopes:
            node.name = qualified(self._source.name, node.name)

    def _enter(self, node: ast.AST, arguments: ast.arguments) -> None:
        self.visit(arguments)  # defaults belong outside
        self._scopes.append((node, self._locals(node)))
        self._stored.append(set())

    def _leave(self) -> set[str]:
        self._scopes.pop()
        return self._stored.pop()

    def _comprehension(self, node: ast.AST) -> ast.AST:
        assert isinstance(node, COMPREHENSIONS)
        first = self.visit(node.generators[0].iter)
        node.generators[0].iter = ast.Constant(None)
        self._scopes.append((node, self._locals(node)))
        self.generic_visit(node)
        self._scopes.pop()
        node.generators[0].iter = first
        return node

    def _locals(self, node: ast.AST) -> dict[str, Ref]:
        names = dict.fromkeys(bound(node), LOCAL)
        for each in inside(node):
            if isinstance(each, ast.ImportFrom) and self._merger.is_ours(self._source, each):
                names.update(self._merger.imported(self._source, each))
        return names

    # Imports.

    def visit_Import(self, node: ast.Import) -> ast.stmt | None:
        return self._import(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        return self._import(node)

    def _import(self, node: ast.Import | ast.ImportFrom) -> ast.stmt | None:
        inside_function = any(not isinstance(each, ast.ClassDef) for each, _ in self._scopes)
        if self._only_look or (inside_function and not self._merger.is_ours(self._source, node)):
            return node
        return None

    def _visited(self, body: list[ast.stmt]) -> list[ast.stmt]:
        found = [made for each in body for made in [self.visit(each)] if made is not None]
        return found or [ast.Pass()]
