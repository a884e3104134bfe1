"""The RISC-V machine: a 32-bit heap in a pool, a flash, and what it says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from littlefs import LittleFS

from firmware.tools.bundle import rom_names
from firmware.tools.package import file_system
from firmware.tools.package.file_system import BLOCK
from simulator.hardware.rv32 import image, program, sources, toolchain

chip = pytest.mark.usefixtures("machine")


def on_machine(*lines: str, **files: bytes) -> list[str]:
    """The words that a program prints."""
    stored = {f"/{name}": content for name, content in files.items()}
    return program.run({"/program.py": "\n".join(lines).encode(), **stored}).split()


@chip
def test_its_words_have_32_bits() -> None:
    assert on_machine("import sys", "print(sys.maxsize, sys.byteorder)") == ["2147483647", "little"]


@chip
def test_its_heap_grows_in_pieces_out_of_one_pool() -> None:
    lines = (
        "import gc, virt",
        "free = virt.pool()[0]",
        "kept = [bytearray(1000) for _ in range(100)]",
        "print(free - virt.pool()[0])",
        "kept = [bytearray(1000) for _ in range(200)]",
    )
    taken, *_ = on_machine(*lines)
    assert 64_000 < int(taken) < 70_000  # as large as the heap before
    with pytest.raises(program.ProgramError, match="MemoryError"):
        program.run({"/program.py": "\n".join(lines).encode()}, pool=(150_000,))


@chip
def test_a_pool_of_two_pieces_has_no_third() -> None:
    source = b"import virt\nprint(*virt.pool()[:2])"
    whole = program.run({"/program.py": source}, pool=(100_000, 40_000)).split()
    assert [int(word) for word in whole] == [100_000 + 40_000 - 64 * 1024 - 8, 40_000 - 8]


@chip
def test_native_code_comes_out_of_the_same_pool() -> None:
    viper = (
        b"@micropython.viper\ndef twice(x: int) -> int:\n    return x + x\n"
        b"import virt\nprint(virt.pool()[3], twice(21))"
    )
    native, answer = program.run({"/program.py": viper}).split()
    assert (int(native) > 20, answer) == (True, "42")


@chip
def test_instructions_are_counted_alike_each_time() -> None:
    lines = ("import virt", "a = virt.cycles()", "sum(range(1000))", "print(virt.cycles() - a)")
    first, second = on_machine(*lines), on_machine(*lines)
    assert first == second
    assert 10_000 < int(first[0]) < 1_000_000


@chip
def test_a_program_that_fails_says_where() -> None:
    with pytest.raises(program.ProgramError, match=r"program\.py.*line 2[\s\S]*ZeroDivisionError"):
        program.run({"/program.py": b"\n1 / 0"})


@chip
def test_its_flash_and_its_store_keep_what_was_written() -> None:
    assert on_machine(
        "import esp32, os",
        "with open('/made', 'w') as file:",
        "    file.write('kept')",
        "print(open('/given').read(), open('/made').read(), os.stat('/given')[6])",
        "store = esp32.NVS('tillsign')",
        "store.set_blob('key', b'0123')",
        "store.commit()",
        "found = bytearray(8)",
        "print(store.get_blob('key', found), found[0], len(os.urandom(5)))",
        given=b"before",
    ) == ["before", "kept", "6", "4", "48", "5"]


@chip
@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("store.get_blob('absent', bytearray(4))", -0x1102),
        ("store.set_blob('long', b'01234567'); store.get_blob('long', bytearray(4))", -0x110C),
        ("store.set_blob('a name that is too long', b'')", -0x1109),
        ("store.erase_key('absent')", -0x1102),
    ],
    ids=["absent", "longer than the buffer", "name", "erased"],
)
def test_its_store_fails_as_a_chips_does(line: str, number: int) -> None:
    with pytest.raises(program.ProgramError, match=rf"OSError: (\[Errno )?{number}"):
        on_machine("import esp32", "store = esp32.NVS('tillsign')", line)


@chip
def test_a_watchdog_that_is_not_fed_resets() -> None:
    """The program never ends by itself; the machine's end is a reset."""
    found = on_machine(
        "import machine", "print('on')", "machine.WDT(timeout=5)", "while True: pass"
    )
    assert found == ["on"]


def test_a_flash_is_the_same_each_time_and_holds_its_files() -> None:
    files = {"/a/b/c.mpy": b"code", "/main.py": b"", "/a/d": bytes(10_000)}
    made = file_system.packed(files)
    assert made == file_system.packed(dict(reversed(files.items())))
    assert len(made) == file_system.BLOCKS * BLOCK
    read = LittleFS(block_size=BLOCK, block_count=file_system.BLOCKS, mount=False)
    read.context.buffer[:] = made
    read.mount()
    assert {name: read.open(name, "rb").read() for name in files} == files


@chip
def test_the_names_for_bundles_are_in_its_rom() -> None:
    """A name that is in no ROM costs a board memory."""
    image.stock()
    made = (image.BUILD / "stock/genhdr/qstrdefs.generated.h").read_text()
    assert set(re.findall(r'^QDEF[01]\(.*, "(\w+)"\)$', made, re.MULTILINE)) >= rom_names.ALL


def test_files_below_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x/__pycache__").mkdir(parents=True)
    (tmp_path / "x/one.py").write_bytes(b"1")
    (tmp_path / "x/__pycache__/one.pyc").touch()
    assert file_system.files_below(tmp_path, "/slot") == {"/slot/x/one.py": b"1"}


def test_missing_programs_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(toolchain.ToolsMissingError) as error:
        toolchain.require()
    for package in ("qemu-system-misc", "gcc-riscv64-unknown-elf", "make"):
        assert package in str(error.value)


def test_an_archive_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = tmp_path / "mirror" / sources._POOL
    pool.mkdir(parents=True)
    (pool / sources._ARCHIVE).write_bytes(b"something else")
    monkeypatch.setattr(sources, "_mirrors", lambda: [(tmp_path / "mirror").as_uri()])
    with pytest.raises(sources.SourcesError, match="its SHA-256 is"):
        sources.unpacked(tmp_path / "build")
    monkeypatch.setattr(sources, "_mirrors", list)
    with pytest.raises(sources.SourcesError, match="knows no mirror"):
        sources.unpacked(tmp_path / "build")
