"""What `bridge check` finds (`bridge.daemon.checks`)."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing that was looked at; `todo` says how it is mended."""

    what: str
    ok: bool
    detail: str
    todo: str = ""


class TroubleError(Exception):
    """What is wrong, and what to do about it."""

    def __init__(self, detail: str, todo: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.todo = todo
