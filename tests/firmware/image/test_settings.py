"""The images' settings: each has a reason and a name that ESP-IDF or MicroPython knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firmware.device.boards import choice
from firmware.tools import sdkconfig
from firmware.tools.bundle.boards import ARCHITECTURES
from receiver.protocol import gatt

from .kconfig_names import DEFINES, NAMES

IMAGE = sdkconfig.IMAGE
BOARDS = {
    "TILLSIGN_C3": ("esp32c3", "ESP32C3"),
    "TILLSIGN_C6": ("esp32c6", "ESP32C6"),
    "TILLSIGN_S3": ("esp32s3", "ESP32S3"),
    "TILLSIGN_ESP32": ("esp32", "ESP32"),
}
FRAGMENTS = [*IMAGE.glob("common/sdkconfig.*"), *IMAGE.glob("boards/*/sdkconfig.board")]


def board_file(board: str, name: str) -> str:
    return (IMAGE / "boards" / board / name).read_text()


def test_these_are_the_boards() -> None:
    assert {path.name for path in (IMAGE / "boards").iterdir()} == set(BOARDS)


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_builds_for_its_chip(board: str) -> None:
    target, chip = BOARDS[board]
    cmake = board_file(board, "mpconfigboard.cmake")
    assert f"set(IDF_TARGET {target})" in cmake
    assert "include(${CMAKE_CURRENT_LIST_DIR}/../../common/common.cmake)" in cmake
    own = IMAGE / "boards" / board / "sdkconfig.board"
    assert own.exists() == ("${CMAKE_CURRENT_LIST_DIR}/sdkconfig.board" in cmake)
    assert "spiram" not in cmake
    assert chip in ARCHITECTURES
    header = board_file(board, "mpconfigboard.h")
    assert '#include "../../common/receiver.h"' in header
    assert f'#define MICROPY_HW_MCU_NAME             "{chip}"' in header


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_that_flashing_did_not_name_is_the_reference_of_its_chip(board: str) -> None:
    named = re.findall(r'MICROPY_HW_\w+_NAME +"(.+)"', board_file(board, "mpconfigboard.h"))
    pins = choice.choose(" with ".join(named), "")
    assert pins is not None
    assert BOARDS[board][1] == pins.CHIP


def test_common_files_are_there() -> None:
    cmake = (IMAGE / "common/common.cmake").read_text()
    named = re.findall(r"\$\{TILLSIGN_IMAGE\}/([\w./]+)", cmake)
    assert {"partitions.csv", "manifest_esp32.py"} <= set(named)
    assert {f"common/{name}" for name in sdkconfig.SHARED} <= set(named)
    assert all((IMAGE / name).exists() for name in named)
    assert 'include("manifest.py")' in (IMAGE / "manifest_esp32.py").read_text()


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_option_has_a_reason(path: Path) -> None:
    """A comment right above it, or above the options that it stands with."""
    for paragraph in path.read_text().strip().split("\n\n"):
        first, *rest = paragraph.splitlines()
        assert first.startswith("# ")
        assert all(line.startswith(("# ", "CONFIG_")) for line in rest)


def test_every_option_is_spelled_as_where_it_is_defined() -> None:
    texts = [path.read_text() for path in FRAGMENTS] + [(IMAGE / "common/common.cmake").read_text()]
    assert set(re.findall(r"\bCONFIG_\w+(?==)", "\n".join(texts))) == set(NAMES)


def test_what_is_left_out_of_micropython_is_spelled_as_the_port_does() -> None:
    text = (IMAGE / "common/receiver.h").read_text()
    assert set(re.findall(r"^#define (\w+)", text, re.MULTILINE)) == DEFINES


def test_there_are_links_and_buffers_for_every_phone() -> None:
    """And one prepared write, however ESP-IDF takes the number."""
    text = (IMAGE / "common/sdkconfig.nimble").read_text()
    nimble = {name: value for name, value in sdkconfig.options(text).items() if value.isdigit()}
    assert nimble["CONFIG_BT_NIMBLE_MAX_CONNECTIONS"] == str(gatt.LINKS_MOST)
    assert int(nimble["CONFIG_BT_NIMBLE_MSYS_1_BLOCK_COUNT"]) == 6 * gatt.LINKS_MOST
    prepared = nimble["CONFIG_BT_NIMBLE_ATT_MAX_PREP_ENTRIES"]
    cmake = (IMAGE / "common/common.cmake").read_text()
    assert f"MYNEWT_VAL_BLE_ATT_SVR_MAX_PREP_ENTRIES={prepared})" in cmake
    esp32 = sdkconfig.options(board_file("TILLSIGN_ESP32", "sdkconfig.board"))
    assert esp32["CONFIG_BTDM_CTRL_BLE_MAX_CONN"] == str(gatt.LINKS_MOST)
    for board in ("TILLSIGN_C3", "TILLSIGN_S3"):
        most = sdkconfig.options(board_file(board, "sdkconfig.board"))["CONFIG_BT_CTRL_BLE_MAX_ACT"]
        assert int(most) > gatt.LINKS_MOST  # the advertiser is one too
