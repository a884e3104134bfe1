"""The bridge's clocks: those of the world which runs just now."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from bridge.books import books
from bridge.sales import journal_loss, journal_standing, lost_sale, receiver_session, stand_in

READERS: tuple[ModuleType, ...] = (
    lost_sale,
    books,
    journal_loss,
    stand_in,
    journal_standing,
    receiver_session,
)


class Clock:
    """Seconds since 1970, as the world at hand has them, and seconds that have passed in it."""

    def __init__(self) -> None:
        self.read: Callable[[], float] = time.time
        self.passed: Callable[[], float] = time.monotonic

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the place of `time` in every module of the bridge that asks for it."""
        replaced = SimpleNamespace(
            time=lambda: self.read(),
            time_ns=lambda: int(self.read() * 1_000_000_000),
            monotonic=lambda: self.passed(),
        )
        for module in READERS:
            monkeypatch.setattr(module, "time", replaced)


def shift(monkeypatch: pytest.MonkeyPatch, ahead_s: int, *modules: ModuleType) -> None:
    """The wall clock of these modules, and of no others, goes so far ahead."""
    clock = SimpleNamespace(
        time=lambda: time.time() + ahead_s,
        time_ns=lambda: time.time_ns() + ahead_s * 1_000_000_000,
        monotonic=time.monotonic,
    )
    for module in modules:
        monkeypatch.setattr(module, "time", clock)
