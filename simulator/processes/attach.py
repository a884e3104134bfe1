"""How a command finds a running world: one small file for each, in a directory of this user."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "TILLSIGN_WORLD"

_OURS = 0o700


class AttachError(Exception):
    """There is no world to attach to; the text tells the user what to do."""


@contextmanager
def publish(control: str) -> Iterator[None]:
    """Let other commands find this process's world by the URL of its control, inside the block."""
    directory = _directory()
    directory.mkdir(mode=_OURS, exist_ok=True)
    _check(directory)
    path = directory / f"world-{os.getpid()}.json"
    unfinished = path.with_suffix(".new")  # renamed when complete
    unfinished.write_text(json.dumps({"control": control, "pid": os.getpid()}))
    unfinished.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find() -> str:
    """Return the control URL of the world in the environment, else of the newest one running."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    directory = _directory()
    if directory.exists():
        _check(directory)
        for path in sorted(directory.glob("world-*.json"), key=_age):
            control = _control(path)
            if control is not None:
                return control
    raise AttachError("no world is running: start one with `tillsign simulate --phone none`")


def _directory() -> Path:
    return Path(tempfile.gettempdir()) / f"tillsign-{os.getuid()}"


def _check(directory: Path) -> None:
    """Require a directory that only this user can write to."""
    status = directory.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o777 != _OURS or directory.is_symlink():
        raise AttachError(f"{directory} is open to other users: remove it")


def _age(path: Path) -> float:
    """Return the sort key, newest first; a file that vanishes meanwhile counts as the oldest."""
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def _control(path: Path) -> str | None:
    """Return the URL in a file, if its world is running."""
    try:
        value = json.loads(path.read_text())
        os.kill(value["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(value["control"])
