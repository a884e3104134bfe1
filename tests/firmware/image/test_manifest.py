"""What the manifest freezes: the device's files, or a folder that was made of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware.tools.compile import ROOT, device_files
from firmware.tools.sdkconfig import IMAGE

LIBRARY = "firmware/device/lib/"
LOADER = "firmware/device/main.py"


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Path]]:
    """Run the manifest as MicroPython's tools/manifestfile.py does: name in the image → file."""

    def run() -> dict[str, Path]:
        found: dict[str, Path] = {}
        included: list[str] = []

        def freeze(path: str, script: tuple[str, ...], *, opt: int) -> None:
            assert opt == 3
            for name in script:
                assert name not in found
                found[name] = Path(path, name)

        monkeypatch.chdir(IMAGE)
        text = (IMAGE / "manifest.py").read_text()
        exec(text, {"include": included.append, "freeze": freeze})
        assert included == []  # nothing but the firmware
        return found

    return run


def test_without_a_folder_it_is_every_file_of_the_device(
    frozen: Callable[[], dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TILLSIGN_FROZEN", raising=False)
    found = frozen()
    assert sorted(found.values()) == sorted(ROOT / path for path in device_files())
    for name, path in found.items():
        place = path.relative_to(ROOT).as_posix()
        assert name == ("main.py" if place == LOADER else place.removeprefix(LIBRARY))


def test_a_folder_is_frozen_as_it_is_in_one_order(
    frozen: Callable[[], dict[str, Path]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("main.py", "b.py", "a.py", "firmware/device/boot.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "notes.txt").touch()
    monkeypatch.setitem(os.environ, "TILLSIGN_FROZEN", str(tmp_path))
    found = frozen()
    assert list(found) == ["a.py", "b.py", "firmware/device/boot.py", "main.py"]
    assert all(path == tmp_path / name for name, path in found.items())


def test_a_folder_that_is_not_there_ends_the_build(
    frozen: Callable[[], dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TILLSIGN_FROZEN", "no/such/folder")
    with pytest.raises(ValueError, match="nothing to freeze in no/such/folder"):
        frozen()
