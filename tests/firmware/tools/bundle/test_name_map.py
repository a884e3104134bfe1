"""A traceback of an image reads as one of its sources."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bridge.cli.main import main
from firmware.tools.bundle import slot
from receiver.host import name_map
from receiver.host.name_map import NameMap
from simulator.world.receiver_command import ROOT

MAP = NameMap(
    firmware_hash="0011223344556677",
    build="79e3d040",
    functions={
        "dh": [("main", "firmware/device/boot.py", 23)],
        "ab": [
            ("Sale.erase", "receiver/core/sale_session.py", 220),
            ("Pool.erase", "receiver/core/key_pool.py", 55),
        ],
    },
    classes={"b": "Error"},
    attributes={"c": "amount"},
    texts=["nested too deeply", "cbor: %s", "%s does not fit its field"],
)
SHORT = """\
boot text
Traceback (most recent call last):
  File "79e3d040", line 1, in dh
  File "asyncio/core.py", line 1, in run
  File "79e3d040", line 1, in ab
"""
LONG = """\
boot text
Traceback (most recent call last):
  File "firmware/device/boot.py", line 23, in main
  File "asyncio/core.py", line 1, in run
  File "receiver/core/sale_session.py", line 220, in Sale.erase or \
File "receiver/core/key_pool.py", line 55, in Pool.erase
"""


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("b: (1, (1, 0))", "Error: malformed: cbor: nested too deeply"),
        ("ValueError: (2, 'c')", "ValueError: amount does not fit its field"),
        ("ValueError: 0", "ValueError: nested too deeply"),
        ("KeyError: 0", "KeyError: 0"),
        ("MemoryError: memory allocation failed", "MemoryError: memory allocation failed"),
    ],
)
def test_a_traceback(short: str, long: str) -> None:
    assert MAP.traceback(SHORT + short) == LONG + long


def test_a_traceback_of_another_build_stays() -> None:
    other = SHORT.replace("79e3d040", "00000000")
    assert MAP.traceback(other) == other


def test_a_file_that_is_no_map(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"build": 1}', "not JSON"):
        (tmp_path / "x.names.json").write_text(text)
        with pytest.raises(ValueError, match="is not a name map"):
            name_map.load_all(tmp_path)


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


def test_the_map_of_a_slot(tmp_path: Path) -> None:
    """It names every function of the image by file and line."""
    made = slot.write(ROOT, tmp_path / "a", slot.Machine())
    found = NameMap.load(made.name_map)
    assert (found.build, found.firmware_hash) == (made.build, made.firmware_hash)
    for places in found.functions.values():
        for name, file, line in places:
            lines = (ROOT / file).read_text().splitlines()
            near = "\n".join(lines[line - 1 : line + 2])  # behind its decorators
            assert f"def {name.split('.')[-1]}(" in near
