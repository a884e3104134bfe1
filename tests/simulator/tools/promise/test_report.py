"""Tables, plots and comparisons of made-up runs."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from simulator.tools import figures as tables
from simulator.tools.promise import compare, pages, progress, report, table
from simulator.tools.promise.breakdown import CHECKED, COLD
from simulator.tools.promise.jobs import SceneJob
from simulator.tools.promise.record import PAID, UNKNOWN, Outcomes
from simulator.tools.promise.report import PromiseReport, PromiseReportError, cell
from tests.support.values.made_up_purchases import AIRS, PROFILES, a_scene, bought

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def measured() -> PromiseReport:
    cells = [
        cell(air, profile, a_scene(SceneJob(air, profile, 1, 80)))
        for air in AIRS
        for profile in PROFILES
    ]
    return PromiseReport(seed=1, scene=80, seconds=3.0, processes=2, stored=0, cells=cells)


def one(**changes: object) -> PromiseReport:
    found = [cell("shop", "ios", [bought(**changes)])]
    return PromiseReport(seed=7, scene=50, seconds=1.0, processes=1, stored=0, cells=found)


def test_a_report_survives_its_file(measured: PromiseReport, tmp_path: Path) -> None:
    path = tmp_path / "new" / "promise.json"
    report.save(measured, path)
    assert report.load(path) == measured


def test_what_is_no_report_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PromiseReportError, match="cannot be read"):
        report.load(tmp_path / "missing.json")
    path = tmp_path / "promise.json"
    path.write_text('{"seed": "one"}')
    with pytest.raises(PromiseReportError, match="measure again"):
        report.load(path)


def test_a_table_has_a_column_for_each_profile_and_a_row_for_each_goal(
    measured: PromiseReport,
) -> None:
    made = list(table.terminal(measured))
    assert len(made) == 3
    assert [len(each.columns) for each in made] == [6, 6, 6]
    assert [each.row_count for each in made] == [14, 14, 14]


def test_a_page_says_what_is_missed() -> None:
    page = table.page(one())
    assert "| last digit → approved, phone, p95 | ≤ 0.3 s | 0.500 s ✗ |" in page
    assert "| last digit → approved, till, p95 | ≤ 0.3 s | 0.250 s |" in page
    assert "| succeed without a second try | ≥ 99.95 % | 100 % (20.654 to 100) |" in page
    assert "| lost to one lost link, p95 | ≤ 1.5 s | – |" in page
    assert "| hold → offer, cold, p50 | ≤ 0.5 s | never ? |" in table.page(one(shown=None))


def test_a_breakdown_adds_up(measured: PromiseReport) -> None:
    page = table.breakdown_page(measured, "shop")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("|")]
    first = rows[2 : next(n for n, row in enumerate(rows) if row[0] == "| together") + 1]
    for column in range(1, len(first[0])):
        values = [float(row[column].rstrip(" |")) for row in first]
        assert sum(values[:-1]) == pytest.approx(values[-1], abs=0.5)


def test_failures_are_listed_with_what_replays_them(measured: PromiseReport) -> None:
    found = progress.failures(measured)
    assert len(found) == 12 * 2
    assert found[0] == (
        "python -m simulator.tools.promise replay quiet ios 1 39 --scene 80  # link_timeout"
    )


def test_a_failure_says_all_that_is_known_of_it() -> None:
    def why(**changes: object) -> str:
        (failure,) = one(**changes).cells[0].failures
        return failure.reason

    assert why(tries=2) == "held 2 times, rung up 1 times"
    assert why(outcomes=Outcomes(UNKNOWN, PAID, PAID), reason="no answer") == (
        "no answer; phone: unknown, till: paid, authority: paid"
    )
    assert one().cells[0].failures == []


def test_a_verdict_names_what_is_missed() -> None:
    assert progress.verdict(one(approved_phone=7.5)).startswith("The promise holds: 1 purchases")
    assert "does not hold (phone_p95 in 1 of 1)" in progress.verdict(one())


def test_before_and_after_show_what_differs() -> None:
    before, after = one(), one(approved_phone=7.5)
    assert list(compare.changes(before, after)) == [
        ("shop", "ios", "last digit → approved, phone, p95", "≤ 0.3 s", "0.500 s ✗", "0.250 s")
    ]
    assert list(compare.changes(after, after)) == []
    assert "| 0.500 s ✗ | 0.250 s |" in compare.page(before, after)
    tables.console().print(compare.terminal(before, after))


def test_pictures_are_svg_that_shows_every_profile(measured: PromiseReport, tmp_path: Path) -> None:
    pages.write(measured, tmp_path)
    stored = report.load(tmp_path / pages.BEFORE)
    assert [cell.figures for cell in stored.cells] == [cell.figures for cell in measured.cells]
    found = pages.pictures(tmp_path)
    assert len(found) == 4
    for name, source in found.items():
        root = ElementTree.fromstring(source)
        assert root.tag == f"{SVG}svg"
        assert (tmp_path / name).read_text() == source
        words = "".join(root.itertext())
        assert all(profile in words for profile in PROFILES)
    curves = ElementTree.fromstring(found["promise-cold.svg"]).findall(f"{SVG}polyline")
    assert len(curves) == 3 * 4 + 4  # and the legend's


def test_before_stays_what_it_was(measured: PromiseReport, tmp_path: Path) -> None:
    pages.write(measured, tmp_path)
    later = PromiseReport(2, 80, 3.0, 2, 0, measured.cells)
    pages.write(later, tmp_path)
    assert report.load(tmp_path / pages.BEFORE).seed == 1
    assert report.load(tmp_path / pages.AFTER).seed == 2


def test_distributions_say_never_as_nothing() -> None:
    found = cell("shop", "ios", [bought(), bought(shown=None)]).distributions
    assert found[COLD][0] == 0.5
    assert found[COLD][-1] is None
    assert found[CHECKED] == []
