"""Commit a firmware trial that the loader (`main.py`) started."""

from __future__ import annotations

import os

# The loader repeats these names, as it must run with no other file.
SLOT, TRIAL = "slot", "slot.trial"


def settle() -> None:
    """Make the directory on trial the one in use; do nothing without a trial."""
    try:
        os.rename(TRIAL, SLOT)
    except OSError:
        return
