"""An older copy of a bridge's journal, as a disk image or a careless hand puts it back."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.shop.till import World


def files(world: World) -> list[Path]:
    """The journal, what SQLite and the bridge keep beside it, and its archives."""
    journal = world.config.journal
    found = [*journal.parent.glob(f"{journal.name}*"), journal.with_suffix(".archive")]
    return [path for path in found if path.exists() and not path.name.endswith((".lock", "-shm"))]


def copy(world: World, to: str = "copy") -> Path:
    """As it is now; nothing is being written."""
    world.daemon.service.books.commits.flush()
    place = world.config.journal.parent / to
    place.mkdir()
    for path in files(world):
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, place / path.name)
    return place


def put_back(world: World, place: Path, *, but: str = "nothing") -> None:
    """In the place of what is there, except for names that end with `but`."""
    lose(world, but=but)
    for path in place.iterdir():
        if not path.name.endswith(but):
            to = world.config.journal.parent / path.name
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, to)


@asynccontextmanager
async def restored(world: World, place: Path, *, but: str = "nothing") -> AsyncIterator[None]:
    """The bridge from start to stop, once the copy is put back."""
    put_back(world, place, but=but)
    async with world.bridge():
        yield


def lose(world: World, *, but: str = "nothing") -> None:
    for path in [*files(world), *world.config.journal.parent.glob("*.sqlite-shm")]:
        if not path.name.endswith(but):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
