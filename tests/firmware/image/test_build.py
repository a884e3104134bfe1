"""The command that builds images, as far as it goes without a container."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from firmware.tools.sdkconfig import IMAGE
from simulator.hardware.rv32 import sources

from .test_settings import BOARDS


def build(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(IMAGE / "build"), *arguments],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_dry_run_prints_a_command_for_each_board(tmp_path: Path) -> None:
    done = build("all", "--output", str(tmp_path / "out"), "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    clone, *_ = lines = done.stdout.splitlines()
    assert clone.startswith(f"git clone --depth 1 --branch v{sources.VERSION} ")
    containers = [line for line in lines if line.startswith("docker run ")]
    assert {line.split()[-1] for line in containers} == set(BOARDS)
    for line in containers:
        board = line.split()[-1]
        assert " espressif/idf:v5.2.2 bash /tillsign/firmware/image/build_inside " in line
        assert " SOURCE_DATE_EPOCH=1700000000 " in line
        assert f" {tmp_path / 'out' / board}:/output " in line
        assert f" {tmp_path / 'out/firmware'}:/frozen:ro --env TILLSIGN_FROZEN=/frozen " in line
    assert not (tmp_path / "out").exists()


def test_one_board_and_another_container() -> None:
    done = build("TILLSIGN_S3", "--dry-run", CONTAINER="espressif/idf@sha256:00")
    containers = [line for line in done.stdout.splitlines() if line.startswith("docker run ")]
    assert [line.split()[-4:] for line in containers] == [
        ["espressif/idf@sha256:00", "bash", "/tillsign/firmware/image/build_inside", "TILLSIGN_S3"]
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which board?"),
        (("TILLSIGN_C9", "--dry-run"), "no board is called TILLSIGN_C9"),
        (("TILLSIGN_C3", "TILLSIGN_C6"), "one board, or all"),
        (("--dry",), "unknown option --dry"),
        (("TILLSIGN_C3", "--output"), "--output needs a folder"),
    ],
)
def test_what_it_does_not_take(arguments: tuple[str, ...], said: str) -> None:
    done = build(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_sources_are_pinned_by_a_commit_and_files_are_where_the_container_looks() -> None:
    assert re.search(r"^COMMIT=[0-9a-f]{40}$", (IMAGE / "build").read_text(), re.MULTILINE)
    inside = (IMAGE / "build_inside").read_text()
    assert "board=/tillsign/firmware/image/boards/$1" in inside
    assert "-m firmware.tools.sdkconfig " in inside
    for script in ("build", "build_inside"):
        assert os.access(IMAGE / script, os.X_OK)
        subprocess.run(["bash", "-n", str(IMAGE / script)], check=True)
