"""The one error of a receiver's line, whatever its driver, library or network raised."""

from __future__ import annotations


class PortError(Exception):
    """The port cannot be opened, or is gone."""
