"""The journal's files are moved, replaced or lost under a bridge that runs, or before it starts."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge.books import books
from bridge.journal import Journal, Position, ReplacedError, position_file, writer
from bridge.journal.lives import RESTORED
from bridge.journal.reader import Reader
from tests.support.bridge.journals import verified
from tests.support.shop.money import Paper, sells
from tests.support.shop.refunding import REFUND
from tests.support.shop.till import AMOUNT, SALE, TILL, World

NEXT = "sale-of-the-next-buyer"
BODY = {"sale_id": NEXT, "amount": AMOUNT, "currency": "SEK"}


# Replaced while the bridge runs.


def removed(journal: Path) -> None:
    journal.unlink()


def moved(journal: Path) -> None:
    journal.rename(journal.with_name("away"))


def copied_over(journal: Path) -> None:
    """As `cp --remove-destination` does, or an editor."""
    copy = journal.with_name("copy")
    shutil.copy(journal, copy)
    copy.replace(journal)


def without_wal(journal: Path) -> None:
    journal.with_name(journal.name + "-wal").unlink()


def without_lock(journal: Path) -> None:
    """A second bridge could start."""
    journal.with_name(journal.name + ".lock").unlink()


async def until_it_ends(world: World, spoil: Callable[[Path], None], *, asked: bool) -> None:
    async with world.bridge():
        await world.posted()
        spoil(world.config.journal)
        if asked:
            assert await world.problem("POST", "/v1/sales", json=BODY) == (503, "stopping", None)
            assert not world.daemon.service.healthy
        await world.daemon.wait()


@pytest.mark.parametrize("spoil", [removed, moved, copied_over, without_wal, without_lock])
async def test_nothing_new_is_sold_on_a_journal_that_was_replaced(
    stopped: World, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """What is written then no restart would find: the bridge refuses, and ends."""
    with pytest.raises(ExceptionGroup) as ended:
        await until_it_ends(stopped, spoil, asked=True)
    assert ended.group_contains(ReplacedError, match="while the bridge ran")
    assert "the bridge ends" in caplog.messages


async def test_it_is_noticed_where_nothing_is_sold(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(position_file, "LAG_S", 0.01)
    with pytest.raises(ExceptionGroup) as ended:
        await until_it_ends(stopped, moved, asked=False)
    assert ended.group_contains(ReplacedError)


async def test_what_was_put_in_its_place_is_left_as_it_is(stopped: World, tmp_path: Path) -> None:
    """SQLite takes its files away by their names: not those that another journal has now."""
    other = tmp_path / "other" / "journal.sqlite"
    other.parent.mkdir()
    with closing(Journal.open(other)) as journal:
        journal.begin_life(1, RESTORED)
        copy = shutil.copytree(other.parent, tmp_path / "copy")  # with what is in its WAL alone

    def replaced(place: Path) -> None:
        for file in place.parent.glob(place.name + "*"):
            file.unlink()
        shutil.copytree(copy, place.parent, dirs_exist_ok=True)

    with pytest.raises(ExceptionGroup):
        await until_it_ends(stopped, replaced, asked=True)
    with closing(Journal.open(stopped.config.journal)) as journal:
        assert [life.cause for life in journal.lives()] == ["new", RESTORED]


async def test_the_position_is_kept_where_the_configuration_says(
    stopped: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped.config = replace(stopped.config, position=tmp_path / "another disk")
    written, write, loop = asyncio.Event(), position_file.write, asyncio.get_running_loop()

    def watched(path: Path, position: Position) -> None:
        write(path, position)
        loop.call_soon_threadsafe(written.set)

    monkeypatch.setattr(position_file, "write", watched)
    async with stopped.bridge():
        await written.wait()
    kept = position_file.read(tmp_path / "another disk")
    with Reader(stopped.config.journal) as journal:
        assert kept is not None
        assert kept.life == journal.lives()[-1].life
    assert not position_file.beside(stopped.config.journal).exists()


# Archives that are missing.


@pytest.fixture
def missing(stopped: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the archive of the first sale goes; the sale is in memory no longer."""
    monkeypatch.setattr(books, "RECENT_MOST", 0)
    monkeypatch.setattr(writer, "ARCHIVE_AT", 1)
    return stopped.config.journal.with_suffix(".archive") / "000001.sqlite"


def taken_away(file: Path) -> Path:
    return file.rename(file.parent.with_name("elsewhere"))


def damaged(file: Path) -> Path:
    copy = Path(shutil.copy(file, file.parent.with_name("elsewhere")))
    file.chmod(0o600)
    file.write_bytes(b"not a database, whatever its name" * 400)
    return copy


def of_another(file: Path) -> Path:
    """A sound file with other sales in it."""
    copy = taken_away(file)
    other = file.parent.with_name("other.sqlite")
    with closing(Journal.open(other)) as journal:
        journal.append(1, "another sale", "rung", "{}")
        journal.archive(set())
    (other.with_suffix(".archive") / file.name).rename(file)
    return copy


@pytest.mark.parametrize("spoil", [taken_away, damaged, of_another])
async def test_an_archive_that_is_missing_fails_the_request_alone(
    stopped: World,
    paper: Paper,
    missing: Path,
    spoil: Callable[[Path], Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All else goes on, and what was asked for is found once the archive is back."""
    async with stopped.bridge():
        before = await stopped.posted()
        paper.keep(before)
        copy = spoil(missing)
        for method, path in (("GET", ""), ("POST", "/paid"), ("POST", "/cancel")):
            found = await stopped.problem(method, f"/v1/sales/{SALE}{path}")
            assert found == (503, "archive-missing", None)
        refund = {"refund_id": REFUND, "sale_id": SALE, "amount": 1}
        assert (await stopped.problem("POST", "/v1/refunds", json=refund))[0] == 503
        again = {**BODY, "sale_id": SALE}
        assert (await stopped.problem("POST", "/v1/sales", json=again))[1] == "archive-missing"
        assert "not looked up" in caplog.messages
        await sells(stopped, paper, NEXT)
        _, totals = await stopped.call("GET", f"/v1/totals?till={TILL}")
        assert totals["receivers"][0]["sums"][0]["posted"]["count"] == 2
        assert stopped.daemon.service.healthy
        copy.replace(missing)
        assert await stopped.sale(wait=0) == before


async def test_it_is_said_at_the_start(
    stopped: World, paper: Paper, missing: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stopped.bridge():
        paper.keep(await stopped.posted())
    copy = taken_away(missing)
    async with stopped.bridge():
        [told] = [it for it in caplog.records if it.getMessage() == "archive in doubt"]
        detail = told.__dict__["fields"]["detail"]
        assert detail.endswith("000001.sqlite: this archive is missing; put it back from a backup")
        await sells(stopped, paper, NEXT)
    copy.replace(missing)
    assert verified(stopped.config.journal).findings == []
