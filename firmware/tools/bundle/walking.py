"""`ast.walk` in one loop: the build looks at every node some hundred times."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, in the order of `ast.walk`."""
    waiting = [node]
    for each in waiting:
        for name in each._fields:
            value = getattr(each, name, None)
            if isinstance(value, list):
                for one in value:
                    if isinstance(one, ast.AST):
                        waiting.append(one)
            elif isinstance(value, ast.AST):
                waiting.append(value)
        yield each
