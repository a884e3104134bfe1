"""Which commit a build is of, and whether its sources are exactly that commit's."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

# What goes on a board, and what makes it: a change elsewhere changes no byte of a release.
SOURCES = ("receiver", "firmware", "requirements")


class RevisionError(Exception):
    """The sources do not say which commit they are; the text says what to do."""


class Revision(NamedTuple):
    """`number` counts the commits up to this one, 0 where the history is cut short."""

    commit: bytes
    number: int
    is_dirty: bool


def of(root: Path) -> Revision:
    """Return the revision of a checkout; raise RevisionError where there is none."""
    commit = bytes.fromhex(_git(root, "rev-parse", "HEAD"))
    shallow = _git(root, "rev-parse", "--is-shallow-repository") == "true"
    number = 0 if shallow else int(_git(root, "rev-list", "--count", "HEAD"))
    status = _git(root, "status", "--porcelain", "--untracked-files=all", "--", *SOURCES)
    return Revision(commit, number, bool(status))


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RevisionError(f"git does not start: {error}; install it") from error
    if done.returncode:
        said = done.stderr.strip().removeprefix("fatal: ")
        raise RevisionError(f"{root} is not a checkout of this repository: {said}")
    return done.stdout.strip()
