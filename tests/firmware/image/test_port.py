"""The boards beside the sources of MicroPython's ESP32 port, as far as these go without ESP-IDF."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.tools import sdkconfig
from firmware.tools.sdkconfig import IMAGE
from simulator.hardware.rv32 import image, receiver, sources, toolchain

from .kconfig_names import DEFINES
from .test_settings import BOARDS, board_file

RISCV = ("ESP32C3", "ESP32C6")
OF_ESP_IDF = ("esp_random", "esp_system", "freertos/FreeRTOS", "driver/i2s_std", "esp_wifi_types")
EXECUTE = """
import sys
sys.path.insert(0, sys.argv[1] + "/tools")
from manifestfile import MODE_FREEZE, ManifestFile
places = {"MPY_DIR": sys.argv[1], "PORT_DIR": sys.argv[2], "MPY_LIB_DIR": None}
found = ManifestFile(MODE_FREEZE, places)
found.execute(sys.argv[3])
print(*sorted(each.target_path for each in found.files()))
"""


@pytest.fixture
def micropython(machine: None) -> Path:
    """MicroPython's source tree."""
    image.stock()
    return image.BUILD / f"micropython-{sources.VERSION}"


def test_esp_idf_is_the_version_that_this_release_is_tested_with(micropython: Path) -> None:
    found = re.search(r"^IDF_VER=(.+)$", (micropython / "tools/ci.sh").read_text(), re.MULTILINE)
    assert found is not None
    assert f":-espressif/idf:{found[1]}}}" in (IMAGE / "build").read_text()


@pytest.mark.parametrize("board", BOARDS)
def test_the_port_has_the_settings_that_a_board_begins_with(board: str, micropython: Path) -> None:
    named = re.findall(r"^ +(boards/\S+)$", board_file(board, "mpconfigboard.cmake"), re.MULTILINE)
    assert len(named) >= 2
    assert all((micropython / "ports/esp32" / name).exists() for name in named)


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("g++")), reason="needs CMake")
@pytest.mark.parametrize("board", BOARDS)
def test_the_ports_build_hands_our_settings_to_esp_idf_last(
    board: str, micropython: Path, tmp_path: Path
) -> None:
    """An empty file stands for ESP-IDF: the port has joined all settings before it is read."""
    stand_in = tmp_path / "tools/cmake/project.cmake"
    stand_in.parent.mkdir(parents=True)
    stand_in.touch()
    where = f"-DMICROPY_BOARD_DIR={IMAGE / 'boards' / board}"
    asked = ["cmake", "-S", str(micropython / "ports/esp32"), "-B", str(tmp_path / "build"), where]
    subprocess.run(
        asked, env={**os.environ, "IDF_PATH": str(tmp_path)}, capture_output=True, check=True
    )
    settled = sdkconfig.options((tmp_path / "build/sdkconfig.combined").read_text())
    table = IMAGE / "partitions.csv"
    assert settled["CONFIG_PARTITION_TABLE_CUSTOM_FILENAME"] == f'"{table}"'
    for path in sdkconfig.fragments(board):
        wanted = sdkconfig.options(path.read_text())
        assert {name: settled.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("board", BOARDS)
def test_the_port_keeps_what_a_board_defines(board: str, micropython: Path, tmp_path: Path) -> None:
    """A second definition of the same macro would be an error here."""
    for name in OF_ESP_IDF:
        (tmp_path / f"{name}.h").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.h").touch()
    chip = BOARDS[board][1]
    settled = [f"CONFIG_IDF_TARGET_{chip}", "SOC_USB_SERIAL_JTAG_SUPPORTED", "SOC_DAC_SUPPORTED"]
    settled.append("CONFIG_IDF_TARGET_ARCH_" + ("RISCV" if chip in RISCV else "XTENSA"))
    port = micropython / "ports/esp32"
    done = subprocess.run(
        [
            *(toolchain.COMPILER, "--specs=picolibc.specs", "-E", "-dM", "-Wall", "-Werror"),
            *(f"-I{place}" for place in (tmp_path, IMAGE / "boards" / board, port)),
            *(f"-D{name}=1" for name in settled),
            str(port / "mpconfigport.h"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours = (IMAGE / "common/receiver.h").read_text() + board_file(board, "mpconfigboard.h")
    wanted = dict(re.findall(r"^#define (\w+) +(.+)$", ours, re.MULTILINE))
    assert wanted.keys() >= DEFINES
    found = dict(re.findall(r"^#define (\w+) +(.+)$", done.stdout, re.MULTILINE))
    assert {name: found.get(name) for name in wanted} == wanted


def test_the_ports_build_finds_all_that_an_image_holds(micropython: Path, tmp_path: Path) -> None:
    (tmp_path / "main.py").touch()
    port = micropython / "ports/esp32"
    manifest = IMAGE / "manifest_esp32.py"
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, str(micropython), str(port), str(manifest)],
        env={**os.environ, "TILLSIGN_FROZEN": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = done.stdout.split()
    assert {"_boot.py", "flashbdev.py", "inisetup.py", "main.py"} <= {*found}
    others = ("webrepl", "espnow", "umqtt", "requests", "asyncio")
    assert not [name for name in found if name.startswith(others)]


def test_the_machine_begins_with_the_heap_of_our_boards() -> None:
    header = (IMAGE / "common/receiver.h").read_text()
    (kib,) = re.findall(r"#define MICROPY_GC_INITIAL_HEAP_SIZE +\((\d+) \* 1024\)", header)
    assert int(kib) * 1024 == receiver.FIRST_HEAP
