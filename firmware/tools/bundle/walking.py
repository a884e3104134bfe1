"""`ast.walk` in one loop: the build looks at every node some hundred times."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all below it, in the order of `ast.walk`."""
    waiting = deque([node])
    while waiting:
        node = waiting.popleft()
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                waiting.extend(each for each in value if isinstance(each, ast.AST))
            elif isinstance(value, ast.AST):
                waiting.append(value)
        yield node
