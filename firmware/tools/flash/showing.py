"""Many boards at once: a bar for each on a terminal, lines elsewhere, nothing for programs."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from .errors import FlashError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from .flash import Tell

T = TypeVar("T")


async def each(
    ports: Sequence[str], work: Callable[[str, Tell], Awaitable[T]], silent: bool
) -> list[T | FlashError]:
    """Do the work on every port at once; return results, or what was wrong, in their order."""
    with _teller(ports, silent) as tell:
        return await asyncio.gather(*(_one(port, work, tell(port)) for port in ports))


async def _one(port: str, work: Callable[[str, Tell], Awaitable[T]], tell: Tell) -> T | FlashError:
    try:
        done = await work(port, tell)
    except FlashError as error:
        tell(f"failed: {error.code}", 0, 0)
        return error
    tell("done", 1, 1)
    return done


@contextmanager
def _teller(ports: Sequence[str], silent: bool) -> Iterator[Callable[[str], Tell]]:
    if silent:
        yield lambda port: lambda what, done, total: None
    elif sys.stderr.isatty():
        with _bars(ports) as made:
            yield made
    else:
        yield _lines


@contextmanager
def _bars(ports: Sequence[str]) -> Iterator[Callable[[str], Tell]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[port]}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks = {port: progress.add_task("", total=None, port=port) for port in ports}

        def of(port: str) -> Tell:
            def tell(what: str, done: int, total: int) -> None:
                progress.update(tasks[port], description=what, completed=done, total=total or None)

            return tell

        yield of


def _lines(port: str) -> Tell:
    last = ""

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        if what != last:
            last = what
            print(f"{port}: {what}", file=sys.stderr, flush=True)

    return tell
