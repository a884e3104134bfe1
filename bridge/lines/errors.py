"""The one error of a receiver's line, whatever its driver, library or network raised."""

from __future__ import annotations


class PortError(Exception):
    """The port cannot be opened, or is gone."""


class BarredPortError(PortError):
    """A person must act before the port can be opened; the text says how."""
