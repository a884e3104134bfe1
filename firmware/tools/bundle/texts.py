"""Put numbers in place of texts for people; `receiver.host.name_map` puts them back.

A text is the `detail` of a refusal, an argument of an exception in NUMBERED, or a log line. One
without values becomes its number, one with values a tuple: the number, then the values. The number
is the text's place in the list that goes into the name map.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from receiver.host.name_map import NUMBERED

from .scopes import parameters
from .symbols import MARK
from .walking import walk

PARAMETER = "detail"  # of any function: it goes to the log, never on air
LOG_LINE = "receiver_core_io__LogLine"
REASON = "receiver_reasons__name"  # of a reason's number: the host has these words
_CONVERSION = re.compile(r"%[^%]")


def number_texts(tree: ast.Module) -> list[str]:
    """Change the program in place; return the texts by number."""
    texts = _Texts(tree)
    texts.visit(tree)
    return texts.list


class _Texts(ast.NodeTransformer):
    def __init__(self, tree: ast.Module) -> None:
        self.list: list[str] = []
        self._places = _places(tree)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = ""
        if isinstance(node.func, ast.Name):
            name = node.func.id
        elif isinstance(node.func, ast.Attribute):
            name = node.func.attr
        if name in NUMBERED:
            node.args = [self.numbered(each) for each in node.args]
        for place in self._places.get(name, ()):
            if place < len(node.args):
                node.args[place] = self.numbered(node.args[place])
        for keyword in node.keywords:
            if keyword.arg == PARAMETER and name in self._places:
                keyword.value = self.numbered(keyword.value)
        if name == LOG_LINE:
            line = self.numbered(node.args[0])
            node.args = [ast.Call(ast.Name("str", ast.Load()), [line], [])]
        return node

    def numbered(self, node: ast.expr) -> ast.expr:
        """Return what goes to the host in the place of a text."""
        if isinstance(node, ast.IfExp):
            node.body, node.orelse = self.numbered(node.body), self.numbered(node.orelse)
            return node
        parts = _format(node)
        if parts is None:
            return node
        text, values = parts
        number = ast.Constant(self._number(text))
        if isinstance(values, list):
            return ast.Tuple([number, *values], ast.Load()) if values else number
        return ast.BinOp(ast.Tuple([number], ast.Load()), ast.Add(), values)

    def _number(self, text: str) -> int:
        if text not in self.list:
            self.list.append(text)
        return self.list.index(text)


def _format(node: ast.expr) -> tuple[str, list[ast.expr] | ast.expr] | None:
    """Return a text with conversions, and its values or the tuple of them; None for a variable."""
    match node:
        case ast.Constant(value=str(text)) if text:
            return _whole(text), []
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=ast.Tuple() as all_):
            return text, list(all_.elts)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=value):
            several = len(_CONVERSION.findall(text)) > 1
            return (text, value) if several else (text, [value])
        case ast.BinOp(op=ast.Add()):
            return _joined(_flat(node))
        case _:
            return None


def _joined(parts: list[ast.expr]) -> tuple[str, list[ast.expr]] | None:
    text, values = "", []
    for part in parts:
        match part:
            case ast.Constant(value=str(each)):
                text += _whole(each)
            case ast.Call(func=ast.Name(id=name), args=[code]) if name == REASON:
                text += "%R"
                values.append(code)
            case _:
                text += "%s"
                values.append(part)
    return (text, values) if text.strip("%s") else None


def _whole(text: str) -> str:
    """Return a text without values; a state or event in it is a word."""
    return text.removeprefix(MARK).replace("%", "%%")


def _flat(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_flat(node.left), *_flat(node.right)]
    return [node]


def _places(tree: ast.Module) -> dict[str, set[int]]:
    """Return where functions, by name, take a detail; a method's first parameter is not given."""
    found: dict[str, set[int]] = {}

    def add(name: str, node: Any, skipped: int) -> None:
        names = [each.arg for each in parameters(node)]
        if PARAMETER in names:
            found.setdefault(name, set()).add(names.index(PARAMETER) - skipped)

    for node in walk(tree):
        if isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    add(node.name if each.name == "__init__" else each.name, each, 1)
        elif isinstance(node, ast.FunctionDef) and node in tree.body:
            add(node.name, node, 0)
    return found
