"""What the updates must not forget over a restart of the bridge: one JSON file.

It decides nothing that matters more than time: without it a receiver is asked anew what it is, and
an outcome is reported again or not at all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from bridge import foreign_code
from bridge.authority.update_messages import UpdateOutcome
from bridge.observability.logs import Log

if TYPE_CHECKING:
    from pathlib import Path

FAILURES_MOST = 2  # of a release at a receiver; a third time only by command

_log = Log(__name__)


class Known(Struct):
    """What a receiver said of itself in service mode, for as long as it runs that firmware."""

    board_class: str
    release: int
    firmware_hash: str


class Owed(Struct):
    """An outcome that the authority has not heard yet."""

    release_id: str
    receiver_id: str
    outcome: UpdateOutcome
    reason: int


class Content(Struct):
    known: dict[str, Known] = {}  # by receiver
    owed: list[Owed] = []
    failures: dict[str, dict[str, int]] = {}  # by receiver and release
    under_way: list[str] = []  # receivers whose update had not ended


class UpdateMemory:
    """The file's content; every change is written at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = _read(path)

    def known(self, receiver_id: bytes, firmware_hash: bytes) -> Known | None:
        """Return what a receiver said while it ran this firmware."""
        found = self._content.known.get(receiver_id.hex())
        return found if found and found.firmware_hash == firmware_hash.hex() else None

    def board_class(self, receiver_id: bytes) -> str | None:
        found = self._content.known.get(receiver_id.hex())
        return found.board_class if found else None

    def learn(self, receiver_id: bytes, known: Known) -> None:
        if self._content.known.get(receiver_id.hex()) != known:
            self._content.known[receiver_id.hex()] = known
            self._write()

    @property
    def owed(self) -> list[Owed]:
        return list(self._content.owed)

    def owe(self, owed: Owed) -> None:
        """Note an outcome; it replaces an earlier one of this receiver and release."""
        self._content.owed = [one for one in self._content.owed if not _is_same(one, owed)] + [owed]
        if owed.outcome is UpdateOutcome.INSTALLED:
            self._content.failures.pop(owed.receiver_id, None)
        else:
            counts = self._content.failures.setdefault(owed.receiver_id, {})
            counts[owed.release_id] = counts.get(owed.release_id, 0) + 1
        self._write()

    def paid(self, owed: Owed) -> None:
        """Note that the authority has heard it."""
        self._content.owed = [one for one in self._content.owed if one != owed]
        self._write()

    def is_given_up(self, receiver_id: bytes, release_id: bytes) -> bool:
        """Whether a release has failed too often at a receiver to be tried again by itself."""
        counts = self._content.failures.get(receiver_id.hex(), {})
        return counts.get(release_id.hex(), 0) >= FAILURES_MOST

    def is_under_way(self, receiver_id: bytes) -> bool:
        return receiver_id.hex() in self._content.under_way

    def set_under_way(self, receiver_id: bytes, value: bool) -> None:
        names = set(self._content.under_way) - {receiver_id.hex()}
        self._content.under_way = sorted(names | ({receiver_id.hex()} if value else set()))
        self._write()

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_name(self._path.name + ".new")
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode(self._content))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except Exception as error:
            detail = foreign_code.said(foreign_code.UPDATES_FILE, error)
            _log.warning("updates not noted", detail=f"{self._path}: {detail}")


def _is_same(one: Owed, other: Owed) -> bool:
    return (one.receiver_id, one.release_id) == (other.receiver_id, other.release_id)


def _read(path: Path) -> Content:
    """Return what the file says; nothing where it is absent or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Content)
    except FileNotFoundError:
        return Content()
    except (OSError, ValueError) as error:  # msgspec's errors are such
        _log.warning("updates forgotten", detail=f"{path}: {error}")
        return Content()
