"""The bridge's configuration: one TOML file, every key known, paths relative to the file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bridge.journal import position_file
from receiver.protocol.messages import TILL_MOST

from .toml_table import ConfigError, Table, flag, listed, number, seconds, text

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["AuthorityConfig", "Config", "ConfigError", "Listen", "ReceiverConfig", "Tls", "load"]

BRIDGE_ID_SIZE = 8
TIMEOUT_MOST_S = 120.0  # longer than any till's patience serves nobody
DEFAULT_TIMEOUT_S = 10.0
DEFAULT_DRAIN_S = 10.0  # most sales end by themselves in it; service managers wait 90 s
DEFAULT_LISTEN = "127.0.0.1:8470"

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]")


@dataclass(frozen=True)
class Tls:
    """A server certificate and its key (PEM files)."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Listen:
    """Where and to whom the till API is served; port 0 lets the system choose."""

    host: str
    port: int
    tls: Tls | None = None
    token: Path | None = None  # the file that holds what every request must bear
    hosts: tuple[str, ...] = ()  # names beside loopback's by which tills may call this bridge


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
    """One receiver: till, pyserial URL or else USB serial number, certificate (COSE file)."""

    till: int
    url: str
    certificate: Path
    serial: str = ""

    @property
    def line(self) -> str:
        """Where it is looked for, as people are told."""
        return self.url or f"usb:{self.serial}"


@dataclass(frozen=True)
class Config:
    """Everything that the daemon needs."""

    id: bytes
    journal: Path
    pins: Path
    listen: Listen
    authority: AuthorityConfig
    receivers: tuple[ReceiverConfig, ...]
    offline: bool = False
    drain_s: float = DEFAULT_DRAIN_S
    position: Path | None = None  # beside the journal if it is not named

    @property
    def position_file(self) -> Path:
        """Where the journal's newest position is kept."""
        return self.position or position_file.beside(self.journal)


def load(path: Path) -> Config:
    """Read and check the file at `path`; raises ConfigError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    return _config(Table(path, "", document))


def is_loopback(host: str) -> bool:
    """Whether a name or address is this very machine and nobody else reaches it there."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _config(top: Table) -> Config:
    bridge = top.table("bridge")
    config = Config(
        id=bridge.take("id", "16 hexadecimal digits", _bridge_id),
        journal=bridge.file("journal"),
        pins=bridge.file("pins"),
        position=bridge.file_or_none("position"),
        drain_s=bridge.take("drain_s", "seconds, up to 120", _timeout, DEFAULT_DRAIN_S),
        listen=_till_api(top.table("till", {})),
        authority=_authority(top.table("authority")),
        receivers=tuple(_receiver(table) for table in top.tables("receiver")),
        offline=_offline(top.table("offline", {})),
    )
    bridge.done()
    top.done()
    for what, values in (
        ("till number", [row.till for row in config.receivers]),
        ("port", [row.line for row in config.receivers]),
    ):
        if len(set(values)) != len(values):
            raise top.error("receiver", f"must have a {what} of its own in every table")
    return config


def _till_api(table: Table) -> Listen:
    example, default = f'an address as "{DEFAULT_LISTEN}"', _address(DEFAULT_LISTEN)
    host, port = table.take("listen", example, _address, default)
    certificate, key = table.file_or_none("certificate"), table.file_or_none("key")
    token = table.file_or_none("token")
    hosts = table.take("hosts", 'a list of names as ["till-7.example"]', _hosts, ())
    table.done()
    if (certificate is None) != (key is None):
        raise table.error("certificate", "and key belong together: set both or none")
    tls = Tls(certificate, key) if certificate and key else None
    if not is_loopback(host):
        if tls is None or token is None:
            raise table.error(
                "listen", f"must be loopback: {host} needs certificate, key and token"
            )
        if not hosts:
            raise table.error("hosts", f"is missing: the names by which tills reach {host}")
    return Listen(host, port, tls, token, hosts)


def _authority(table: Table) -> AuthorityConfig:
    config = AuthorityConfig(
        url=table.take("url", 'an address as "https://authority.example"', _https),
        ca=table.file("ca"),
        certificate=table.file("certificate"),
        key=table.file("key"),
        timeout_s=table.take("timeout_s", "seconds, up to 120", _timeout, DEFAULT_TIMEOUT_S),
    )
    table.done()
    return config


def _receiver(table: Table) -> ReceiverConfig:
    config = ReceiverConfig(
        till=table.take("till", f"a number from 1 to {TILL_MOST}", _till),
        url=table.take("url", "a serial port or pyserial URL", text, ""),
        serial=table.take("serial", "a USB serial number", text, ""),
        certificate=table.file("certificate"),
    )
    table.done()
    if bool(config.url) == bool(config.serial):
        raise table.error("url", "or serial must say where the receiver is: exactly one of both")
    return config


def _offline(table: Table) -> bool:
    enabled: bool = table.take("enabled", "true or false", flag, False)
    table.done()
    return enabled


def _bridge_id(value: Any) -> bytes:
    raw = bytes.fromhex(text(value))
    if len(raw) != BRIDGE_ID_SIZE:
        raise ValueError
    return raw


def _address(value: Any) -> tuple[str, int]:
    parts = urlsplit("//" + text(value))
    if parts.hostname is None or parts.port is None or parts.path:
        raise ValueError
    if parts.hostname != "localhost":
        ip_address(parts.hostname)
    return parts.hostname, parts.port


def _hosts(value: Any) -> tuple[str, ...]:
    names = tuple(text(name).lower() for name in listed(value))
    if not all(_HOST.fullmatch(name) for name in names):
        raise ValueError
    return tuple(name.strip("[]") for name in names)


def _https(value: Any) -> str:
    parts = urlsplit(text(value))
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    return text(value).rstrip("/")


def _timeout(value: Any) -> float:
    return seconds(value, TIMEOUT_MOST_S)


def _till(value: Any) -> int:
    return number(value, 1, TILL_MOST)
