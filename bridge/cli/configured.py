"""Read the configuration that a command names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.host.command import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config.configuration import Config


def configured(path: Path) -> Config:
    """Return the configuration; raises UsageError."""
    from bridge.config import configuration

    try:
        return configuration.load(path)
    except configuration.ConfigError as error:
        raise UsageError(str(error)) from error
