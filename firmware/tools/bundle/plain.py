"""Leave out what only readers and type checkers need: docstrings, annotations, casts, asserts."""

from __future__ import annotations

import ast

from .literals import fill
from .sources import LIBRARY
from .walking import walk

_NAMEDTUPLE = "namedtuple"


def plain(tree: ast.Module, *, keep_asserts: bool = False) -> None:
    """Change a module in place; kept asserts become plain raises, which `-O3` leaves alone."""
    _Plain(keep_asserts).visit(tree)
    if any(isinstance(node, ast.Name) and node.id == _NAMEDTUPLE for node in walk(tree)):
        alias = ast.alias(_NAMEDTUPLE)
        tree.body.insert(0, ast.ImportFrom("collections", [alias], 0))


class _Plain(ast.NodeTransformer):
    def __init__(self, keep_asserts: bool) -> None:
        self._keep_asserts = keep_asserts

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        fill(node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | None:
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Constant) else node

    def visit_Assert(self, node: ast.Assert) -> ast.stmt | None:
        if not self._keep_asserts:
            return None
        self.generic_visit(node)
        error = ast.Call(ast.Name("AssertionError", ast.Load()), [node.msg] if node.msg else [], [])
        return ast.If(ast.UnaryOp(ast.Not(), node.test), [ast.Raise(error)], [])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | None:
        if node.value is None:
            return None
        self.generic_visit(node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        return None if node.module in LIBRARY and not node.level else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="cast"), args=[_, value]):
                return value
            case ast.Call(func=ast.Name(id="NamedTuple"), args=[name, ast.List(elts=fields)]):
                names = [each.elts[0] for each in fields if isinstance(each, ast.Tuple)]
                new = ast.Call(
                    ast.Name(_NAMEDTUPLE, ast.Load()), [name, ast.Tuple(names, ast.Load())], []
                )
                return ast.copy_location(new, node)
            case _:
                return node
