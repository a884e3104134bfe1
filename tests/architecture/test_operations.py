"""The page for those who run bridges says what the code says."""

from __future__ import annotations

import configparser
import importlib
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from bridge import foreign_code
from bridge.cli import main as cli
from bridge.config import configuration, private_files
from bridge.config.configuration import (
    DEFAULT_DRAIN_S,
    DEFAULT_LISTEN,
    DEFAULT_TIMEOUT_S,
    ConfigError,
)
from bridge.journal import writer
from bridge.observability.logs import Fields
from bridge.observability.metrics import METRICS, PHASES, Metrics, exposed
from bridge.till.rest import requests
from bridge.till.server import access, listener, rate_limits
from receiver.host.command import USAGE
from tests.architecture.tree import ROOT
from tests.bridge.observability.test_metrics import looked

PAGE = (ROOT / "docs/operations.md").read_text()
UNIT = ROOT / "docs/tillsign-bridge.service"
RULES = ROOT / "docs/99-tillsign-receivers.rules"
TABLES = ("bridge", "till", "authority", "receiver", "offline", "updates")


def example() -> str:
    found = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def known_keys(directory: Path, table: str) -> set[str]:
    """What the configuration asks for in one table, in its own words."""
    heading = f"[[{table}]]" if table == "receiver" else f"[{table}]"
    text = example() if heading in example() else f"{example()}\n{heading}\n"
    path = directory / "bridge.toml"
    path.write_text(text.replace(heading, f"{heading}\nnobody_knows = 1"))
    with pytest.raises(ConfigError) as caught:
        configuration.load(path)
    return set(str(caught.value).partition("known keys: ")[2].split(", "))


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_there_and_no_other(table: str, tmp_path: Path) -> None:
    shown = re.findall(rf"^\| `\[{{1,2}}{table}\]{{1,2}} (\w+)` \|", PAGE, re.MULTILINE)
    assert set(shown) == known_keys(tmp_path, table)


def test_the_example_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text(example())
    assert configuration.load(path).receivers[0].serial
    assert set(tomllib.loads(example())) == set(TABLES) - {"offline", "updates"}


def test_defaults_are_those_of_the_code() -> None:
    assert f"`[bridge] drain_s` | {DEFAULT_DRAIN_S:g} |" in PAGE
    assert f"`[till] listen` | `{DEFAULT_LISTEN}` |" in PAGE
    assert f"`[authority] timeout_s` | {DEFAULT_TIMEOUT_S:g} |" in PAGE
    least, most = private_files.TOKEN_LEAST, private_files.TOKEN_MOST
    assert f"file with {least} to {most} characters" in PAGE


def test_limits_are_those_of_the_code() -> None:
    for row in (
        f"| {rate_limits.REQUESTS_PER_S:g} a second, {rate_limits.BURST:g} at once |",
        f"| connections | {listener.CONNECTIONS_MOST} |",
        f"| {access.POLLS_MOST} | 503 `too-many-polls` |",
        f"| {access.WATCHERS_MOST} | 503 `too-many-watchers` |",
        f"| {listener.LINE_MOST} bytes, {listener.FIELD_MOST} bytes, "
        f"{listener.FIELDS_MOST} | 400 |",
        f"| {requests.BODY_MOST} bytes, within {access.BODY_S:g} s | 413, 408 |",
        f"| {listener.KEEP_ALIVE_S:g} s | closed |",
        f"| {listener.STUCK_LOOKS * listener.LOOK_S:g} s | closed |",
    ):
        assert row in PAGE
    assert f"below {writer.ROOM // (1 << 20)} MB nothing new is sold" in PAGE


def test_every_field_of_a_log_line_is_there_and_no_other() -> None:
    logs = PAGE.partition("## Logs")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", logs, re.MULTILINE)) == set(Fields.__annotations__)


async def test_every_metric_is_there_and_no_other() -> None:
    text = (await Metrics((7,), looked).render()).decode()
    found = set(re.findall(r"^# TYPE (tillsign_\w+)", text, re.MULTILINE))
    assert {exposed(name) for name in METRICS} == found
    alarms = PAGE.partition("When to raise an alarm:")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(tillsign_\w+)` \|", alarms, re.MULTILINE)) == found
    assert [phase for phase in PHASES if f"{phase} (" not in METRICS["phase_seconds"].text] == []


def test_the_backup_units_fit_the_command() -> None:
    """What the timer starts is what the page shows, and what the command takes."""
    service, timer = (_unit(ROOT / f"docs/tillsign-backup.{kind}") for kind in ("service", "timer"))
    command = service["Service"]["ExecStart"].partition("/tillsign ")[2]
    assert f"tillsign {command}" in PAGE
    with pytest.raises(SystemExit) as told:
        cli.main([*command.split(), "--help"])
    assert told.value.code == 0
    assert command.split()[2] in service["Service"]["ReadWritePaths"].split()
    assert int(service["Service"]["UMask"], 8) == private_files.UMASK
    assert service["Service"]["User"] == _unit(UNIT)["Service"]["User"]
    assert timer["Timer"]["OnCalendar"]


def _unit(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    return unit


def test_the_unit_fits_the_command() -> None:
    service = _unit(UNIT)["Service"]
    assert service["ExecStart"].split()[1:3] == ["bridge", "run"]
    assert service["Type"] == "notify"
    assert int(service["RestartPreventExitStatus"]) == USAGE
    assert int(service["TimeoutStopSec"]) > DEFAULT_DRAIN_S + listener.SHUTDOWN_S
    assert int(service["UMask"], 8) == private_files.UMASK


def test_the_unit_never_gives_up_and_loads_its_drivers() -> None:
    text = UNIT.read_text()
    assert "StartLimitIntervalSec=0" in text.partition("[Service]")[0]
    assert "Restart=always" in text
    for driver in ("cdc_acm", "cp210x", "ch341", "ftdi_sio", "pl2303"):
        for key in ("Wants", "After"):
            assert re.search(rf"^{key}=.*modprobe@{driver}\.service", text, re.MULTILINE)


def test_the_unit_is_one_for_systemd(tmp_path: Path) -> None:
    """Read by its own tool, where that is there; keys newer than it are no mistake."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        return
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.M))
    found = subprocess.run([tool, "verify", str(copy)], capture_output=True, text=True, check=False)
    complaints = [it for it in found.stderr.splitlines() if UNIT.name in it]
    assert [it for it in complaints if not re.search(r"RestartSteps|RestartMaxDelaySec", it)] == []


def test_the_rules_are_ones_for_udev() -> None:
    """Every line is made of keys and labels that are there (udev(7))."""
    lines = [it for it in RULES.read_text().splitlines() if it and not it.startswith("#")]
    part = re.compile(r"[A-Z]+(\{\w+\})?(==|!=|=|\+=)\"[^\"]*\"")
    parts = [it for line in lines for it in line.split(", ")]
    assert [it for it in parts if not part.fullmatch(it)] == []
    labels, jumps = ({*re.findall(rf'{it}="(\w+)"', "\n".join(lines))} for it in ("LABEL", "GOTO"))
    assert labels == jumps
    text = "\n".join(lines)
    for word in ("10c4", "ea60", "1a86", "7523", "55d4", "303a", "ID_MM_DEVICE_IGNORE"):
        assert word in text
    assert 'ENV{BRLTTY_BRAILLE_DRIVER}=""' in text


def test_every_edge_names_its_module_and_its_error() -> None:
    for edge in foreign_code.TABLE:
        module = importlib.import_module(edge.module)
        assert edge.error == "-" or hasattr(module, edge.error)
