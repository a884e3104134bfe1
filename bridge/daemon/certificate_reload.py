"""Reload certificates, keys, pins and token when their files change and on SIGHUP.

A file that cannot be used is reported, and the last valid content stays in use. No sale is ended.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from bridge.config.configuration import ConfigError
from bridge.observability.logs import Log

from .certificate_expiry import Endings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.authority.clock_skew import Clock

    from .certificate_expiry import Ending

# A file is read once it has stayed the same between two checks: certificate and key are two
# files, and may be written one after the other.
LOOK_S = 3.0

_log = Log(__name__)

Signature = tuple[tuple[int, ...] | None, ...]


class Ready(NamedTuple):
    """Valid files: how to apply them, and when their certificates end."""

    use: Callable[[], None]
    endings: tuple[Ending, ...] = ()


class Paper(NamedTuple):
    """Files that belong together; `read` (in a thread) raises ConfigError."""

    name: str
    files: tuple[Path, ...]
    read: Callable[[], Ready]


class Renewal:
    """A check of all files of one bridge."""

    def __init__(self, papers: Iterable[Paper], clock: Clock) -> None:
        self.endings = Endings()
        self._papers = list(papers)
        self._clock = clock
        self._seen: dict[str, Signature] = {}  # at the last check
        self._read: dict[str, Signature] = {}  # at the last reading, valid or not
        self._troubles: dict[str, str] = {}
        self._hurry = asyncio.Event()

    def now(self) -> None:
        """Reload all of them, changed or not."""
        self._hurry.set()

    async def run(self) -> None:
        """Check repeatedly; a problem with a file is reported and ends nothing."""
        while True:
            anew = await self._nap()
            try:
                await self.look(anew=anew)
                if anew:
                    _log.info("all files reloaded")
            except Exception:
                _log.exception("certificates were not checked")

    async def look(self, *, anew: bool = False) -> None:
        """Reload the files that have changed and come to rest, or all of them if `anew`."""
        seen = await asyncio.to_thread(self._signatures)
        for paper in self._papers:
            signature = seen[paper.name]
            rests = signature == self._seen.get(paper.name) != self._read.get(paper.name)
            if anew or rests:
                self._read[paper.name] = signature
                await self._renew(paper)
            if rests and paper.name not in self._troubles:
                _log.info("file reloaded", what=paper.name)
        self._seen = seen
        self.endings.tell(asyncio.get_running_loop().time())
        self._clock.look()

    def warnings(self) -> list[str]:
        """Return warnings for people, for /healthz."""
        clock = [f"the clock is {self._clock.difference()}"] if self._clock.wrong else []
        return [*clock, *self._troubles.values(), *self.endings.warnings()]

    async def _nap(self) -> bool:
        """Pause; return whether it was interrupted to reload everything."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), LOOK_S)
        hurry = self._hurry.is_set()
        self._hurry.clear()
        return hurry

    async def _renew(self, paper: Paper) -> None:
        try:
            ready = await asyncio.to_thread(paper.read)
            self._must_not_be_older(ready.endings)
            ready.use()
        except Exception as error:  # of a file, or of a library that parses its bytes
            self._keep(paper, error)
            return
        self.endings.learn(ready.endings)
        self._troubles.pop(paper.name, None)

    def _must_not_be_older(self, endings: Iterable[Ending]) -> None:
        for one in endings:
            if self.endings.is_older(one):
                raise ConfigError(f"{one}; the valid one stays in use")

    def _keep(self, paper: Paper, error: Exception) -> None:
        said = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
        self._troubles[paper.name] = f"{paper.name}: the last valid content stays in use: {said}"
        _log.error("file not reloaded", what=paper.name, detail=said)

    def _signatures(self) -> dict[str, Signature]:
        return {paper.name: tuple(map(_signature, paper.files)) for paper in self._papers}


def _signature(path: Path) -> tuple[int, ...] | None:
    """Return what changes with a file's content, name or mode; None if it does not exist."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
