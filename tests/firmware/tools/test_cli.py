"""`tillsign firmware traceback`: what a technician pastes, in the names of the sources."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bridge.cli.main import main
from tests.receiver.host.test_name_map import LONG, MAP, SHORT


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder of maps, each traceback by its own; from standard input too."""
    (tmp_path / "one.names.json").write_text(MAP.to_json())
    (tmp_path / "two.names.json").write_text(MAP._replace(build="12345678").to_json())
    (tmp_path / "text").write_text(SHORT + "ValueError: 0\n")
    text = LONG + "ValueError: nested too deeply\n"
    assert main(["firmware", "traceback", "--names", str(tmp_path), str(tmp_path / "text")]) == 0
    assert capsys.readouterr().out == text
    monkeypatch.setattr("sys.stdin", io.StringIO(SHORT + "ValueError: 0\n"))
    assert main(["firmware", "traceback", "--names", str(tmp_path / "one.names.json")]) == 0
    assert capsys.readouterr().out == text
    assert main(["firmware", "traceback", "--names", str(tmp_path / "none.json")]) == 2
