"""What ends a load."""

from __future__ import annotations


class LoadError(Exception):
    """Something did not go as every sale of a load must."""
