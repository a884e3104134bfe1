"""The bridge's wall clock: that of the world which runs just now."""

from __future__ import annotations

import time
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

from bridge import adoption, books, events, standin, station

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

READERS: tuple[ModuleType, ...] = (adoption, books, events, standin, station)


class Clock:
    """Seconds since 1970, as the world at hand has them."""

    def __init__(self) -> None:
        self.read: Callable[[], float] = time.time

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the place of `time` in every module of the bridge that asks for it."""
        replaced = SimpleNamespace(
            time=lambda: self.read(),
            time_ns=lambda: int(self.read() * 1_000_000_000),
            monotonic=time.monotonic,
        )
        for module in READERS:
            monkeypatch.setattr(module, "time", replaced)
