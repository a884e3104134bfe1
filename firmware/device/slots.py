"""The other half of the loader (`main.py`): firmware on trial says that it is well."""

from __future__ import annotations

import os

# Spelled in the loader as well, which must run with nothing beside it.
SLOT, TRIAL = "slot", "slot.trial"


def settle() -> None:
    """Make the directory on trial the one in use; without a trial nothing happens."""
    try:
        os.rename(TRIAL, SLOT)
    except OSError:
        return
