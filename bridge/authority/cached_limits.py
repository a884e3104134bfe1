"""What the authority last signed for a receiver, beside the journal: a restart need not lose it.

Nothing in these files is believed for being there: state and list are checked as when they came.
"""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING, Any, NamedTuple

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
    """A signed state (COSE), and the list that it names (CBOR)."""

    state: bytes
    revocations: bytes


class KeptLimits:
    """One receiver's file."""

    def __init__(self, journal: Path, receiver_id: bytes) -> None:
        name = _NAME.format(journal=journal.name, receiver=receiver_id.hex())
        self._path = journal.with_name(name)

    def write(self, kept: Kept) -> None:
        """In the place of what was kept; without room, nothing is kept."""
        fresh = self._path.with_name(self._path.name + "-new")
        try:
            fresh.write_bytes(cbor.encode(list(kept), _FILE_MOST))
            fresh.replace(self._path)
        except Exception as error:
            _log.warning(
                "limits not kept", detail=foreign_code.said(foreign_code.LIMITS_FILE, error)
            )

    def read(self) -> Kept | None:
        """What was written last, if it can be read."""
        try:
            value: Any = cbor.decode(self._path.read_bytes(), _FILE_MOST)
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
    """Keep nothing: a new journal cannot know what stands on these limits already."""
    names = _NAME.format(journal=glob.escape(journal.name), receiver="*")
    for path in journal.parent.glob(names):
        path.unlink()
