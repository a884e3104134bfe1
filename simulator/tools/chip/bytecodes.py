"""Instrument functions to report the bytecodes that MicroPython would execute, on any Python.

py/compile.c makes bytecodes of the syntax tree by fixed rules, so a tree in which each statement
reports its own counts the same on every CPython. Parts of a statement that not every run evaluates
report themselves. A few are missed: those that bring outer names into a comprehension, `not` where
its value is used, the clean-up after a broken-off chain of comparisons, and each turn of a
`yield from` but the first.
"""

from __future__ import annotations

import ast

EXECUTED = "_executed"  # the function called with a number of bytecodes
COUNTED = "_counted"  # the same, around a value that it returns

RANGE_TURN = 4  # a turn's eight bytecodes are so quick that they cost what four others do
_RETURN = 2  # at a function's end: load None, return

# Beyond what the parts of a node need; a name, an attribute or an element is loaded or stored.
_WEIGHTS: dict[type[ast.AST], int] = {
    **dict.fromkeys((ast.Name, ast.Attribute, ast.Subscript, ast.Slice), 1),
    **dict.fromkeys((ast.BinOp, ast.UnaryOp, ast.Call, ast.keyword, ast.Starred), 1),
    **dict.fromkeys((ast.Tuple, ast.List), 1),  # to build it or to unpack it
    **dict.fromkeys((ast.Return, ast.Raise, ast.Break, ast.Continue, ast.Yield, ast.Expr), 1),
    **dict.fromkeys((ast.Assign, ast.Pass), 0),
    ast.YieldFrom: 3,  # an iterator, and None to send
}
_SIGNS = (ast.expr_context, ast.operator, ast.unaryop)
_CONSTANT = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, *_SIGNS)
_LEAVES = (ast.Return, ast.Raise, ast.Break, ast.Continue)


