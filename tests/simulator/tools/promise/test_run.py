"""A run: scenes in processes, stored so that it goes on after a break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.tools.promise import command, jobs, replay
from simulator.tools.promise.command import Wanted, measure
from simulator.tools.promise.jobs import STEPS_KEPT, SceneJob, plan
from simulator.tools.promise.record import line
from simulator.tools.promise.run import run
from simulator.tools.promise.store import MAKERS, ROOT, RecordStore, RunHead, fingerprint
from tests.support.values.made_up_purchases import a_broken_scene, a_scene

JOB = SceneJob("shop", "ios", 7, 4)
HEAD = RunHead("abc", 4)
WANTED = Wanted(("shop", "bad"), ("ios",), 20, 1, 10, 2)


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    made = RecordStore(tmp_path, HEAD)
    made.open()
    return made


def test_every_cell_has_the_same_seeds_in_whole_scenes() -> None:
    found = list(plan(("shop", "bad"), ("ios", "android-old"), 5, 101, 50))
    assert len(found) == 12
    assert {job.purchases for job in found} == {50}
    for cell in (("shop", "ios"), ("bad", "android-old")):
        assert [job.seed for job in found if job[:2] == cell] == [5, 6, 7]
    assert {job[:2] for job in found[:4]} == {job[:2] for job in found}


def test_steps_of_the_first_scenes_are_kept() -> None:
    found = list(plan(("shop",), ("ios",), 1, STEPS_KEPT + 1, 1))
    assert [job.steps for job in found] == [True] * STEPS_KEPT + [False]
    with_steps, without = (jobs.make(job, a_scene) for job in (found[0], found[-1]))
    assert b'"steps"' in with_steps.lines
    assert b'"steps"' not in without.lines


def test_processes_make_what_this_one_makes() -> None:
    wanted = [job._replace(seed=seed) for job in (JOB,) for seed in range(5)]
    found = {made.job.seed: made.lines for made in run(wanted, a_scene, 2)}
    assert found == {job.seed: b"".join(map(line, a_scene(job))) for job in wanted}
    assert list(run([], a_scene, 2)) == []


def test_a_scene_that_breaks_is_told_and_the_others_are_made(tmp_path: Path) -> None:
    found = measure(WANTED, a_broken_scene, tmp_path)
    assert [cell.purchases for cell in found.cells] == [10, 10]
    assert sorted(found.broken) == [
        f"python -m simulator.tools.promise replay {air} ios 1 0 --scene 10"
        for air in ("bad", "shop")
    ]
    assert not found.is_ok


def test_what_is_stored_is_not_made_again(tmp_path: Path) -> None:
    first = measure(WANTED, a_scene, tmp_path)
    assert first.stored == 0
    again = measure(WANTED, a_broken_scene, tmp_path)  # would break, were it asked
    assert again.stored == 4
    assert (again.cells, again.broken) == (first.cells, [])
    more = measure(WANTED._replace(purchases=30), a_scene, tmp_path)
    assert (more.stored, [cell.purchases for cell in more.cells]) == (4, [30, 30])
    assert measure(WANTED, a_scene, tmp_path).cells == first.cells
    assert measure(WANTED, a_scene, tmp_path, fresh=True).stored == 0


def test_a_run_that_is_broken_off_keeps_its_scenes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_and_ctrl_c(*arguments: object) -> Iterator[jobs.MadeScene]:
        yield jobs.make(SceneJob("shop", "ios", 1, 10), a_scene)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "run", one_and_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            measure(WANTED, a_scene, tmp_path)
    assert measure(WANTED, a_scene, tmp_path).stored == 1


@pytest.mark.parametrize("lost", [1, 40, 500])
def test_a_scene_that_was_cut_off_is_made_again(
    store: RecordStore, tmp_path: Path, lost: int
) -> None:
    for seed in (1, 2):
        store.add(jobs.make(JOB._replace(seed=seed), a_scene))
    path = tmp_path / "shop-ios.jsonl"
    path.write_bytes(path.read_bytes()[:-lost])
    again = RecordStore(tmp_path, HEAD)
    again.open()
    assert again.done("shop", "ios") == {1}
    assert list(again.records("shop", "ios")) == a_scene(JOB._replace(seed=1))
    again.add(jobs.make(JOB._replace(seed=2), a_scene))
    assert again.done("shop", "ios") == {1, 2}


@pytest.mark.parametrize("head", [RunHead("other sources", 4), RunHead("abc", 5)])
def test_records_of_other_sources_or_scenes_are_thrown_away(
    store: RecordStore, tmp_path: Path, head: RunHead
) -> None:
    store.add(jobs.make(JOB, a_scene))
    other = RecordStore(tmp_path, head)
    other.open()
    assert other.done("shop", "ios") == set()


def test_a_fingerprint_is_of_the_sources() -> None:
    """Each file that makes a purchase counts; its name would not be missed."""
    assert fingerprint() == fingerprint()
    assert len(fingerprint()) == 64
    assert [name for name in MAKERS if not (ROOT / name).is_file()] == []


def test_a_purchase_is_replayed_by_its_command() -> None:
    assert replay.command("bad", "ios", 3, 4) == (
        "python -m simulator.tools.promise replay bad ios 3 4"
    )
