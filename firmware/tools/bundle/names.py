"""Shorten names: attributes, globals and parameters draw from one small alphabet.

A name costs a chip some ten bytes once, in whichever of these it stands; so each of them begins at
the same names again. First come those that MicroPython has in its ROM anyway, which cost nothing
(`rom_names`); where an interpreter lacks one it costs what any other does. Functions and methods
alone share no name with each other: a traceback shows nothing else of them. What Python or
MicroPython knows by its name, and what is reached by a string, stays (`library`,
`reached_by_text`).
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice, product
from string import ascii_letters, digits
from typing import NamedTuple

from . import library, rom_names
from .merge import MergeError
from .reached_by_text import by_text, is_namedtuple
from .scopes import COMPREHENSIONS, FUNCTIONS, bound, inside, parameters
from .symbols import MARK
from .walking import walk


class Names(NamedTuple):
    """What became what."""

    globals: dict[str, str]
    attributes: dict[str, str]
    functions: dict[ast.AST, str]  # each definition, methods and nested ones too
    symbols: dict[str, str]


def shorten(tree: ast.Module, roots: Iterable[str]) -> Names:
    """Shorten every name but the roots, in place."""
    plan = _Plan(tree, frozenset(roots))
    _Renamer(plan).visit(tree)
    return Names(plan.globals, plan.attributes, plan.functions, plan.symbols)


def alphabet(taken: frozenset[str], spelled: frozenset[str]) -> Iterator[str]:
    """Return the short names in order, without those that mean something.

    A name of the ROM means something only if the program spells it, or if MicroPython looks for it
    in objects of ours.
    """
    for name in rom_names.NAMES:
        if name not in spelled and name not in rom_names.ASKED:
            yield name
    for length in (1, 2, 3):
        for first, *rest in product(ascii_letters, *[ascii_letters + digits] * (length - 1)):
            name = "".join((first, *rest))
            if not {name} & (taken | library.WORDS | rom_names.ALL):
                yield name


class _Plan:
    """Which name becomes which; the tree is not changed yet."""

    def __init__(self, tree: ast.Module, roots: frozenset[str]) -> None:
        self.tree = tree
        self.texts = by_text(tree)
        self.parameters = _Parameters(tree)
        self.keeps_class_names = any(
            isinstance(each, ast.Attribute) and each.attr == "__name__" for each in walk(tree)
        )
        used = Counter(
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in walk(tree)
            if isinstance(node, (ast.Attribute, ast.Name))
        )
        methods, fields, read_in_classes = _members(tree)
        kept = self._kept_attributes()
        changed = {name for name in methods | fields if not self._stays(name, kept)}
        declared = {
            name for node in walk(tree) if isinstance(node, ast.Global) for name in node.names
        }
        own = (set(bound(tree)) | declared) - roots
        functions = own & read_in_classes | {
            node.name
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }

        def ordered(names: Iterable[str]) -> list[str]:
            return sorted(names, key=lambda name: (-used[name], name))

        marked = {
            node.value
            for node in walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.startswith(MARK)
        }
        spelled = {node.attr for node in walk(tree) if isinstance(node, ast.Attribute)}
        self.taken = frozenset(kept | (spelled - changed) | roots)
        nested = [each for each in walk(tree) if _is_nested(each, tree)]
        callables = ordered(changed & methods)
        stays = (methods | fields) - changed | roots
        short = alphabet(self.taken, frozenset(self.taken & spelled | stays | _words(tree)))
        self.attributes = dict(zip(callables, short, strict=False))
        of_methods = list(self.attributes.values())
        self.globals = dict(zip(ordered(own & functions), short, strict=False))
        of_functions = list(self.globals.values())
        self.nested = dict(zip(nested, short, strict=False))
        keywords = list(islice(short, len(self.parameters.by_keyword)))
        more = list(islice(short, len(changed) + len(own) + len(marked)))
        fields_in_order = ordered(changed - methods)
        self.attributes.update(zip(fields_in_order, [*of_functions, *more], strict=False))
        self.globals.update(zip(ordered(own - functions), [*of_methods, *more], strict=False))
        self.globals.update({root: root for root in roots})
        self.keywords = dict(zip(sorted(self.parameters.by_keyword), keywords, strict=True))
        self.symbols = dict(zip(sorted(marked), [*of_methods, *more], strict=False))
        self.functions: dict[ast.AST, str] = {}

    def _kept_attributes(self) -> set[str]:
        found = set(library.attributes()) | self.texts.kept
        if self.texts.is_complete:
            return found
        defined = {
            each
            for node in walk(self.tree)
            if isinstance(node, ast.Call) and is_namedtuple(node)
            for each in walk(node)
        }
        for node in walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                is_name = node in self.texts.literals or node.value.startswith("_")
                if not is_name and node not in defined:
                    found.add(node.value)
        return found

    def _stays(self, name: str, kept: set[str]) -> bool:
        is_special = name.startswith("__") and name.endswith("__")
        return name in kept or is_special or any(name.endswith(e) for e in self.texts.endings)


def _words(tree: ast.Module) -> set[str]:
    """Return what may be a name in a text or in a call of a library."""
    found = {each.arg for each in walk(tree) if isinstance(each, ast.keyword) and each.arg}
    return found | {
        each.value
        for each in walk(tree)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    }


class _Parameters:
    """Which of our functions takes which parameter by keyword, by the name in the call."""

    def __init__(self, tree: ast.Module) -> None:
        self._of: dict[str, set[str]] = {}
        self.by_keyword: set[str] = set()
        self._namedtuples: set[str] = set()
        for node in tree.body:
            self._note(node)
        for each in walk(tree):
            if isinstance(each, ast.Call):
                for keyword in each.keywords:
                    if self.is_ours(each, keyword) and not self.is_field(each):
                        self.by_keyword.add(keyword.arg or "")

    def is_ours(self, call: ast.Call, keyword: ast.keyword) -> bool:
        if keyword.arg is None:
            return False
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if isinstance(call.func, ast.Attribute):
            name = call.func.attr
        return keyword.arg in self._of.get(name, ())

    def is_field(self, call: ast.Call) -> bool:
        """Return whether its keywords are fields of a namedtuple."""
        return isinstance(call.func, ast.Name) and call.func.id in self._namedtuples

    def _note(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._add(node.name, [each.arg for each in parameters(node)])
            case ast.ClassDef():
                for each in node.body:
                    if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        names = [one.arg for one in parameters(each)]
                        self._add(each.name, names)
                        if each.name == "__init__":
                            self._add(node.name, names)
                    elif isinstance(each, ast.Assign) and isinstance(each.value, ast.Name):
                        target = each.targets[0]
                        if isinstance(target, ast.Name):
                            self._add(target.id, self._of.get(each.value.id, ()))
            case ast.Assign(targets=[ast.Name(id=owner)], value=value) if is_namedtuple(value):
                assert isinstance(value, ast.Call)
                self._namedtuples.add(owner)
                self._add(owner, _fields(value))
            case _:
                pass

    def _add(self, owner: str, names: Iterable[str]) -> None:
        self._of.setdefault(owner, set()).update(names)


class _Renamer(ast.NodeTransformer):
    def __init__(self, plan: _Plan) -> None:
        self._plan = plan
        self._scopes: list[tuple[ast.AST, dict[str, str]]] = []

    def visit_Name(self, node: ast.Name) -> ast.expr:
        node.id = self._short(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        node.attr = self._plan.attributes.get(node.attr, node.attr)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        name = node.value
        if isinstance(name, str) and name.startswith(MARK):
            node.value = self._plan.symbols[name]
        elif isinstance(name, str) and (node in self._plan.texts.literals or name.startswith("_")):
            node.value = self._plan.attributes.get(name, name)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        for keyword in node.keywords:
            if self._plan.parameters.is_field(node):
                keyword.arg = self._plan.attributes.get(keyword.arg or "", keyword.arg)
            elif self._plan.parameters.is_ours(node, keyword):
                keyword.arg = self._plan.keywords[keyword.arg or ""]
            elif isinstance(node.func, ast.Name) and self._is_local(node.func.id):
                raise MergeError(f"keyword {keyword.arg} in a call of a variable")
        if is_namedtuple(node):
            for field in _field_nodes(node):
                name = str(field.value)
                field.value = self._plan.attributes.get(name, name)
        self.generic_visit(node)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        is_class = is_namedtuple(node.value) and not self._plan.keeps_class_names
        self.generic_visit(node)
        if is_class and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call):
            node.value.args[0] = ast.Constant(node.targets[0].id)
        return node

    def visit_Global(self, node: ast.Global) -> ast.stmt:
        node.names = [self._plan.globals[name] for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.stmt:
        node.names = [self._short(name) for name in node.names]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name is not None:
            node.name = self._short(node.name)
        return self.generic_visit(node)

    def visit_alias(self, node: ast.alias) -> ast.alias:
        node.asname = self._short(node.asname or node.name)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self._defaults(node.args)
        self._enter(node)
        self._parameters(node.args)
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.bases = [self.visit(each) for each in node.bases]
        members = {name: self._plan.attributes.get(name, name) for name in bound(node)}
        node.name = self._short(node.name)
        self._scopes.append((node, members))
        node.body = [self.visit(each) for each in node.body]
        self._scopes.pop()
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.AST:
        return self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.args = self._defaults(node.args)
        original = node.name
        node.name = self._short(original)
        self._plan.functions[node] = node.name
        self._enter(node, original)
        self._parameters(node.args)
        node.body = [self.visit(each) for each in node.body]
        self._scopes.pop()
        return node

    def _comprehension(self, node: ast.AST) -> ast.AST:
        assert isinstance(node, COMPREHENSIONS)
        first = self.visit(node.generators[0].iter)
        node.generators[0].iter = ast.Constant(None)
        self._enter(node)
        self.generic_visit(node)
        self._scopes.pop()
        node.generators[0].iter = first
        return node

    def _defaults(self, arguments: ast.arguments) -> ast.arguments:
        arguments.defaults = [self.visit(each) for each in arguments.defaults]
        arguments.kw_defaults = [each and self.visit(each) for each in arguments.kw_defaults]
        return arguments

    def _parameters(self, arguments: ast.arguments) -> None:
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for each in [*given, *(one for one in (arguments.vararg, arguments.kwarg) if one)]:
            each.arg = self._short(each.arg)

    def _enter(self, node: ast.AST, owner: str = "") -> None:
        """Choose the short names of a scope: none that stands for something else in it."""
        plan = self._plan
        used = {each.id for each in walk(node) if isinstance(each, ast.Name)}
        avoided = {plan.globals[name] for name in used if name in plan.globals}
        for around, names in self._scopes:
            if not isinstance(around, ast.ClassDef):
                avoided.update(names.values())
        chosen: dict[str, str] = {}
        own = bound(node)
        if isinstance(node, FUNCTIONS):
            for name in (each.arg for each in parameters(node)):
                if name in plan.keywords:
                    chosen[name] = plan.keywords[name]
        for each in inside(node):
            if each in plan.nested and isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
                chosen[each.name] = plan.nested[each]
        if avoided & set(chosen.values()):
            raise MergeError(f"a parameter of {owner} that is given by keyword hides a global")
        taken = frozenset(avoided | set(chosen.values()))
        free = alphabet(taken, taken)
        for name in own:
            if name not in chosen:
                chosen[name] = next(free)
        self._scopes.append((node, chosen))

    def _is_local(self, name: str) -> bool:
        return any(name in names for _, names in self._scopes)

    def _short(self, name: str) -> str:
        for depth, (node, names) in enumerate(reversed(self._scopes)):
            if isinstance(node, ast.ClassDef) and depth:
                continue
            if name in names:
                return names[name]
        return self._plan.globals.get(name, name)


def _members(tree: ast.Module) -> tuple[set[str], set[str], set[str]]:
    """Return the members of classes, all other attributes that this program defines, and the names
    that the bodies of classes read: these must not be hidden by a member's new name.
    """
    methods, fields, read = set(), set(), set()
    for node in walk(tree):
        match node:
            case ast.ClassDef():
                methods |= set(bound(node))
                read |= {each.id for each in inside(node) if isinstance(each, ast.Name)}
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                fields.add(node.attr)
            case ast.Call() if is_namedtuple(node):
                fields.update(_fields(node))
    return methods, fields - methods, read


def _is_nested(node: ast.AST, tree: ast.Module) -> bool:
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node in tree.body:
        return False
    return not any(isinstance(owner, ast.ClassDef) and node in owner.body for owner in tree.body)


def _field_nodes(call: ast.Call) -> list[ast.Constant]:
    found = call.args[1]
    assert isinstance(found, ast.Tuple)
    return [each for each in found.elts if isinstance(each, ast.Constant)]


def _fields(call: ast.Call) -> list[str]:
    return [str(each.value) for each in _field_nodes(call)]
