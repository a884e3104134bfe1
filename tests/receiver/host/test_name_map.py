"""A traceback of an image reads as one of its sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.host import name_map
from receiver.host.name_map import NameMap, NameMaps

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
    symbols={"dh": "standing in"},
    texts=["nested too deeply", "cbor: %s", "%s does not fit its field"],
)
SHORT = """\
boot text
Traceback (most recent call last):
  File "t79e3d040", line 1, in dh
  File "asyncio/core.py", line 1, in run
  File "t79e3d040", line 1, in ab
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
        ("b: (4, (2, 'dh'))", "Error: wrong_order: standing in does not fit its field"),
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


def test_a_frozen_image_is_found_by_its_files_name() -> None:
    assert MAP.traceback(SHORT.replace('040"', '040.py"')) == LONG


def test_the_log_of_a_known_firmware(tmp_path: Path) -> None:
    """A map that is put there later is found; a broken one beside it does no harm."""
    maps, known = NameMaps(tmp_path), bytes.fromhex(MAP.firmware_hash)
    assert maps.log_line(known, "(1, 0)") == "(1, 0)"
    (tmp_path / "a.names.json").write_text("not a map")
    (tmp_path / "b.names.json").write_text(MAP.to_json())
    assert maps.log_line(known, "(1, 0)") == "cbor: nested too deeply"
    assert maps.log_line(known, "in words") == "in words"
    assert maps.log_line(bytes(8), "(1, 0)") == "(1, 0)"
    assert NameMaps(None).log_line(known, "(1, 0)") == "(1, 0)"


def test_a_name_of_many_methods() -> None:
    """The first few are told, and how many more there are."""
    many = [(f"C{n}.x", "a.py", n) for n in range(12)]
    told = MAP._replace(functions={"dh": many}).traceback('File "t79e3d040", line 1, in dh')
    assert told.count("File") == name_map.PLACES_MOST
    assert told.endswith('File "a.py", line 8, in C8.x or 3 more')


def test_a_traceback_of_any_build_that_is_known(tmp_path: Path) -> None:
    """Also of two; one that is put there later is found."""
    maps = NameMaps(tmp_path)
    assert maps.traceback(SHORT) == SHORT
    other = MAP._replace(build="12345678", firmware_hash="ff" * 8)
    for name, each in (("a", MAP), ("b", other)):
        (tmp_path / f"{name}.names.json").write_text(each.to_json())
    both = SHORT + SHORT.replace(MAP.build, other.build)
    assert maps.traceback(both, bytes(8)) == LONG + LONG
    assert maps.traceback("ValueError: 0", bytes.fromhex(MAP.firmware_hash)).endswith("deeply")
    assert maps.traceback("ValueError: 0") == "ValueError: 0"


@given(st.text("bTraceackFile\"t79d04, in(d)hor\n0123{}[]'%", max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    assert MAP.traceback(text).count("\n") == text.count("\n")
    MAP.traceback("ValueError: (" + text)
