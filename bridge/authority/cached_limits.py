"""The authority's latest signed state and list, stored beside the journal for a restart.

The files are not trusted: state and list are verified as on their arrival.
"""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING, NamedTuple

from bridge import foreign_code
from bridge.observability.logs import Log
from receiver.encoding import cbor
from receiver.errors import Error

if TYPE_CHECKING:
    from pathlib import Path

_FILE_MOST = 0x20000  # bytes; a state and twice the longest list
_NAME = "{journal}-limits-{receiver}"

_log = Log(__name__)


class Kept(NamedTuple):
    """A signed state (COSE), and its list (CBOR)."""

    state: bytes
    revocations: bytes


class KeptLimits:
    """The file of one receiver."""

    def __init__(self, journal: Path, receiver_id: bytes) -> None:
        name = _NAME.format(journal=journal.name, receiver=receiver_id.hex())
        self._path = journal.with_name(name)

    def write(self, kept: Kept) -> None:
        """Replace the file; without room store nothing."""
        fresh = self._path.with_name(self._path.name + "-new")
        try:
            fresh.write_bytes(cbor.encode(list(kept), _FILE_MOST))
            fresh.replace(self._path)
        except Exception as error:
            _log.warning(
                "limits not cached", detail=foreign_code.said(foreign_code.LIMITS_FILE, error)
            )

    def read(self) -> Kept | None:
        """Read what was written last, if possible."""
        try:
            value: object = cbor.decode(self._path.read_bytes(), _FILE_MOST)
        except (OSError, Error):
            return None
        except Exception as error:
            foreign_code.unexpected(foreign_code.LIMITS_FILE, error)
            return None
        match value:
            case [bytes(state), bytes(revocations)]:
                return Kept(state, revocations)
        return None


def forget(journal: Path) -> None:
    """Delete everything: a new journal lacks the sales that count against these limits."""
    names = _NAME.format(journal=glob.escape(journal.name), receiver="*")
    for path in journal.parent.glob(names):
        path.unlink()
