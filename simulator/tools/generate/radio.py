"""Show the radio's model: every value, what it means, and the source beside it in the code."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, Protocol

from simulator.hardware.radio import model
from simulator.hardware.radio.model.airs import AIRS, AirProfile
from simulator.hardware.radio.model.chip import CHIP, ChipProfile
from simulator.hardware.radio.model.phones import PHONES, PhoneProfile

from .markdown import code, folded, table

MODEL = Path(model.__file__).parent
_FILES = {AirProfile: "airs.py", PhoneProfile: "phones.py", ChipProfile: "chip.py"}
_CONSTANTS = ("standard.py", "channel.py")


class Profile(Protocol):
    """A table of named values, as the model's NamedTuples are."""

    def _asdict(self) -> dict[str, object]: ...


class Constant(NamedTuple):
    """A named figure of a module; `said` is the comment beside it."""

    place: str
    value: object
    said: str


def airs() -> str:
    return _page(AirProfile, AIRS)


def phones() -> str:
    return _page(PhoneProfile, PHONES)


def chip() -> str:
    told, (said,) = meanings(ChipProfile), sources(ChipProfile)
    rows = [
        (code(name), told[name], _shown(value), said[name])
        for name, value in CHIP._asdict().items()
    ]
    return table(("figure", "meaning", "instructions", "source"), rows)


def constants() -> str:
    rows = [(code(one.place), _shown(one.value), one.said) for one in _constants()]
    return table(("figure", "value", "source"), rows)


def _page(kind: type, profiles: Mapping[str, Profile]) -> str:
    """Return one table of all values, and a folded one of the sources for each profile."""
    fields = meanings(kind)
    rows = [
        (code(field), *(_shown(one._asdict()[field]) for one in profiles.values()), meaning)
        for field, meaning in fields.items()
    ]
    parts = [table(("parameter", *profiles, "meaning"), rows)]
    for (name, profile), said in zip(profiles.items(), sources(kind), strict=True):
        values = {field: code(f"{field} {_shown(profile._asdict()[field])}") for field in fields}
        told = [
            (", ".join(values[field] for field in of_one), source)
            for source, of_one in groupby(fields, said.__getitem__)
        ]
        parts.append(folded(f"Sources: {name}", table(("values", "source"), told)))
    return "\n\n".join(parts)


def meanings(kind: type) -> dict[str, str]:
    """Return what the comments beside a table's fields say, but for its name."""
    text = (MODEL / _FILES[kind]).read_text()
    comments = _comments(text)
    return {
        field.target.id: comments.get(field.lineno, "")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef) and node.name == kind.__name__
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if field.target.id != "name"
    }


def sources(kind: type) -> list[dict[str, str]]:
    """Return the sources of each profile: a comment holds for the values below it."""
    text = (MODEL / _FILES[kind]).read_text()
    comments = _comments(text)
    return [
        {word.arg or "": _said(comments, call.lineno, word.lineno) for word in call.keywords}
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == kind.__name__
    ]


def _said(comments: Mapping[int, str], first: int, line: int) -> str:
    """Return the last block of comments above a line, up to the first line."""
    while line > first and line not in comments:
        line -= 1
    block = []
    while line > first and line in comments:
        block.append(comments[line])
        line -= 1
    return " ".join(reversed(block))


def _comments(text: str) -> dict[int, str]:
    """Return the comment of each line that has one."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]: token.string.removeprefix("# ")
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _constants() -> Iterator[Constant]:
    for name in _CONSTANTS:
        text = (MODEL / name).read_text()
        comments = _comments(text)
        for node in ast.parse(text).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=word)], value=ast.Constant() | ast.UnaryOp()):
                    if not word.startswith("_"):
                        beside = comments.get(node.lineno) or _said(comments, 0, node.lineno)
                        place = f"{name.removesuffix('.py')}.{word}"
                        yield Constant(place, ast.literal_eval(node.value), beside)


def _shown(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:,}".removesuffix(".0")
    return str(value)
