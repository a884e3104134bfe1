"""The edges to foreign code: every exception becomes one error, with one policy.

A driver, a library or a system call may raise anything, documented or not. At each edge that
becomes the one error of the row, which our own code expects; an unexpected kind of exception is
logged with its traceback. docs/operations.md has the table as well.
"""

from __future__ import annotations

import struct
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from bridge.observability.log_budget import Allowance
from bridge.observability.logs import Log

if TYPE_CHECKING:
    from collections.abc import Iterator

E = TypeVar("E", bound=Exception)

_log = Log(__name__)


class Edge(NamedTuple):
    """`error` is the one that leaves `module`, "-" where none leaves it."""

    name: str
    foreign: str
    module: str
    error: str
    policy: str


SERIAL = Edge(
    "serial driver",
    "pyserial, termios",
    "bridge.lines.serial_port",
    "PortError",
    "line opened anew",
)
LISTING = Edge(
    "port listing", "pyserial, sysfs", "bridge.lines.usb_lookup", "PortError", "looked up again"
)
LINE_SOCKET = Edge(
    "line socket", "asyncio, TCP", "bridge.lines.socket_port", "PortError", "line opened anew"
)
LINE_NAME = Edge(
    "line's host name", "DNS", "bridge.lines.socket_port", "PortError", "looked up at each opening"
)
LINK = Edge(
    "receiver's line",
    "the port's own errors",
    "bridge.lines.receiver_link",
    "-",
    "that receiver's line is opened anew",
)
LOCKED = Edge(
    "journal's lock",
    "other programs with SQLite, a full disk",
    "bridge.books.commits",
    "JournalLaterError",
    "waited for; tills get 503",
)
JOURNAL = Edge(
    "journal", "SQLite, the disk", "bridge.journal", "JournalError", "bridge ends and is restarted"
)
POSITION = Edge(
    "position file", "file system", "bridge.journal.position_file", "-", "not written; tried again"
)
LIMITS_FILE = Edge(
    "cached limits", "file system", "bridge.authority.cached_limits", "-", "not cached; tried again"
)
UPDATES_FILE = Edge(
    "updates' folder", "file system", "bridge.updates", "-", "updates wait; tills sell"
)
AUTHORITY = Edge(
    "authority",
    "aiohttp, TLS, DNS",
    "bridge.authority.client",
    "UnansweredError",
    "outcome unknown; the request is repeated",
)
TILL_API = Edge(
    "till API", "aiohttp, sockets", "bridge.till.server.problems", "-", "500 to that request"
)
LISTENERS = Edge("metrics", "listeners of events", "bridge.books.event_bus", "-", "not counted")
LOG_SINK = Edge(
    "log sink", "stderr and its reader", "bridge.observability.logs", "-", "lines are dropped"
)
MANAGER = Edge(
    "service manager",
    "sd_notify socket",
    "bridge.daemon.systemd",
    "-",
    "not notified; notified again later",
)
PAPERS = Edge(
    "certificates, keys",
    "file system, OpenSSL",
    "bridge.daemon.key_files",
    "ConfigError",
    "no start",
)
RENEWAL = Edge(
    "the same while it runs",
    "file system, OpenSSL",
    "bridge.daemon.certificate_reload",
    "-",
    "the last valid content stays in use",
)

TABLE = (
    *(SERIAL, LISTING, LINE_SOCKET, LINE_NAME, LINK),
    *(LOCKED, JOURNAL, POSITION, LIMITS_FILE, AUTHORITY, TILL_API),
    *(LISTENERS, LOG_SINK, MANAGER, PAPERS, RENEWAL),
)

# The usual exceptions of drivers, sockets and files: logged in one line, without a traceback.
KNOWN = (OSError, ValueError, termios.error, struct.error)


_tracebacks = {edge.name: Allowance() for edge in TABLE}


@contextmanager
def crossing(
    edge: Edge, error: type[Exception], *ours: type[Exception], where: str = ""
) -> Iterator[None]:
    """Raise `error` for any exception inside that is not one of `ours`, `where` before its text."""
    try:
        yield
    except (error, *ours):
        raise
    except Exception as foreign:
        raise translated(edge, error, foreign, where) from foreign


@contextmanager
def survived(edge: Edge) -> Iterator[None]:
    """Log any exception inside, and go on."""
    try:
        yield
    except Exception as foreign:
        unexpected(edge, foreign)


def translated(edge: Edge, error: type[E], foreign: Exception, where: str = "") -> E:
    """Turn a foreign exception into `error`; a cheaper form of `crossing` for busy paths."""
    text = said(edge, foreign)
    return error(f"{where}: {text}" if where else text)


def said(edge: Edge, foreign: Exception) -> str:
    """Describe a foreign exception in a line; log the traceback of an unexpected one."""
    if isinstance(foreign, KNOWN):
        return str(foreign) or type(foreign).__name__
    return unexpected(edge, foreign)


def unexpected(edge: Edge, foreign: Exception) -> str:
    """Describe an exception that this edge does not expect; called where it is handled.

    Logs its traceback; a repeated fault only now and then.
    """
    if _tracebacks[edge.name].may(time.monotonic()):
        _log.exception("unexpected error", what=edge.name)
    return f"{type(foreign).__name__}: {foreign}"
