"""A release folder: what is in it, the same bytes each time, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from bridge.cli.main import main
from firmware.device import version
from firmware.tools.bundle.boards import boards
from firmware.tools.compile import ROOT
from firmware.tools.package import build as packaging
from firmware.tools.package import file_system, revision, targets, weights
from firmware.tools.package.build import Built, Options, build
from receiver.host.name_map import NameMap
from receiver.protocol import firmware

OPTIONS = Options(release=7, version="1.2.3", dirty=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build("unix", tmp_path_factory.mktemp("release") / "one", OPTIONS)


def every_file(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_the_slot_has_the_files_of_the_manifest_and_no_other(built: Built) -> None:
    manifest = firmware.decode(built.payload)
    assert manifest == built.manifest
    assert (manifest.release, manifest.board_class) == (7, "unix-littlefs")
    assert manifest.version.removesuffix(packaging.DIRTY) == "1.2.3"
    stated = {file.path: (file.size, file.hash) for file in manifest.files}
    found = every_file(built.slot)
    assert stated == {path: (len(data), sha256(data).digest()) for path, data in found.items()}
    assert (built.folder / packaging.MANIFEST).read_bytes() == built.payload


def test_the_image_is_the_flash_of_a_new_board(built: Built, tmp_path: Path) -> None:
    image = built.image.read_bytes()
    assert len(image) == 512 * file_system.BLOCK
    files = file_system.unpacked(image)
    slot = {f"/a/{path}": data for path, data in every_file(built.slot).items()}
    assert {name: data for name, data in files.items() if name.startswith("/a/")} == {
        **slot,
        "/a/manifest": built.payload,
    }
    assert files["/board"] == b"unix"
    assert sorted(set(files) - set(slot)) == ["/a/manifest", "/board", "/loader.mpy", "/main.py"]
    for name, data in files.items():
        place = tmp_path / name.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    assert version.measure(str(tmp_path / "a")).hex() == built.firmware_hash
    names = NameMap.load(built.folder / packaging.NAMES)
    assert names.firmware_hash == built.firmware_hash


def test_the_same_sources_give_the_same_bytes(built: Built, tmp_path: Path) -> None:
    """In another folder, another process, another time zone, and later."""
    command = ["firmware", "build", "--board", "unix", "--release", "7", "--version", "1.2.3"]
    program = (
        f"import sys; from bridge.cli.main import main; sys.exit(main({command!r} + sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--dirty", "--json", "--out", "two"],
        env={**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "3", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert every_file(tmp_path / "two") == every_file(built.folder)
    told = json.loads(done.stdout)
    assert told["over_budget"] == []
    assert told["image"]["sha256"] == sha256(built.image.read_bytes()).hexdigest()


def test_over_budget_fails_by_name(
    built: Built, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(weights, "LOADED_NAMES_MOST", 10)
    files = every_file(built.slot)
    heavy = built._replace(budgets=weights.budgets(files, built.target))
    assert [budget.name for budget in heavy.over_budget] == ["loaded_names"]
    assert not built.over_budget
    monkeypatch.setattr(packaging, "build", lambda *_: heavy)
    assert main(["firmware", "build", "--board", "unix", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["over_budget"] == ["loaded_names"]
    assert main(["firmware", "build", "--board", "unix"]) == 1
    assert "OVER BUDGET" in capsys.readouterr().out


def test_a_folder_of_something_else_stays(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photo").write_text("of the cat")
    assert main(["firmware", "build", "--board", "unix", "--out", str(tmp_path)]) == 1
    assert "no release folder" in capsys.readouterr().out
    assert (tmp_path / "photo").exists()


def test_an_unknown_board_is_named_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["firmware", "build", "--board", "toaster"]) == 2
    assert "esp32-s3-devkitc-1" in capsys.readouterr().err
    assert main(["firmware", "build", "--board", "list"]) == 0
    assert capsys.readouterr().out.split() == [*boards(ROOT), "unix"]


def test_changes_that_are_not_committed_are_refused_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = revision.Revision(bytes(20), 3, is_dirty=True)
    monkeypatch.setattr(revision, "of", lambda _: changed)
    with pytest.raises(packaging.BuildError, match="differ from their commit"):
        build("unix", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert packaging._stated(Options(dirty=True), ROOT)[2].endswith("+dirty")
    clean = changed._replace(is_dirty=False)
    monkeypatch.setattr(revision, "of", lambda _: clean)
    assert packaging._stated(Options(), ROOT) == (bytes(20), 3, version.VERSION)
    monkeypatch.setattr(revision, "of", lambda _: clean._replace(number=0))
    with pytest.raises(packaging.BuildError, match="say --release"):
        packaging._stated(Options(), ROOT)


@pytest.mark.parametrize("board", targets.names(ROOT))
def test_every_board_has_a_class_that_a_manifest_can_name(board: str) -> None:
    target = targets.target(ROOT, board)
    assert len(target.board_class) <= firmware.BOARD_CLASS_MOST
    assert target.machine.architecture in weights.LOADED_BYTES_MOST
    assert target.flash_mb in file_system.FLASH_SIZES


def test_blocks_are_those_of_the_partition() -> None:
    assert [file_system.blocks_of(size) for size in file_system.FLASH_SIZES] == [512, 1536, 3584]
