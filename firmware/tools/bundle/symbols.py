"""Mark the states and events of transition tables: texts of which only the identity matters.

`names` gives each a short text, and the name map has the words for the log. The same word stays the
same text in every table.
"""

from __future__ import annotations

import ast
from typing import Any

from .walking import walk

TABLE = "__TABLE"  # ends the name of every transition table
MARK = "\x01"


def mark(tree: ast.Module, values: dict[str, Any]) -> None:
    """Mark the constants that tables use, in the program and in the values that the host found."""
    names = {
        each.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id.endswith(TABLE)
        for each in walk(node.value)
        if isinstance(each, ast.Name)
    }
    words: set[str] = set()
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(word))):
                if name in names:
                    node.value = ast.Constant(MARK + word)
                    words.add(word)
    for name in [name for name, value in values.items() if _holds(value, words)]:
        del values[name]  # made of them: the program itself says how


def _holds(value: Any, words: set[str]) -> bool:
    if isinstance(value, (tuple, dict)):
        return any(_holds(each, words) for each in value)
    return value in words if isinstance(value, str) else False
