"""The loader in an image of our own: two partitions, and a chip that may refuse or roll back."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.device import main as loader
from firmware.device import slots


class Chip:
    """`esp32.Partition`, and the chip's boot loader behind it. `empty`: a slot without an image."""

    RUNNING, TYPE_APP = 1, 0

    def __init__(self) -> None:
        self.label = self.set = self.valid = "ota_0"
        self.empty: set[str] = set()
        self.dead: set[str] = set()  # images that never get to their loader
        self.asked = ""

    def __call__(self, which: int) -> Chip:
        assert which == self.RUNNING
        self.asked = self.label
        return self

    def info(self) -> tuple[int, int, int, int, str, bool]:
        return 0, 0, 0, 0, self.asked, False

    def find(self, kind: int, *, label: str) -> list[Chip]:
        assert kind == self.TYPE_APP
        self.asked = label
        return [self] if label in ("ota_0", "ota_1") else []

    def set_boot(self) -> None:
        if self.asked in self.empty:
            raise OSError(-5379)
        self.set = self.asked

    def keep(self) -> None:
        """As `mark_app_valid_cancel_rollback`."""
        self.valid = self.label

    def start(self) -> str:
        """Start as the chip does until a loader runs its firmware; return the slot."""
        for _ in range(8):
            if self.set in self.dead or (self.set == self.label != self.valid):
                self.set = self.valid  # it was tried once and not kept, or never started
            self.label = self.set
            chosen: str = loader.choose_image(self)
            if chosen:
                return chosen
        raise AssertionError("it never settles on an image")


@pytest.fixture
def chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chip:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest").touch()
    return Chip()


def settle(chip: Chip) -> None:
    """What firmware does once it is well."""
    chip.keep()
    slots.settle()


def present() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(Path().glob("s[le]*"))}


def test_a_new_board_runs_its_first_image(chip: Chip) -> None:
    assert chip.start() == chip.start() == "a"
    assert present() == {}


def test_new_firmware_is_tested_then_tried_then_kept(chip: Chip) -> None:
    assert slots.order(2, 1)
    assert (chip.start(), loader.is_ordered()) == ("b", True)
    assert slots.order(2, 0)
    assert (chip.start(), loader.is_ordered()) == ("b", False)
    assert present() == {"slot.trial": "b"}
    settle(chip)
    assert present() == {"slot": "b"}
    assert chip.start() == chip.start() == "b"
    assert slots.order(1, 0)  # and the next one goes to the first partition
    assert chip.start() == "a"
    settle(chip)
    assert chip.start() == "a"


@pytest.mark.parametrize("service", [0, 1])
def test_any_other_reset_ends_the_trial(chip: Chip, service: int) -> None:
    slots.order(2, service)
    assert chip.start() == "b"
    assert loader.is_ordered() == bool(service)
    assert chip.start() == chip.start() == "a"
    assert not loader.is_ordered()
    assert present() == {}


def test_an_image_that_never_starts_is_tried_once(chip: Chip) -> None:
    chip.dead.add("ota_1")
    slots.order(2, 0)
    assert chip.start() == chip.start() == "a"
    assert present() == {}


def test_a_slot_without_an_image_is_not_tried(chip: Chip) -> None:
    chip.empty.add("ota_1")
    slots.order(2, 0)
    assert chip.start() == "a"
    assert present() == {}


def test_a_power_cut_between_keeping_the_image_and_the_file_falls_back(chip: Chip) -> None:
    slots.order(2, 0)
    assert chip.start() == "b"
    chip.keep()
    assert chip.start() == chip.start() == "a"
    assert present() == {}


def test_what_cannot_be_marked_as_tried_is_not_tried(
    chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_names: str) -> None:
        raise OSError(28)

    slots.order(2, 0)
    monkeypatch.setattr("os.rename", full)
    assert chip.start() == "a"
