"""Reading the shared vectors, on CPython and on MicroPython."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_FOLDER = __file__.rsplit("/", 3)[0] + "/vectors/"


def load(name: str) -> Any:
    """A file of tests/vectors."""
    with open(_FOLDER + name) as file:
        return json.load(file)


def parts(case: dict[str, Any], *fields: str) -> list[bytes]:
    """The bytes that these fields of a case are."""
    return [bytes.fromhex(case[field]) for field in fields]


def plain(value: Any) -> Any:
    """The value that a vector describes: {"hex"} is bytes, {"map"} a dict."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict) and "hex" in value:
        return bytes.fromhex(value["hex"])
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value["map"]}
    return value
