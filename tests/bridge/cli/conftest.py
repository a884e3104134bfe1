"""A store with a journal, and its backup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.journal import Journal
from tests.support.bridge.journal_store import backed_up, opened, root_of


@pytest.fixture
def private_files() -> Iterator[None]:
    """What a command run in this process sets for its files is set for it alone."""
    before = os.umask(0o077)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "journal.sqlite"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "backup"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(opened(path)) as journal:
        yield journal


@pytest.fixture
def root(path: Path, journal: Journal, place: Path) -> Path:
    """A store and its backup, on a disk of their own; the store has sold on since."""
    backed_up(path, journal, place)
    return root_of(path, place)
