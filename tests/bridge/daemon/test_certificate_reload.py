"""Files that change under a bridge that runs: when they are read, and what is kept."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.authority.clock_skew import Clock
from bridge.config.configuration import ConfigError
from bridge.daemon import certificate_reload
from bridge.daemon.certificate_expiry import CLIENT, Ending
from bridge.daemon.certificate_reload import Paper, Ready, Renewal

PATIENCE_S = 10.0
FAR = 4_000_000_000


class Pair:
    """Two files that hold the same word, or cannot be used."""

    def __init__(self, directory: Path) -> None:
        self.files = (directory / "certificate", directory / "key")
        self.used: list[str] = []
        self.ends = FAR
        self.write("one")

    @property
    def paper(self) -> Paper:
        return Paper("pair", self.files, self.read)

    def write(self, word: str) -> None:
        for path in self.files:
            path.write_text(word)

    def read(self) -> Ready:
        first, second = (path.read_text() for path in self.files)
        if first != second:
            raise ConfigError("key and certificate do not fit")
        return Ready(lambda: self.used.append(first), (Ending(CLIENT, self.ends),))


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


@pytest.fixture
async def looking(pair: Pair) -> Renewal:
    one = Renewal([pair.paper], Clock())
    await one.look(anew=True)
    assert pair.used == ["one"]
    return one


async def used(pair: Pair, looking: Renewal, *, looks: int = 1) -> list[str]:
    """All that has been used, after some more looks."""
    for _ in range(looks):
        await looking.look()
    return pair.used


async def test_what_stays_the_same_is_left_alone(pair: Pair, looking: Renewal) -> None:
    assert await used(pair, looking, looks=3) == ["one"]
    assert looking.warnings() == []


async def test_a_change_is_read_once_it_rests(pair: Pair, looking: Renewal) -> None:
    pair.write("two")
    assert await used(pair, looking) == ["one"]
    assert await used(pair, looking) == ["one", "two"]
    assert await used(pair, looking) == ["one", "two"]


async def test_the_moment_between_both_files(
    pair: Pair, looking: Renewal, caplog: pytest.LogCaptureFixture
) -> None:
    pair.files[0].write_text("two")
    await looking.look()
    pair.files[1].write_text("two")
    assert await used(pair, looking) == ["one"]
    assert await used(pair, looking) == ["one", "two"]
    assert [it.levelno for it in caplog.records if it.levelno > logging.INFO] == []


async def test_the_same_size_in_the_same_moment(pair: Pair, looking: Renewal) -> None:
    """A file that is put in another's place has its times, as cp -p and rsync leave it."""
    for path in pair.files:
        times = path.stat()
        fresh = path.with_name("fresh")
        fresh.write_text("eno")
        os.utime(fresh, ns=(times.st_atime_ns, times.st_mtime_ns))
        fresh.replace(path)
    assert await used(pair, looking, looks=2) == ["one", "eno"]


def cannot_be_put_to_use(pair: Pair) -> None:
    pair.used = None  # type: ignore[assignment]
    pair.write("two")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda pair: pair.files[1].write_text("tw"), id="half"),
        pytest.param(lambda pair: pair.files[0].unlink(), id="gone"),
        pytest.param(lambda pair: pair.files[0].write_bytes(b"\xff"), id="bytes"),
        pytest.param(cannot_be_put_to_use, id="use"),
    ],
)
async def test_what_cannot_be_used_leaves_what_was_good(
    spoil: Callable[[Pair], object], pair: Pair, looking: Renewal, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(pair)
    for _ in range(4):
        await looking.look()
    errors = [it.message for it in caplog.records if it.levelno == logging.ERROR]
    assert errors == ["file not reloaded"]  # once, as long as nothing changes
    [said] = looking.warnings()
    assert said.startswith("pair: the last valid content stays in use: ")
    pair.used = ["one"]
    pair.write("three")
    assert await used(pair, looking, looks=2) == ["one", "three"]
    assert looking.warnings() == []


async def test_what_has_ended_is_no_renewal(pair: Pair, looking: Renewal) -> None:
    pair.ends = 1
    pair.write("old")
    assert await used(pair, looking, looks=2) == ["one"]
    [said] = looking.warnings()
    assert "ended on 1970-01-01" in said


async def test_on_request_all_is_read_at_once(pair: Pair, looking: Renewal) -> None:
    pair.write("two")
    await looking.look(anew=True)
    assert pair.used == ["one", "two"]


async def test_it_looks_by_itself_and_when_it_is_told(
    pair: Pair, looking: Renewal, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = asyncio.Event()

    async def next_use() -> None:
        await asyncio.wait_for(taken.wait(), PATIENCE_S)
        taken.clear()

    def noted() -> Ready:
        ready = pair.read()

        def use() -> None:
            ready.use()
            taken.set()

        return ready._replace(use=use)

    looking._papers = [pair.paper._replace(read=noted)]
    running = asyncio.create_task(looking.run())
    looking.now()
    await next_use()
    monkeypatch.setattr(certificate_reload, "LOOK_S", 0.01)
    looking.now()
    await next_use()
    pair.write("two")
    await next_use()
    assert pair.used[-1] == "two"
    running.cancel()


async def test_no_failure_ends_it(
    looking: Renewal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looked = asyncio.Event()

    async def fails(*, anew: bool = False) -> None:
        looked.set()
        raise RuntimeError

    monkeypatch.setattr(looking, "look", fails)
    running = asyncio.create_task(looking.run())
    for _ in range(2):
        looked.clear()
        looking.now()
        await asyncio.wait_for(looked.wait(), PATIENCE_S)
    assert not running.done()
    running.cancel()
    assert "certificates were not checked" in caplog.text
