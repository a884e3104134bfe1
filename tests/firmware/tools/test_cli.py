"""`tillsign firmware traceback`: what a technician pastes, in the names of the sources."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from bridge.cli.main import main
from bridge.observability import logs
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


@pytest.mark.parametrize("form", logs.FORMATS)
@pytest.mark.parametrize(("event", "ends"), [("receiver crashed", "\n"), ("not a frame", "\r\n")])
def test_the_log_of_a_bridge_that_knew_no_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, event: str, ends: str
) -> None:
    """In either form, with what a journal puts before a line; other lines stay."""
    stream, text = io.StringIO(), SHORT + "ValueError: 0\n"
    (tmp_path / "names.json").write_text(MAP.to_json())
    formatter = logs.Formatter(form)
    for what, fields in ((event, {"till": 7, "text": text.replace("\n", ends)}), ("ready", {})):
        line = logs._Line("bridge", logging.INFO, what, fields)  # type: ignore[arg-type]
        stream.write(f"till-7 tillsign[1]: {formatter.format(line)}\n")
    (tmp_path / "log").write_text(stream.getvalue())
    command = ["firmware", "traceback", "--names", str(tmp_path / "names.json")]
    assert main([*command, str(tmp_path / "log")]) == 0
    found = [line.strip() for line in capsys.readouterr().out.splitlines()]
    words = (LONG + "ValueError: nested too deeply").splitlines()
    assert found[-len(words) - 1 : -1] == [line.strip() for line in words]
    assert "ready" in found[-1]
