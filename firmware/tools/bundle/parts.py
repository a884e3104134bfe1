"""Divide a module into functions that are called one after another, once all of it is loaded.

MicroPython keeps a record of 16 bytes beside the bytecode of each function that it loads, until
what makes the function has ended. Where a module's body makes all 600 of a receiver, their records
end up as holes in the heap, 10 kB in all, each too small for anything but another function. Of a
module in parts, the functions of each part take the places of the records of the one before.
"""

from __future__ import annotations

import ast

from .scopes import FUNCTIONS, bound
from .walking import walk

COUNT = 6  # more leave smaller holes, but each costs the start a collection: a million instructions
PART, PARTS = "load", "modules"  # names that no program may take: MicroPython has them in its ROM
NAMES = (PART, PARTS)


def divide(text: str, count: int = COUNT) -> str:
    """Return a module with the parts in a list, to be called in their order and forgotten."""
    tree = ast.parse(text)
    _list_fields(tree)
    made = [ast.parse(f"{PARTS} = []").body[0]]
    for body in _parts(tree.body, count):
        names = bound(ast.Module(body, []))
        shared = [ast.Global(names)] if names else []
        function = ast.parse(f"def {PART}(): pass").body[0]
        assert isinstance(function, ast.FunctionDef)
        function.body = [*shared, *body]
        made += [function, *ast.parse(f"{PARTS}.append({PART})").body]
    return ast.unparse(ast.fix_missing_locations(ast.Module(made, []))) + "\n"


def _parts(body: list[ast.stmt], count: int) -> list[list[ast.stmt]]:
    """Return the statements in parts with about as many functions each."""
    total = sum(map(_functions, body))
    parts: list[list[ast.stmt]] = []
    done = 0
    for node in body:
        if len(parts) < count and len(parts) * total <= done * count:
            parts.append([])
        parts[-1].append(node)
        done += _functions(node)
    return parts


def _list_fields(tree: ast.Module) -> None:
    """Name the fields of namedtuples in lists: tuples are constants, which stay in the heap."""
    makers = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "namedtuple"
    }
    for each in walk(tree):
        match each:
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Tuple(elts=fields)]):
                if name in makers:
                    each.args[1] = ast.List(fields, ast.Load())


def _functions(node: ast.stmt) -> int:
    return sum(isinstance(each, FUNCTIONS) for each in walk(node))
