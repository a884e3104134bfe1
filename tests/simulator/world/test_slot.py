"""The slot that a simulated receiver runs from: the device's files, and its hash over them."""

from __future__ import annotations

from pathlib import Path

from firmware.device import version
from simulator.world.receiver_command import PACKAGES, ROOT, slot


def test_it_holds_what_a_board_is_given(tmp_path: Path) -> None:
    made = slot(tmp_path / "a")
    assert {path.name for path in made.iterdir()} == {"receiver", "firmware"}
    assert {path.name for path in (made / "firmware").iterdir()} == {"device"}
    for package in PACKAGES:
        assert (made / package).resolve() == (ROOT / package).resolve()


def test_its_hash_is_that_of_a_copy(tmp_path: Path) -> None:
    """Whether a file is linked or not, and whatever CPython keeps beside it."""
    made = slot(tmp_path / "a")
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.parent.name != "__pycache__":
                copy = tmp_path / "b" / path.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    assert version.measure(str(tmp_path / "b")) == version.measure(str(made))