def let_tell(tree: ast.AST, file: str) -> None:
    """Change every function in a file's tree; ValueError for a construct without a known cost."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = _Teller(file).function(node)


def is_constant(node: ast.expr) -> bool:
    """Return whether compilers compute it."""
    return all(isinstance(part, _CONSTANT) for part in ast.walk(node))


class _Teller(ast.NodeTransformer):
    """A visitor that adds each node's bytecodes to `_sum`."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._sum = 0

    def function(self, node: ast.FunctionDef) -> list[ast.stmt]:
        """Instrument the body of a function."""
        return self._block(node.body, 0, _RETURN)

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and is_constant(node):
            self._sum += 1
            return node
        found: ast.AST = super().visit(node)
        return found

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _SIGNS):
            return node
        if type(node) not in _WEIGHTS:
            raise self._unknown(node, type(node).__name__)
        self._sum += _WEIGHTS[type(node)]
        if isinstance(node, (ast.Return, ast.Yield)):
            self._sum += node.value is None  # to load it
        return super().generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Slice(self, node: ast.Slice) -> ast.AST:
        self._sum += (node.lower is None) + (node.upper is None)
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self._sum -= isinstance(node.op, ast.Not)  # a condition's jump is inverted instead
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        first, *others, last = node.values
        self._sum += 1  # a jump after each but the last
        node.values = [self._visited(first), *[self._part(one, 1) for one in others]]
        node.values.append(self._part(last))
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self._sum += 1
        node.test = self._visited(node.test)
        node.body, node.orelse = self._part(node.body, 1), self._part(node.orelse)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        first, *others = [2 if isinstance(one, (ast.NotIn, ast.IsNot)) else 1 for one in node.ops]
        self._sum += first + 3 * bool(others)  # a chain keeps its middle: twice, in place, jump
        node.left = self._visited(node.left)
        parts = [self._part(one, more + 1) for one, more in zip(node.comparators[1:], others)]  # noqa: B905
        node.comparators = [self._visited(node.comparators[0]), *parts]
        return node

    def visit_ListComp(self, node: ast.ListComp) -> ast.AST:
        return self._comprehension(node, 7, 2)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.AST:
        return self._comprehension(node, 7, 3)

    def _comprehension(
        self, node: ast.ListComp | ast.GeneratorExp, around: int, store: int
    ) -> ast.AST:
        """Handle a function that is made and called: `around` its turns, and to store a value."""
        if len(node.generators) > 1:
            raise self._unknown(node, "a comprehension with two loops")
        loop = node.generators[0]
        self._sum += around
        loop.iter = self._visited(loop.iter)
        turn = 1 + self._weight(loop.target)
        for at, test in enumerate(loop.ifs):
            loop.ifs[at], turn = self._part(test, turn + 1), 0
        node.elt = self._part(node.elt, turn + store)
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self._sum += len(node.targets) - 1
        if all(isinstance(one, ast.Tuple) and len(one.elts) == 2 for one in _sides(node)):
            self._sum -= 1  # two values are swapped, no tuple is built
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            self._sum += self._weight(node.target)
            node.value = self._visited(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self._sum += 2 if isinstance(node.target, ast.Name) else 4
        self._sum += self._weight(node.target)
        node.value = self._visited(node.value)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        self._sum += 4 + 3 * len(node.names)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self._sum += 1
        node.test = self._visited(node.test)
        node.body = self._block(node.body, 0, 1 if node.orelse else 0)
        node.orelse = self._block(node.orelse)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        endless = is_constant(node.test)
        if not endless:
            self._sum += 1  # to the test, which comes at the end
            node.test = self._part(node.test, 1)
        node.body = self._block(node.body, 0, 1 if endless else 0)
        node.orelse = self._block(node.orelse)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self._sum += 2
        turn = 2 + self._weight(node.target)
        if isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) == "range":
            turn = RANGE_TURN
        node.iter = self._visited(node.iter)
        node.body = self._block(node.body, turn)
        node.orelse = self._block(node.orelse)
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        self._sum += 1
        node.body = self._block(node.body, 0, 1)
        for handler in node.handlers:
            known = 0 if handler.type is None else self._weight(handler.type)
            # Match, take, leave; a name is always deleted at the end.
            handler.body = self._block(handler.body, known + (10 if handler.name else 5))
        node.orelse = self._block(node.orelse)
        node.finalbody = self._block(node.finalbody, 1)
        return node

    def _block(self, body: list[ast.stmt], first: int = 0, last: int = 0) -> list[ast.stmt]:
        """Instrument a block: `first` bytecodes before it, `last` after one that goes on."""
        found: list[ast.stmt] = []
        before = self._sum
        for node in body:
            self._sum, first = first, 0
            changed = self.visit(node)
            assert isinstance(changed, ast.stmt)
            found += [*_told(self._sum, node), changed]
        self._sum = before
        if body and not isinstance(body[-1], _LEAVES):
            found += _told(last, body[-1])
        return found

    def _part(self, node: ast.expr, more: int = 0) -> ast.expr:
        """Make an expression report itself, and `more`."""
        before, self._sum = self._sum, more
        value = self._visited(node)
        weight, self._sum = self._sum, before
        return ast.copy_location(_call(COUNTED, ast.Constant(weight), value), node)

    def _weight(self, node: ast.expr) -> int:
        before, self._sum = self._sum, 0
        self.visit(node)
        weight, self._sum = self._sum, before
        return weight

    def _visited(self, node: ast.expr) -> ast.expr:
        found = self.visit(node)
        assert isinstance(found, ast.expr)
        return found

    def _unknown(self, node: ast.AST, what: str) -> ValueError:
        line = getattr(node, "lineno", "?")
        return ValueError(f"{self._file}, line {line}: {what} has no known cost")


def _sides(node: ast.Assign) -> list[ast.expr]:
    return [*node.targets, node.value]


def _told(weight: int, beside: ast.stmt) -> list[ast.stmt]:
    if weight == 0:
        return []
    return [ast.copy_location(ast.Expr(_call(EXECUTED, ast.Constant(weight))), beside)]


def _call(name: str, *arguments: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [*arguments], [])
