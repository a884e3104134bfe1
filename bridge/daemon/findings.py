"""The findings of `bridge check` (`bridge.daemon.checks`)."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """The result of one check; `todo` is the remedy."""

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
