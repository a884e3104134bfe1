"""Translate what a built firmware writes: short names in tracebacks, numbers in place of texts.

`firmware.tools.bundle` writes a name map beside each image that it builds. A log line finds its map
by the hash of the firmware that the receiver stated, a traceback by the build that its lines name.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from receiver import reasons

SUFFIX = ".names.json"
NUMBERED = ("ValueError", "TypeError", "RuntimeError")  # their texts are numbers in an image
_REFUSAL = "Error"  # ours: a reason's code and a detail
_CONVERSION = re.compile(r"%([%a-zA-Z])")
_FRAME = re.compile(
    r'(?P<head>\s*)File "t(?P<build>[0-9a-f]{8})(?:\.py)?", line \d+, in (?P<name>\S+)'
)
_RAISED = re.compile(r"(?P<name>\w+): (?P<value>\d+|\(.*\))$")


class NameMap(NamedTuple):
    """One image: what stands for what in it."""

    firmware_hash: str
    build: str
    functions: dict[str, list[tuple[str, str, int]]]  # short → each (name, file, line)
    classes: dict[str, str]
    attributes: dict[str, str]
    symbols: dict[str, str]  # states and events
    texts: list[str]

    @classmethod
    def load(cls, path: Path) -> NameMap:
        """Read a map; raise ValueError if the file holds none."""
        try:
            return cls(**json.loads(path.read_text()))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a name map") from error

    def to_json(self) -> str:
        """Return the file's text."""
        return json.dumps(self._asdict(), indent=1) + "\n"

    def log_line(self, line: str) -> str:
        """Return a line of the receiver's log in words; any other line as it is."""
        return self._said(_value(line), line)

    def traceback(self, text: str) -> str:
        """Return a text with its tracebacks of this build in the names of the sources."""
        return "\n".join(map(self._traceback_line, text.split("\n")))

    def _traceback_line(self, line: str) -> str:
        frame = _FRAME.match(line)
        if frame and frame["build"] == self.build and frame["name"] in self.functions:
            places = self.functions[frame["name"]]
            found = [f'File "{file}", line {at}, in {name}' for name, file, at in places]
            return frame["head"] + " or ".join(found)
        raised = _RAISED.match(line.rstrip())
        return self._raised(raised["name"], raised["value"], line) if raised else line

    def _raised(self, short: str, value: str, line: str) -> str:
        name = self.classes.get(short, short)
        match _value(value):
            case (int(code), detail) if name == _REFUSAL:
                return f"{name}: {reasons.name(code)}: {self._said(detail, str(detail))}"
            case message if name in NUMBERED:
                return f"{name}: {self._said(message, value)}"
            case _:
                return name + line.removeprefix(short)

    def _said(self, message: Any, otherwise: str) -> str:
        """Return the text for a number, or for a tuple of a number and its values."""
        number, *values = message if isinstance(message, tuple) and message else (message,)
        if not isinstance(number, int) or not 0 <= number < len(self.texts):
            return otherwise
        text, left = self.texts[number], iter(values)
        try:
            return _CONVERSION.sub(lambda found: self._converted(found[1], left), text)
        except (StopIteration, TypeError, RuntimeError):
            return otherwise

    def _converted(self, conversion: str, values: Any) -> str:
        if conversion == "%":
            return "%"
        value = next(values)
        if conversion == "R":
            return reasons.name(value)
        if conversion == "d" or not isinstance(value, (int, tuple, str)):
            return str(value)
        if isinstance(value, str):
            return self.symbols.get(value) or self.attributes.get(value, value)
        return self._said(value, str(value))


class NameMaps:
    """The maps in a folder, or none: each is read when a receiver first states its hash."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._found: dict[str, NameMap] = {}

    def log_line(self, firmware_hash: bytes, line: str) -> str:
        """Return a line of this firmware's log in words; as it is where no map is."""
        wanted = firmware_hash.hex()
        if self._folder is not None and wanted not in self._found and _value(line) is not None:
            self._found.update({each.firmware_hash: each for each in _readable(self._folder)})
        found = self._found.get(wanted)
        return found.log_line(line) if found else line


def _readable(folder: Path) -> Iterator[NameMap]:
    for path in sorted(folder.glob("*" + SUFFIX)):
        with suppress(OSError, ValueError):
            yield NameMap.load(path)


def load_all(folder: Path) -> list[NameMap]:
    """Read every map in a folder, by the files' names; raise ValueError for a broken one."""
    return [NameMap.load(path) for path in sorted(folder.glob("*" + SUFFIX))]


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (MemoryError, RecursionError, SyntaxError, ValueError):
        return None
