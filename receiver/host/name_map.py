"""Translate what a built firmware writes: short names in tracebacks, numbers in place of texts.

`firmware.tools.bundle` writes a name map beside each image that it builds. A log line finds its map
by the hash of the firmware that the receiver stated, a traceback by the build that its lines name:
other firmware may have left it.
"""

from __future__ import annotations

import ast
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from receiver import reasons

SUFFIX = ".names.json"
NUMBERED = ("ValueError", "TypeError", "RuntimeError")  # their texts are numbers in an image
PLACES_MOST = 9  # shown for one name: `__init__` has 32, too many to read
_REFUSAL = "Error"  # ours: a reason's code and a detail
_CONVERSION = re.compile(r"%([%a-zA-Z])")
_FRAME = re.compile(
    r'(?P<head>\s*)File "t(?P<build>[0-9a-f]{8})(?:\.py)?", line \d+, in (?P<name>\S+)'
)
_BUILD = re.compile(r'File "t([0-9a-f]{8})(?:\.py)?"')
_RAISED = re.compile(r"(?P<head>\s*)(?P<name>\w+): (?P<value>\d+|\(.*\))\s*$")


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
            found[PLACES_MOST:] = [f"{len(found) - PLACES_MOST} more"] * (len(found) > PLACES_MOST)
            return frame["head"] + " or ".join(found)
        raised = _RAISED.match(line)
        return raised["head"] + self._raised(raised["name"], raised["value"]) if raised else line

    def _raised(self, short: str, value: str) -> str:
        name = self.classes.get(short, short)
        match _value(value):
            case (int(code), detail) if name == _REFUSAL:
                return f"{name}: {reasons.name(code)}: {self._said(detail, str(detail))}"
            case message if name in NUMBERED:
                return f"{name}: {self._said(message, value)}"
            case _:
                return f"{name}: {value}"

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
        found = self._of(firmware_hash) if _value(line) is not None else None
        return found.log_line(line) if found else line

    def traceback(self, text: str, firmware_hash: bytes = b"") -> str:
        """Return a text with its tracebacks in words, by the builds that they name.

        A text that names none is of this firmware.
        """
        builds = builds_in(text)
        if builds - {each.build for each in self._found.values()}:
            self._read()
        found = {each.build: each for each in self._found.values() if each.build in builds}
        own = self._of(firmware_hash) if firmware_hash and not builds else None
        for each in [own] if own else found.values():
            text = each.traceback(text)
        return text

    def _of(self, firmware_hash: bytes) -> NameMap | None:
        wanted = firmware_hash.hex()
        if wanted not in self._found:
            self._read()
        return self._found.get(wanted)

    def _read(self) -> None:
        for path in sorted(self._folder.glob("*" + SUFFIX)) if self._folder else ():
            with suppress(OSError, ValueError):
                each = NameMap.load(path)
                self._found[each.firmware_hash] = each


def builds_in(text: str) -> set[str]:
    """Return the builds that the tracebacks in a text name."""
    return set(_BUILD.findall(text))


def load_all(folder: Path) -> list[NameMap]:
    """Read every map in a folder, by the files' names; raise ValueError for a broken one."""
    return [NameMap.load(path) for path in sorted(folder.glob("*" + SUFFIX))]


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (MemoryError, RecursionError, SyntaxError, ValueError):
        return None
