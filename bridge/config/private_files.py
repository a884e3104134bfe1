"""Files that hold secrets: only their owner may read them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from .configuration import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO
UMASK = OTHERS  # of the daemon: journal, archives and every other file
TOKEN_LEAST = 32  # characters: 128 bits even in hexadecimal digits, so that guessing is hopeless
TOKEN_MOST = 256  # characters; the header with it is bounded


def require_private(path: Path) -> Path:
    """Return `path` if it exists and only its owner has access; raises ConfigError."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if mode & OTHERS:
        raise ConfigError(f"{path}: holds a secret but is readable for others: chmod 600 {path}")
    return path


def read_token(path: Path) -> str:
    """Read the token in a private file, without the white space around it; raises ConfigError."""
    try:
        token = require_private(path).read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: a token must be ASCII") from error
    if not TOKEN_LEAST <= len(token) <= TOKEN_MOST or not token.isprintable() or " " in token:
        raise ConfigError(
            f"{path}: a token needs {TOKEN_LEAST} to {TOKEN_MOST} characters on one line, no spaces"
        )
    return token
