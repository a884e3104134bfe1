"""The context that every part of the authority works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from simulator.authority.ledger.journal_positions import LEASE_S
from simulator.authority.storage.store import Store
from simulator.crypto import pki

from .keys import Keys


class Office(NamedTuple):
    """Books, keys and a clock (seconds since 1970)."""

    store: Store
    keys: Keys
    pins: Mapping[bytes, bytes]
    ca: pki.DemoCa  # of the bridges' client certificates
    clock: Callable[[], float]
    lease_s: int = LEASE_S  # how long a silent bridge keeps its place
    admin_token: str = ""

    def now(self) -> int:
        """Return the time in whole seconds."""
        return int(self.clock())
