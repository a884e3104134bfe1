"""The technician's pages name commands, steps and texts that exist."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec

import pytest

from bridge.cli.main import _parser
from firmware.device import lamp
from receiver import reasons
from receiver.host.texts import texts
from simulator.tools.bringup.steps import NAMES
from simulator.tools.generate.lamp import _WORDS
from tests.architecture.tree import ROOT

TECHNICIAN, BRINGUP = (
    (ROOT / "docs" / name).read_text() for name in ("technician.md", "hardware-bringup.md")
)
_FENCED = re.compile(r"```\n(.*?)```", re.DOTALL)
_INLINE = re.compile(r"`tillsign ((?:[a-z]+ ?)+)")


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table whose first head is this."""
    lines = text[text.index(f"| {head} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def commands() -> list[str]:
    """Every command line of both pages, in fences and in the table."""
    fenced = [
        line
        for text in (TECHNICIAN, BRINGUP)
        for part in _FENCED.findall(text)
        for line in part.splitlines()
    ]
    table = [row[1].strip("`") for row in rows(BRINGUP, "to confirm")]
    return [line for line in (*fenced, *table) if line.startswith("tillsign ")]


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_a_command_line_is_one(line: str) -> None:
    """The installed command takes it as it stands there."""
    parsed = _parser().parse_args(shlex.split(line)[1:])
    assert set(getattr(parsed, "only", None) or ()) <= set(NAMES)


def test_commands_in_the_text_exist() -> None:
    known = _known()
    named = {found.strip() for text in (TECHNICIAN, BRINGUP) for found in _INLINE.findall(text)}
    assert len(named) > 10
    assert {name for name in named if name not in known} == set()


def _known() -> set[str]:
    from importlib.metadata import entry_points

    from receiver.host.command import GROUP

    return {point.name for point in entry_points(group=GROUP)}


@pytest.mark.parametrize("row", rows(BRINGUP, "to confirm"), ids=lambda row: row[0][:40])
def test_what_hardware_must_confirm_has_its_command_and_figure(row: list[str]) -> None:
    what, command, figure, why = row
    assert what
    assert figure
    assert why
    line = command.strip("`")
    if line.startswith("python -m "):
        assert find_spec(line.split()[2]) is not None
    elif not line.startswith("tillsign "):
        assert (ROOT / line.split()[0]).is_file()


def test_every_step_is_described_and_used() -> None:
    assert [row[0].strip("`") for row in rows(BRINGUP, "step")] == list(NAMES)
    used = set(re.findall(r"--only ([a-z-]+)`", BRINGUP))
    assert set(NAMES) - {"board"} <= used


def test_every_lamp_state_is_drawn_and_differs_without_colour() -> None:
    assert _WORDS.keys() == set(range(len(lamp.PATTERNS)))
    patterns = [lit for _, lit in lamp.PATTERNS]
    assert len(set(patterns)) == len(patterns)


def test_texts_and_faults_are_the_real_ones() -> None:
    spoken = {texts(number).cashier_sv for number in reasons.NAMES}
    quoted = re.findall(r"\*([A-ZÅÄÖ][^*]+\.)\*", TECHNICIAN)
    assert len(quoted) == 3
    assert set(quoted) <= spoken
    names = set(reasons.NAMES.values())
    assert set(re.findall(r"fault `(\w+)`", TECHNICIAN)) <= names
