"""The loader and its slots: one trial for new firmware, and never a prompt on the line."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from firmware.device import main as loader
from firmware.device import slots
from receiver.link import wire
from simulator.hardware.rv32 import program
from tests.support.values.micropython import interpreter

LOADER = Path(loader.__file__)
ROOT = LOADER.parents[2]
BOARDS = LOADER.parent / "boards"
POWER_UP = ROOT / "tests/micropython/fake_board.py"
DEADLINE_S = 20


@pytest.fixture(autouse=True)
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The board's file system; the loader works in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files: str) -> None:
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text)


def present() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(Path().glob("slot*"))}


def test_both_halves_spell_the_files_alike() -> None:
    for name in ("SLOT", "NEXT", "TRIAL", "SERVICE", "RESET", "CRASH", "CRASHES"):
        assert getattr(slots, name) == getattr(loader, name)
    assert {"a", "b"} == {*slots.ROOTS} - {""}
    assert int(loader.RESET_CRASH) == wire.RESET_CRASH
    assert int(loader.RESET_UPDATE) == wire.RESET_UPDATE
    assert loader.COUNT_MOST == wire.CRASHES_MOST


def test_the_loader_knows_the_button_of_every_board() -> None:
    """It runs with no other file, so it repeats what the pin maps say."""
    texts = [path.read_text() for path in BOARDS.glob("[!_]*.py") if path.stem != "choice"]
    assert len(texts) == 7
    for text in texts:
        (chip,), (button,) = re.findall('CHIP = "(.*)"', text), re.findall(r"BUTTON = (\d+)", text)
        assert loader.BUTTONS[chip] == int(button)


def test_a_new_board_runs_from_its_first_directory() -> None:
    assert loader.choose() == "a"
    assert present() == {}


def test_the_slot_in_use() -> None:
    write(slot="b\n")
    assert loader.choose() == "b"
    assert loader.choose() == "b"


def test_new_firmware_is_tried_once() -> None:
    write(slot="a", slot_next="b")
    assert loader.choose() == "b"
    assert present() == {"slot": "a", "slot.trial": "b"}
    assert loader.choose() == "a"
    assert present() == {"slot": "a"}


def test_new_firmware_that_is_well_stays() -> None:
    write(slot="a", slot_next="b")
    loader.choose()
    slots.settle()
    assert present() == {"slot": "b"}
    assert loader.choose() == "b"


def test_settling_without_a_trial_changes_nothing() -> None:
    slots.settle()
    write(slot="b")
    slots.settle()
    assert present() == {"slot": "b"}


def test_an_update_during_a_trial_is_the_next_trial() -> None:
    write(slot="a", slot_trial="b", slot_next="c")
    assert loader.choose() == "c"
    assert present() == {"slot": "a", "slot.trial": "c"}


def test_an_empty_update_is_none() -> None:
    write(slot="b", slot_next="\n")
    assert loader.choose() == "b"


def test_what_cannot_be_marked_as_tried_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be tried again at every start."""

    def full(*_names: str) -> None:
        raise OSError(28)

    write(slot="a", slot_next="b")
    monkeypatch.setattr(os, "rename", full)
    assert loader.choose() == "a"


# In the real interpreter.


def boot(text: str) -> subprocess.CompletedProcess[str]:
    """Run the loader over firmware whose `boot` module is `text`."""
    device = Path("b/firmware/device")
    device.mkdir(parents=True, exist_ok=True)
    (device / "boot.py").write_text(text)
    write(slot_next="b")
    return subprocess.run(
        [interpreter(), str(LOADER)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_loader_runs_the_directory_it_chose() -> None:
    ran = boot("import sys\ndef main():\n    print(sys.path[0], sys.path[1])\n")
    assert ran.stdout.split() == ["b", "b/firmware/device/lib"]
    assert ran.returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "raise ValueError('broken')\ndef main(): pass\n",
        "def main():\n    raise ValueError('broken')\n",
        "def main(:\n",
        "",
    ],
)
def test_firmware_that_does_not_start_resets_and_leaves_no_prompt(text: str) -> None:
    ran = boot(text)
    assert ran.returncode == 1
    assert re.search("\0Traceback[^\0]*Error[^\0]*\0", ran.stdout)  # apart from any frame
    assert ">>>" not in ran.stdout
    assert present() == {"slot.trial": "b"}
    assert loader.choose() == "a"


# A crash, and what the next starts make of it.


def test_a_crash_leaves_its_last_lines_and_counts() -> None:
    boot("def main():\n    raise ValueError('broken' + 'x' * 999 + 'the end')\n")
    text = Path("crash").read_text()
    assert len(text) == loader.TEXT_MOST
    assert text.strip().endswith("the end")
    assert Path("crashes").read_text() == "x"
    assert Path("reset").read_text() == loader.RESET_CRASH


def test_an_end_without_a_crash_counts_as_none() -> None:
    boot("def main():\n    pass\n")
    assert not Path("crashes").exists()
    assert not Path("crash").exists()


