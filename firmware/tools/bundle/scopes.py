"""Tell which names a function, a comprehension or a class binds itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Scope = Function | Comprehension | ast.ClassDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
SCOPES = (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)


def parameters(node: Function) -> list[ast.arg]:
    """Return the parameters in order."""
    given = node.args
    found = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return found + [each for each in (given.vararg, given.kwarg) if each is not None]


def bound(node: ast.AST) -> list[str]:
    """Return the names that are local in a scope (or global in a module), each once."""
    names: dict[str, None] = {}
    if isinstance(node, FUNCTIONS):
        names.update(dict.fromkeys(each.arg for each in parameters(node)))
    given_away: set[str] = set()
    for each in inside(node):
        if isinstance(each, (ast.Global, ast.Nonlocal)):
            given_away.update(each.names)
        names.update(dict.fromkeys(_binds(each)))
    return [name for name in names if name not in given_away]


def _binds(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            return [node.id]
        case ast.ExceptHandler(name=str(name)):
            return [name]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Import() | ast.ImportFrom():
            return [alias.asname or alias.name.split(".")[0] for alias in node.names]
        case _:
            return []


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """Return what a scope itself holds: of another scope inside it the head alone."""
    todo = _contents(node)
    while todo:
        each = todo.pop(0)
        yield each
        todo[:0] = head(each) if isinstance(each, SCOPES) else list(ast.iter_child_nodes(each))


def head(node: ast.AST) -> list[ast.AST]:
    """Return what of a scope belongs to the one around it."""
    match node:
        case ast.ClassDef():
            keywords = [keyword.value for keyword in node.keywords]
            return [*node.decorator_list, *node.bases, *keywords]
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            given = [each for each in node.args.kw_defaults if each is not None]
            return [*decorators, *node.args.defaults, *given]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return [node.generators[0].iter]
        case _:
            return []


def _contents(node: ast.AST) -> list[ast.AST]:
    match node:
        case ast.Lambda():
            return [node.body]
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Module():
            return list(node.body)
        case ast.DictComp():
            return [node.key, node.value, *_rest(node.generators)]
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return [node.elt, *_rest(node.generators)]
        case _:
            return [node]


def _rest(generators: list[ast.comprehension]) -> list[ast.AST]:
    """Return all of the loops but the first one's source, which is evaluated outside."""
    found: list[ast.AST] = []
    for number, each in enumerate(generators):
        found += [each.target, *([each.iter] if number else []), *each.ifs]
    return found
