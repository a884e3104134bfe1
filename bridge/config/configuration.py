"""The bridge's configuration: one TOML file, every key known, paths relative to the file."""

from __future__ import annotations

import re
import tomllib
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from msgspec import Meta, field

from bridge import contracts
from bridge.contracts import Fault, MismatchError, Octets, Own, Request
from bridge.journal import position_file
from receiver.protocol.messages import TILL_MOST

from .update_window import Window

BRIDGE_ID_SIZE = 8
TIMEOUT_MOST_S = 120.0  # longer than any till waits
DEFAULT_TIMEOUT_S = 10.0  # two tries fit into a till's patience
DEFAULT_DRAIN_S = 10.0  # most sales end by then; service managers wait 90 s
DEFAULT_LISTEN = "127.0.0.1:8470"

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\]")


class ConfigError(Exception):
    """The configuration cannot be used; the text names file and key and what is allowed."""


class BridgeName(Octets):
    SIZES = (BRIDGE_ID_SIZE,)


class Https(str, Own):
    """An https URL without a slash at its end."""

    @classmethod
    def read(cls, value: object) -> Self:
        parts = urlsplit(value if isinstance(value, str) else "")
        if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("Expected an https URL")
        return cls(str(value).rstrip("/"))


class Host(str, Own):
    """A name or address by which tills may call this bridge, without brackets."""

    @classmethod
    def read(cls, value: object) -> Self:
        if not isinstance(value, str) or not _HOST.fullmatch(value):
            raise ValueError("Expected a host")
        return cls(value.lower().strip("[]"))


class Address(tuple[str, int], Own):
    """Where to listen: `localhost` or an IP address, and a port."""

    @classmethod
    def read(cls, value: object) -> Self:
        parts = urlsplit(f"//{value}" if isinstance(value, str) else "")
        if parts.hostname is None or parts.port is None or parts.path:
            raise ValueError("Expected an address")
        if parts.hostname != "localhost":
            ip_address(parts.hostname)
        return cls((parts.hostname, parts.port))


def _must(text: str) -> Meta:
    """State what is allowed, for the author of the file."""
    return Meta(extra={"must": text})


File = Annotated[Path, _must("a path")]
Seconds = Annotated[
    float, Meta(gt=0, le=TIMEOUT_MOST_S, extra={"must": f"seconds, up to {TIMEOUT_MOST_S:g}"})
]


class Tls(Request):
    """A server certificate and its key (PEM files)."""

    certificate: Path
    key: Path


class Listen(Request):
    """Where and to whom the till API is served; port 0 lets the system choose."""

    host: str
    port: int
    tls: Tls | None = None
    token: Path | None = None  # the file with the token that every request must carry
    hosts: tuple[str, ...] = ()  # names beside loopback's by which tills may call this bridge


class AuthorityConfig(Request):
    """How to reach the authority, and this bridge's identity there (PEM files)."""

    url: Annotated[Https, _must('an address as "https://authority.example"')]
    ca: File
    certificate: File
    key: File
    timeout_s: Seconds = DEFAULT_TIMEOUT_S


class ReceiverConfig(Request):
    """One receiver: till, certificate (COSE file), pyserial URL or else USB serial number."""

    till: Annotated[
        int, Meta(ge=1, le=TILL_MOST, extra={"must": f"a number from 1 to {TILL_MOST}"})
    ]
    certificate: File
    url: Annotated[str, Meta(min_length=1, extra={"must": "a serial port or pyserial URL"})] = ""
    serial: Annotated[str, Meta(min_length=1, extra={"must": "a USB serial number"})] = ""

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.serial):
            raise ValueError("url or serial must locate the receiver: exactly one of both")

    @property
    def line(self) -> str:
        """Return the receiver's place for people."""
        return self.url or f"usb:{self.serial}"


class Config(Request):
    """The daemon's whole configuration."""

    id: bytes
    journal: Path
    pins: Path
    listen: Listen
    authority: AuthorityConfig
    receivers: tuple[ReceiverConfig, ...]
    offline: bool = False
    drain_s: float = DEFAULT_DRAIN_S
    position: Path | None = None  # beside the journal unless named
    firmware_names: Path | None = None  # the folder of name maps, which the log is translated with
    update_window: Window | None = None  # None: receivers are updated by command alone

    @property
    def updates(self) -> Path:
        """Return the folder of firmware releases."""
        return self.journal.with_name(self.journal.name + "-updates")

    @property
    def position_file(self) -> Path:
        """Return the file with the journal's newest position."""
        return self.position or position_file.beside(self.journal)


