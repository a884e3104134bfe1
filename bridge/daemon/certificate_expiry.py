"""The ends of certificates, reported in time: log once a day, /healthz, metrics, `check`."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509

from bridge.config.configuration import ConfigError
from bridge.observability.logs import Log

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DAY_S = 24 * 3600
SOON_S = 30 * DAY_S  # enough to order a certificate, make it and bring it to the terminal

CLIENT, CA, TILL_API, RECEIVER = "client", "authority_ca", "till_api", "receiver"
NAMES = {
    CLIENT: "[authority] certificate",
    CA: "[authority] ca",
    TILL_API: "[till] certificate",
    RECEIVER: "certificate of the receiver",
}

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)

_log = Log(__name__)


class Ending(NamedTuple):
    """A certificate ends `at` (seconds since 1970); `till` for a receiver's."""

    what: str
    at: int
    till: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Return its labels."""
        return self.what, "" if self.till is None else str(self.till)

    @property
    def left_s(self) -> float:
        return self.at - time.time()

    @property
    def is_soon(self) -> bool:
        return self.left_s < SOON_S

    def __str__(self) -> str:
        whose = NAMES[self.what] + (f" of till {self.till}" if self.till is not None else "")
        verb = "ended" if self.left_s <= 0 else "ends"
        return f"{whose} {verb} on {day(self.at)}"


class Endings:
    """The ends of all certificates in use."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Ending] = {}
        self._told: dict[Ending, float] = {}  # when (monotonic s)

    def learn(self, endings: Iterable[Ending]) -> None:
        """Replace the known ends: these certificates are in use from now on."""
        self._known.update({one.key: one for one in endings})

    def is_older(self, fresh: Ending) -> bool:
        """Return whether `fresh` has ended, but not the certificate in use."""
        known = self._known.get(fresh.key)
        return known is not None and fresh.left_s <= 0 < known.left_s

    def left_s(self) -> dict[tuple[str, str], float]:
        """Return seconds by labels, below 0 for an ended certificate."""
        return {key: one.left_s for key, one in self._known.items()}

    def warnings(self) -> list[str]:
        return [f"{one}: renew it" for one in self._known.values() if one.is_soon]

    def tell(self, now: float) -> None:
        """Log each that ends soon, once a day (`now` in monotonic s)."""
        soon = [one for one in self._known.values() if one.is_soon]
        self._told = {one: at for one, at in self._told.items() if one in soon}
        for one in soon:
            if now - self._told.get(one, now - DAY_S) < DAY_S:
                continue
            self._told[one] = now
            if one.left_s <= 0:
                _log.error("certificate ended", till=one.till, detail=str(one))
            else:
                _log.warning("certificate ends soon", till=one.till, detail=str(one))


def day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (OSError, OverflowError, ValueError):
        return "not a date of the calendar"


def in_pem(path: Path) -> list[int]:
    """Return the end of each certificate in a PEM file; raises ConfigError, also if truncated."""
    try:
        data = path.read_bytes()
        found = x509.load_pem_x509_certificates(data)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: is not a certificate in PEM: {error}") from error
    if b"---" in _BLOCK.sub(b"", data):
        raise ConfigError(f"{path}: is truncated: write the whole file")
    return [int(one.not_valid_after_utc.timestamp()) for one in found]
