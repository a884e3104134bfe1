"""The bridge's configuration: one TOML file, every key known, paths relative to the file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from receiver.messages import TILL_MOST

if TYPE_CHECKING:
    from collections.abc import Callable

BRIDGE_ID_SIZE = 8
TIMEOUT_MOST_S = 120.0  # longer than any till's patience serves nobody
DEFAULT_TIMEOUT_S = 10.0


class ConfigError(Exception):
    """The configuration cannot be used; the text says which file, which key and what is allowed."""


@dataclass(frozen=True)
class Listen:
    """Where the till API is served; port 0 lets the system choose."""

    host: str
    port: int


@dataclass(frozen=True)
class AuthorityConfig:
    """How to reach the authority, and who this bridge is to it (PEM files)."""

    url: str
    ca: Path
    certificate: Path
    key: Path
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True)
class ReceiverConfig:
    """One receiver: its till number, its pyserial URL and its certificate (COSE file)."""

    till: int
    url: str
    certificate: Path


@dataclass(frozen=True)
class Config:
    """Everything that the daemon needs."""

    id: bytes
    journal: Path
    pins: Path
    listen: Listen
    authority: AuthorityConfig
    receivers: tuple[ReceiverConfig, ...]


def load(path: Path) -> Config:
    """Read and check the file at `path`; raises ConfigError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    return _config(_Table(path, "", document))


class _Table:
    """One TOML table on its way into a dataclass; remembers which keys were asked for."""

    def __init__(self, path: Path, name: str, values: Any) -> None:
        self.path = path
        self.name = name
        if not isinstance(values, dict):
            raise ConfigError(f"{path}: [{name}] must be a table")
        self.values = values
        self.asked: list[str] = []

    def take(self, key: str, allowed: str, parse: Callable[[Any], Any], default: Any = None) -> Any:
        """The value of `key` through `parse`, which raises ValueError where it does not fit."""
        self.asked.append(key)
        if key not in self.values:
            if default is not None:
                return default
            raise self.error(key, f"is missing: {allowed}")
        try:
            return parse(self.values[key])
        except ValueError:
            raise self.error(key, f"must be {allowed}") from None

    def file(self, key: str) -> Path:
        """A path, relative to the configuration file."""
        path: Path = self.take(key, "a path", lambda value: self.path.parent / _text(value))
        return path

    def table(self, key: str) -> _Table:
        return _Table(self.path, key, self.take(key, f"a table [{key}]", lambda value: value))

    def tables(self, key: str) -> list[_Table]:
        values = self.take(key, f"one or more tables [[{key}]]", _list)
        return [_Table(self.path, f"{key} {n}", value) for n, value in enumerate(values, 1)]

    def done(self) -> None:
        """Refuse keys that nobody asked for."""
        unknown = sorted(set(self.values) - set(self.asked))
        if unknown:
            raise self.error(unknown[0], f"is unknown; known keys: {', '.join(self.asked)}")

    def error(self, key: str, text: str) -> ConfigError:
        place = f"[{self.name}] {key}" if self.name else key
        return ConfigError(f"{self.path}: {place} {text}")


def _config(top: _Table) -> Config:
    bridge = top.table("bridge")
    config = Config(
        id=bridge.take("id", "16 hexadecimal digits", _bridge_id),
        journal=bridge.file("journal"),
        pins=bridge.file("pins"),
        listen=bridge.take("listen", 'a loopback address as "127.0.0.1:8470"', _listen),
        authority=_authority(top.table("authority")),
        receivers=tuple(_receiver(table) for table in top.tables("receiver")),
    )
    bridge.done()
    top.done()
    tills = [receiver.till for receiver in config.receivers]
    if len(set(tills)) != len(tills):
        raise top.error("receiver", "must have a till number of its own in every table")
    return config


def _authority(table: _Table) -> AuthorityConfig:
    config = AuthorityConfig(
        url=table.take("url", 'an address as "https://authority.example"', _https),
        ca=table.file("ca"),
        certificate=table.file("certificate"),
        key=table.file("key"),
        timeout_s=table.take("timeout_s", "seconds, up to 120", _timeout, DEFAULT_TIMEOUT_S),
    )
    table.done()
    return config


def _receiver(table: _Table) -> ReceiverConfig:
    config = ReceiverConfig(
        till=table.take("till", f"a number from 1 to {TILL_MOST}", _till),
        url=table.take("url", "a serial port or pyserial URL", _text),
        certificate=table.file("certificate"),
    )
    table.done()
    return config


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError
    return value


def _bridge_id(value: Any) -> bytes:
    raw = bytes.fromhex(_text(value))
    if len(raw) != BRIDGE_ID_SIZE:
        raise ValueError
    return raw


def _listen(value: Any) -> Listen:
    parts = urlsplit("//" + _text(value))
    if parts.hostname is None or parts.port is None or parts.path:
        raise ValueError
    if parts.hostname != "localhost" and not ip_address(parts.hostname).is_loopback:
        raise ValueError
    return Listen(parts.hostname, parts.port)


def _https(value: Any) -> str:
    parts = urlsplit(_text(value))
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    return _text(value).rstrip("/")


def _timeout(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    if not 0 < value <= TIMEOUT_MOST_S:
        raise ValueError
    return float(value)


def _till(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= TILL_MOST:
        raise ValueError
    return value
