"""A private PostgreSQL for tests and measurements, deleted at the end: local socket, disk flushed.

PostgreSQL refuses to run as root: there it runs as an account without rights.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import IO
from urllib.parse import quote

import psycopg

STOP_S = 30.0
WORDS_KEPT = 20  # lines of the server's output, for its error text

_USER = "tillsign"
_USERS = ("postgres", "nobody")
_READY = "ready to accept connections"
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "log_min_messages": "log",
    "max_wal_size": "256MB",
}


def binaries() -> Path | None:
    """Return the newest folder with initdb and postgres; None without one."""
    found = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()
    ]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None or shutil.which("postgres") is None:
        return None
    return Path(on_path).resolve().parent


class Cluster:
    """A context manager around a server in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        """Set up with the `folder` that `binaries` found."""
        self._folder = folder
        self._numbers = itertools.count(1)
        self._stack = ExitStack()
        self._words: deque[str] = deque(maxlen=WORDS_KEPT)

    def __enter__(self) -> Cluster:
        with self._stack as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tillsign-pg-")))
            self._place = place
            self._make()
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def url(self, schema: str = "public") -> str:
        options = quote(f"-csearch_path={schema}")
        return f"postgresql://{_USER}@/postgres?host={quote(str(self._place))}&options={options}"

    def new_books(self) -> str:
        """Create books in a schema of their own; return their URL."""
        schema = f"books_{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(f"CREATE SCHEMA {schema}".encode())
        return self.url(schema)

    def _make(self) -> None:
        if os.geteuid() == 0:
            os.chown(self._place, *_service_account())
        options = ("--username", _USER, "--auth", "trust", "--encoding", "UTF8")
        flags = ("--no-locale", "--no-sync")
        initdb = str(self._folder / "initdb")
        done = subprocess.run(
            [*_unprivileged(), initdb, "--pgdata", str(self._data), *options, *flags],
            capture_output=True,
            text=True,
            cwd=self._place,
        )
        if done.returncode:
            raise RuntimeError(f"initdb: {done.stderr}")

    def _start(self, stack: ExitStack) -> None:
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        server = subprocess.Popen(
            [
                *_unprivileged(),
                *map(str, [self._folder / "postgres", "-D", self._data, "-k", self._place]),
                *settings,
            ],
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._place,
        )
        stack.callback(_stop, server)
        if server.stderr is None:
            raise RuntimeError("no pipe")
        for line in server.stderr:
            self._words.append(line)
            if _READY in line:
                break
        else:
            raise RuntimeError(f"PostgreSQL did not start: {''.join(self._words)}")
        Thread(target=self._listen, args=(server.stderr,), daemon=True).start()

    def _listen(self, words: IO[str]) -> None:
        """Read the pipe so that it never fills up."""
        with words:
            self._words.extend(words)

    @property
    def _data(self) -> Path:
        return self._place / "data"


def _service_account() -> tuple[int, int]:
    """Return user and group that root switches to."""
    accounts = {entry.pw_name: (entry.pw_uid, entry.pw_gid) for entry in pwd.getpwall()}
    for name in _USERS:
        if name in accounts:
            return accounts[name]
    raise RuntimeError(f"PostgreSQL does not run as root, and there is none of {_USERS}")


def _unprivileged() -> list[str]:
    """Return the prefix of a command that drops root and dies with this process."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    user: list[str] = []
    if os.geteuid() == 0:
        uid, gid = _service_account()
        user = [f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    return [setpriv, *user, "--pdeathsig=INT", "--"]


def _stop(server: subprocess.Popen[str]) -> None:
    """Stop at once: a last checkpoint of files that are thrown away takes half a minute."""
    server.send_signal(signal.SIGQUIT)
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
