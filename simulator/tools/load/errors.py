"""The error that ends a load."""

from __future__ import annotations


class LoadError(Exception):
    """A sale of the load did not go as it must."""
