"""Call directly what a function only calls on: modules that load late need such functions, a
merged one does not.
"""

from __future__ import annotations

import ast

from .constants import assigned
from .walking import walk


def skip(tree: ast.Module) -> None:
    """Replace the names of forwarding functions, which nothing reaches then."""
    once = assigned(tree)
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    onward: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and once[node.name] == 1:
            called = _called(node)
            if called in functions and once[called] == 1 and called != node.name:
                onward[node.name] = called
    for each in walk(tree):
        if isinstance(each, ast.Name):
            while each.id in onward:
                each.id = onward[each.id]


def _called(node: ast.FunctionDef) -> str:
    """Return the function to which this one hands all its parameters in order, or ""."""
    names = [each.arg for each in node.args.args]
    match node:
        case ast.FunctionDef(
            decorator_list=[],
            args=ast.arguments(posonlyargs=[], vararg=None, kwonlyargs=[], kwarg=None, defaults=[]),
            body=[ast.Return(value=ast.Call(func=ast.Name(id=called), args=given, keywords=[]))],
        ) if [each.id for each in given if isinstance(each, ast.Name)] == names:
            return called if len(given) == len(names) else ""
        case _:
            return ""
