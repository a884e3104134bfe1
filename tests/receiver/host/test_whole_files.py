"""A file is the old one or the new one, whatever fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from receiver.host import whole_files


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "folder" / "file"
    whole_files.write(place, b"one")
    whole_files.write(place, b"two", whole_files.PRIVATE)
    assert place.read_bytes() == b"two"
    assert place.stat().st_mode & 0o777 == whole_files.PRIVATE
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_cut_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = tmp_path / "file"
    whole_files.write(place, b"old")

    def fail(*_: object) -> None:
        raise OSError("cut")

    with monkeypatch.context() as patch:
        patch.setattr(os if step == "fsync" else Path, step, fail)
        with pytest.raises(OSError, match="cut"):
            whole_files.write(place, b"new")
    assert place.read_bytes() == b"old"
    whole_files.write(place, b"new")  # over what the cut left
    assert place.read_bytes() == b"new"