# On a board: the interpreter has a button, a watchdog and a way to reset.

C3 = "ESP32C3 module with ESP32C3"
POWER, HARD, WATCHDOG, OTHER = 1, 2, 3, 0


def power_up(
    *, cause: int = OTHER, pressed: tuple[int, ...] = (), machine: str = C3, end: str = ""
) -> str:
    """Start a board whose firmware notes what ran, and does `end` then."""
    device = Path("b/firmware/device")
    device.mkdir(parents=True, exist_ok=True)
    for name in ("boot", "service"):
        body = f"import fakes\ndef main(*feed):\n    fakes.RAN.append({name!r})\n{end}"
        (device / f"{name}.py").write_text(body)
    write(slot="b")
    ran = subprocess.run(
        [interpreter(), str(POWER_UP), str(LOADER), machine, str(cause), *map(str, pressed)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()[-1]


FED = f"[({loader.START_MS}, 0)]"


def test_the_watchdog_runs_before_the_firmware_is_imported() -> None:
    assert power_up() == f"reset 0 {FED} boot"


def test_the_button_gives_the_prompt_without_a_watchdog() -> None:
    assert power_up(pressed=(9,)) == "prompt 0 []"
    assert power_up(pressed=(0,)) == f"reset 0 {FED} boot"
    assert power_up(pressed=(0,), machine="Generic ESP32 module with ESP32") == "prompt 0 []"


def test_a_board_may_have_no_prompt() -> None:
    write(board="esp32-c3-devkitm-1 locked")
    assert power_up(pressed=(9,)) == f"reset 0 {FED} boot"


def test_an_unknown_board_has_no_button() -> None:
    machine = "QEMU virt with rv32imac"
    assert power_up(pressed=(0, 9), machine=machine) == f"reset 0 {FED} boot"


@pytest.mark.parametrize(
    ("cause", "reset", "before", "after"),
    [
        (WATCHDOG, "", "", "x"),  # it hung
        (WATCHDOG, "5", "x", "xx"),
        (HARD, "", "", "x"),  # the interpreter panicked
        (HARD, "5", "x", "x"),  # as ordered
        (POWER, "", "xx", ""),
        (0, "", "x", "x"),
    ],
)
def test_which_starts_count_as_crashes(cause: int, reset: str, before: str, after: str) -> None:
    write(reset=reset, crashes=before)
    power_up(cause=cause)
    assert (Path("crashes").read_text() if Path("crashes").exists() else "") == after


CRASH = "    raise MemoryError\n"


def test_a_crash_loop_slows_down_and_asks_service_mode_every_other_time() -> None:
    """The watchdog is fed in the pauses."""
    said = [power_up(end=CRASH) for _ in range(12)]
    pauses = [int(line.split()[1]) for line in said]
    assert pauses == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert [line.split()[-1] for line in said] == ["boot"] * 3 + ["service", "boot"] * 4 + [
        "service"
    ]
    assert [line.split("(")[1] for line in said] == [
        f"{loader.START_MS}, {fed})] {line.split()[-1]}"
        for fed, line in zip(pauses, said, strict=True)
    ]
    assert "MemoryError" in Path("crash").read_text()
    assert power_up(cause=POWER, end=CRASH).split()[-1] == "boot"


def test_a_service_mode_that_ends_gives_the_firmware_another_try() -> None:
    write(crashes="xxx", reset="6")
    assert power_up().split()[-1] == "service"
    assert power_up().split()[-1] == "boot"


def test_a_trial_that_crashes_falls_back_at_once() -> None:
    write(slot="b")
    power_up()
    other = Path("c/firmware/device")
    other.mkdir(parents=True)
    (other / "boot.py").write_text("import fakes\nfakes.RAN.append('trial')\nraise ValueError\n")
    write(slot_next="c")
    assert power_up().split()[-1] == "trial"
    assert power_up().split()[-1] == "boot"
    assert Path("slot").read_text() == "b"


def test_a_full_store_does_not_keep_the_board_from_starting(board: Path) -> None:
    write(crashes="x")
    board.joinpath("reset").mkdir()
    assert power_up(cause=HARD, end=CRASH).split()[-1] == "boot"


END_OF_A_JOB = """
import micropython
if %d:
    micropython.alloc_emergency_exception_buf(%d)
KEPT = "kept"
def job():
    yield
    return KEPT
def finish():
    one = job()
    next(one)
    result = None
    micropython.heap_lock()  # as where no block is free
    try:
        next(one)
    except StopIteration as end:
        result = end.value
    micropython.heap_unlock()
    return result
print(finish())
"""


@pytest.mark.usefixtures("machine")
def test_a_job_keeps_its_result_where_its_end_finds_no_memory() -> None:
    """The end of a generator is an exception; without spare bytes it loses the result unseen."""
    for spare, said in ((0, "None"), (loader.SPARE, "kept")):
        source = (END_OF_A_JOB % (spare, spare)).encode()
        assert program.run({"/program.py": source}).split() == [said]
