"""Put a receiver into a bridge's configuration file, and leave every other line as it is."""

from __future__ import annotations

import json
import os
import tomllib
from typing import TYPE_CHECKING, NamedTuple

from bridge.lines import usb_lookup
from firmware.tools.board_line import BoardLineError
from receiver.host import whole_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.lines.usb_lookup import Present

_TABLE = "[[receiver]]"


class ConfigFileError(BoardLineError):
    """The configuration cannot take the receiver; the text says what to do."""


class Row(NamedTuple):
    """One `[[receiver]]`: `place` is its key and value, as `url = "/dev/ttyACM0"`."""

    till: int
    certificate: str
    place: str

    def text(self) -> str:
        return (
            f"{_TABLE}\ntill = {self.till}\n{self.place}\n"
            f"certificate = {json.dumps(self.certificate)}\n"
        )


def check(config: Path, pins: bytes) -> None:
    """Check, before anything is done, that the file can take a receiver of this authority."""
    document = _read(config)
    table = document.get("bridge")
    named = table.get("pins") if isinstance(table, dict) else None
    if not isinstance(named, str):
        raise ConfigFileError(f"{config}: [bridge] pins is missing; see `tillsign bridge enrol`")
    try:
        trusted = (config.parent / named).read_bytes()
    except OSError as error:
        raise ConfigFileError(f"{config.parent / named}: cannot be read: {error}") from error
    if trusted != pins:
        raise ConfigFileError(
            f"{config}: the bridge trusts other keys than this authority's: "
            "enrol the bridge at this authority first"
        )


def add(config: Path, row: Row) -> None:
    """Add the receiver, or replace the table of its till; whole or not at all."""
    document, text = _read(config), config.read_text(encoding="utf-8")
    tables = document.get("receiver", [])
    known = isinstance(tables, list) and any(one.get("till") == row.till for one in tables)
    changed = _without(text, row.till) if known else text
    changed = changed.rstrip("\n") + "\n\n" + row.text()
    try:
        tills = [one["till"] for one in tomllib.loads(changed)["receiver"]]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigFileError(f"{config}: cannot take a table: {error}") from error
    if tills.count(row.till) != 1:
        raise ConfigFileError(
            f"{config}: remove the table of till {row.till} by hand, and run this again"
        )
    whole_files.write(config, changed.encode())


def row(till: int, config: Path, certificate: Path, port: str) -> Row:
    """Return the table of a receiver at `port`, by its USB serial number where it has one."""
    inside = os.path.relpath(certificate.resolve(), config.parent.resolve())
    path = str(certificate.resolve()) if inside.startswith("..") else inside
    return Row(till, path, place(port))


def place(port: str, ports: Callable[[], Iterable[Present]] = usb_lookup.present) -> str:
    """Return the key by which a bridge finds the port again after it was plugged in anew."""
    known = list(ports())
    serials = [one.serial for one in known if one.device == port and one.serial]
    if serials and sum(one.serial == serials[0] for one in known) == 1:
        return f"serial = {json.dumps(serials[0])}"
    return f"url = {json.dumps(port)}"


def _without(text: str, till: int) -> str:
    """Remove the table of one till: its heading and the lines up to the next heading."""
    kept: list[str] = []
    block: list[str] = []
    for line in [*text.splitlines(keepends=True), "["]:
        if line.lstrip().startswith("["):
            kept += [] if _is_of(block, till) else block
            block = []
        block.append(line)
    return "".join(kept)


def _is_of(block: list[str], till: int) -> bool:
    if not block or block[0].strip() != _TABLE:
        return False
    tables = tomllib.loads("".join(block))["receiver"]
    return any(one.get("till") == till for one in tables)


def _read(config: Path) -> dict[str, object]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigFileError(f"{config}: cannot be read: {error}") from error
