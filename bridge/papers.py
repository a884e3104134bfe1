"""What the files hold that a configuration names; each raises ConfigError with what to mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from receiver import pins
from receiver.crypto import host
from receiver.errors import Error

from .authority import AuthorityClient
from .money.evidence import Evidence
from .private_files import read_token, require_private
from .till.guard import Speakers
from .toml_table import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from receiver.checks import Pins

    from .config import AuthorityConfig, Listen

_T = TypeVar("_T")


def authority_keys(path: Path) -> Pins:
    """The authority's public keys."""
    return _decoded(path, pins.decode)


def evidence(trusted: Pins, certificate: Path) -> Evidence:
    """What can be proved about the receiver with this certificate."""
    return _decoded(certificate, lambda data: Evidence(host, trusted, data))


def client(config: AuthorityConfig) -> AuthorityClient:
    """The way to the authority, with this bridge's own certificate and key."""
    require_private(config.key)
    try:
        return AuthorityClient(config)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"[authority] ca, certificate or key: {error}") from error


def speakers(listen: Listen) -> Speakers:
    """Who may speak to the till API."""
    return Speakers(listen.hosts, read_token(listen.token) if listen.token else "")


def _decoded(path: Path, decode: Callable[[bytes], _T]) -> _T:
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except Error as error:
        raise ConfigError(f"{path}: {error.detail}") from error