# The tables of the file.


class BridgeTable(Request):
    id: Annotated[BridgeName, _must(f"{2 * BRIDGE_ID_SIZE} hexadecimal digits")]
    journal: File
    pins: File
    position: File | None = None
    firmware_names: File | None = None
    drain_s: Seconds = DEFAULT_DRAIN_S


class TillTable(Request):
    listen: Annotated[Address, _must(f'an address as "{DEFAULT_LISTEN}"')] = Address.read(
        DEFAULT_LISTEN
    )
    certificate: File | None = None
    key: File | None = None
    token: File | None = None
    hosts: Annotated[
        tuple[Host, ...],
        Meta(min_length=1, extra={"must": 'a list of names as ["till-7.example"]'}),
    ] = ()

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key need each other: set both or none")
        host = self.listen[0]
        if not is_loopback(host):
            if self.key is None or self.token is None:
                raise ValueError(
                    f"listen must be loopback: {host} needs certificate, key and token"
                )
            if not self.hosts:
                raise ValueError(f"hosts is missing: the names by which tills reach {host}")

    def listening(self) -> Listen:
        tls = Tls(self.certificate, self.key) if self.certificate and self.key else None
        return Listen(*self.listen, tls, self.token, self.hosts)


class OfflineTable(Request):
    enabled: Annotated[bool, _must("true or false")] = False


class UpdatesTable(Request):
    window: Annotated[Window | None, _must('local times as "02:00-04:30"')] = None


class Tables(Request):
    bridge: Annotated[BridgeTable, _must("a table [bridge]")]
    authority: Annotated[AuthorityConfig, _must("a table [authority]")]
    receiver: Annotated[tuple[ReceiverConfig, ...], _must("tables [[receiver]]")] = ()
    till: Annotated[TillTable, _must("a table [till]")] = field(default_factory=TillTable)
    offline: Annotated[OfflineTable, _must("a table [offline]")] = field(
        default_factory=OfflineTable
    )
    updates: Annotated[UpdatesTable, _must("a table [updates]")] = field(
        default_factory=UpdatesTable
    )

    def __post_init__(self) -> None:
        for what, values in (
            ("till number", {row.till for row in self.receiver}),
            ("port", {row.line for row in self.receiver}),
        ):
            if len(values) != len(self.receiver):
                raise ValueError(f"receiver must have a {what} of its own in every table")

    def config(self) -> Config:
        return Config(
            self.bridge.id,
            self.bridge.journal,
            self.bridge.pins,
            self.till.listening(),
            self.authority,
            self.receiver,
            self.offline.enabled,
            self.bridge.drain_s,
            self.bridge.position,
            self.bridge.firmware_names,
            self.updates.window,
        )


def load(path: Path) -> Config:
    """Read and check the file at `path`; raises ConfigError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    try:
        return contracts.convert(document, Tables, partial(_read, path.parent)).config()
    except MismatchError as error:
        raise ConfigError(f"{path}: {_told(error)}") from None


def is_loopback(host: str) -> bool:
    """Return whether a name or address reaches this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _read(directory: Path, type_: type[object], value: object) -> object:
    """Read a value of one of our types; paths are relative to the configuration file."""
    if type_ is not Path:
        return contracts.read(type_, value)
    if not isinstance(value, str) or not value:
        raise ValueError("Expected a path")
    return directory / value


def _told(error: MismatchError) -> str:
    """Describe the key, its error, and what is allowed."""
    place = _place(error.path)
    match error.fault:
        case Fault.UNKNOWN:
            return f"{place} is unknown; known keys: {', '.join(error.known)}"
        case Fault.MISSING:
            return f"{place} is missing: {error.must}"
        case Fault.WRONG:
            return f"{place} must be {error.must}"
        case Fault.RULE:
            table = _place((*error.path, "")).strip()
            return " ".join(filter(None, (table, error.text)))


def _place(path: tuple[str | int, ...]) -> str:
    """Name [table] or [table 2], and the key in it."""
    match path:
        case (str(table), int(number), *keys):
            return " ".join([f"[{table} {number + 1}]", *map(str, keys[:1])])
        case (str(table), str(key), *_):
            return f"[{table}] {key}"
        case _:
            return " ".join(map(str, path))
