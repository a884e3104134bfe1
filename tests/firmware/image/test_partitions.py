"""The flash's partitions: in order, aligned, two equal slots, and all of 4 MB."""

from __future__ import annotations

from itertools import pairwise

from firmware.tools.compile import ROOT
from firmware.tools.package import partition_table
from firmware.tools.package.partition_table import APP, DATA_KIND, NVS, Partition

OTA_0, OTA, PHY, FAT = 0x10, 0, 1, 0x81  # subtypes, as ESP-IDF numbers them
FLASH = 4 * 1024 * 1024
TABLE_END = 0x9000  # the table is at 0x8000, 4 kB long
SECTOR = 0x1000  # the smallest piece that can be erased, and littlefs's block
PAGE = 0x10000  # what the chip maps code in
STOCK_FITS = 0x180000  # slot of MicroPython's variant for updates (partitions-4MiB-ota.csv), -Os
FIRMWARE = 150_000  # bytes, more than it takes on RV32: 107,000 as it is built


def table() -> list[Partition]:
    return partition_table.stated(ROOT)


def by_name() -> dict[str, Partition]:
    return {one.name: one for one in table()}


def test_they_fill_the_flash_without_overlap() -> None:
    parts = table()
    assert parts[0].start == TABLE_END
    assert all(one.end == two.start for one, two in pairwise(parts))
    assert parts[-1].end == FLASH


def test_they_are_aligned() -> None:
    for part in table():
        unit = PAGE if part.kind == APP else SECTOR
        assert part.start % unit == 0, part
        assert part.size % SECTOR == 0, part
    assert all(part.size % PAGE == 0 for part in table() if part.kind == APP)


def test_there_are_two_equal_slots_and_what_tells_which_one_starts() -> None:
    apps = [part for part in table() if part.kind == APP]
    assert [part.subtype for part in apps] == [OTA_0, OTA_0 + 1]
    assert apps[0].size == apps[1].size
    assert (by_name()["otadata"].subtype, by_name()["otadata"].size) == (OTA, 2 * SECTOR)


def test_there_is_what_micropython_and_the_radio_look_for_by_name() -> None:
    found = {name: (part.kind, part.subtype) for name, part in by_name().items()}
    assert found["nvs"] == (DATA_KIND, NVS)
    assert found["phy_init"] == (DATA_KIND, PHY)
    assert found["vfs"] == (DATA_KIND, FAT)  # littlefs, whatever the subtype says
    assert by_name()["nvs"].size >= 3 * SECTOR  # ESP-IDF's least


def test_an_image_fits_a_slot_even_if_nothing_were_left_out() -> None:
    assert by_name()["ota_0"].size >= STOCK_FITS + FIRMWARE


def test_the_file_system_holds_two_folders_of_firmware() -> None:
    assert by_name()["vfs"].size >= 3 * FIRMWARE  # and half as much again
