"""Kernels are found, told apart and measured, and odd files are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.tools.compile import ARCHITECTURES, ROOT, device_files
from simulator.tools.chip import __main__ as command
from simulator.tools.chip import build, mpy

SOURCE = """
import micropython

def table():
    return 12345678901234567890

@micropython.viper
def first(a: int) -> int:
    return a

@micropython.viper
def copy(p: ptr8, q: ptr8):  # a name that MicroPython has itself
    p[0] = q[0]
"""


def file(folder: Path, source: str = SOURCE) -> Path:
    path = folder / "sample.py"
    path.write_text(source)
    return path


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_functions_are_told_apart(tmp_path: Path, architecture: str) -> None:
    found = build.functions(file(tmp_path), architecture)
    assert list(found) == ["first", "copy"]
    assert {function.architecture for function in found.values()} == {architecture}
    assert found["first"].code != found["copy"].code
    assert 50 < len(found["first"].code) < 200


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("square = lambda x: x * x", "3 scopes, 2 plain functions"),
        ("class Thing:\n    pass", "3 scopes, 2 plain functions"),
        ("if first:\n    def third():\n        pass", "3 scopes, 2 plain functions"),
        ("first.x = copy(1, lambda: 2)\n", "3 scopes, 2 plain functions"),
        ("def first():\n    pass", "first"),
        ("def outer():\n    def inner():\n        pass", "outer"),
        ("def defaults(a=1):\n    pass", "not bound to one name"),
        ("def broken(:", "SyntaxError"),
        ("@micropython.viper\ndef big() -> int:\n    return 0x40000000 << 2", "sample.py"),
    ],
)
def test_files_that_are_not_plain_are_refused(tmp_path: Path, line: str, text: str) -> None:
    source = SOURCE.replace("\ndef table():\n    return 12345678901234567890\n", "") + line
    with pytest.raises((build.BuildError, mpy.MalformedError), match=text):
        build.functions(file(tmp_path, source), "rv32imc")


def test_an_unknown_chip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match="x64 is not one of"):
        build.functions(file(tmp_path), "x64")


def compiled() -> bytes:
    return build.compile_source(SOURCE, "rv32imc", "sample.py")


def test_every_truncated_file_is_malformed() -> None:
    data = compiled()
    assert mpy.parse(data).names() == ["table", "first", None]
    for size in range(len(data)):
        with pytest.raises(mpy.MalformedError):
            mpy.parse(data[:size])


@pytest.mark.parametrize(
    ("at", "byte", "text"),
    [
        (0, ord("C"), "not an .mpy file"),
        (1, 5, "not an .mpy file of version 6"),
        (2, 11 << 2 | 2, "sub-version 2"),
        (2, 11 << 2 | 0x40 | 3, "extension"),
        (2, 2 << 2 | 3, "architecture 2"),
    ],
)
def test_other_headers_are_refused(at: int, byte: int, text: str) -> None:
    data = bytearray(compiled())
    data[at] = byte
    with pytest.raises(mpy.MalformedError, match=text):
        mpy.parse(bytes(data))


def test_bytes_after_the_end_are_refused() -> None:
    with pytest.raises(mpy.MalformedError, match="1 bytes after the end"):
        mpy.parse(compiled() + b"\0")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("path", build.kernel_files())
def test_every_kernel_compiles(path: str, architecture: str) -> None:
    assert build.functions(path, architecture)


def test_the_kernels_fit_into_instruction_ram() -> None:
    assert sum(build.sizes("xtensawin").values()) <= build.CODE_LIMIT


def test_native_code_is_nowhere_else() -> None:
    """Else the sum would not be the whole of it."""
    elsewhere = [path for path in device_files() if str(path) not in build.kernel_files()]
    assert [path for path in elsewhere if "@micropython." in (ROOT / path).read_text()] == []


def row(line: str) -> tuple[str, list[str]] | None:
    """Name and numbers of a line of the table, where it is one."""
    name, *numbers = line.replace("│", " ").split() or [""]
    return (name, numbers) if line.startswith("│") else None


def test_the_table_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main() == 0
    rows = dict(found for found in map(row, capsys.readouterr().out.splitlines()) if found)
    sizes = [build.sizes(architecture) for architecture in ARCHITECTURES]
    for name in sizes[0]:
        assert rows.pop(name) == [str(chip[name]) for chip in sizes]
    assert rows.pop("all") == [str(sum(chip.values())) for chip in sizes]
    assert rows.pop("limit") == [str(build.CODE_LIMIT)]
    assert rows == {}


def test_too_much_code_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "CODE_LIMIT", 10)
    assert command.main() == 1
    assert row(capsys.readouterr().out.splitlines()[-2]) == ("limit", ["10"])
