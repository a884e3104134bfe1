"""An image is cut around the NVS, which holds a receiver's key."""

from __future__ import annotations

from firmware.tools.flash import partitions
from firmware.tools.package import partition_table
from simulator.hardware.board import stand_in


def test_the_table_is_read() -> None:
    found = partition_table.of_image(stand_in.image(), stand_in.ADDRESS)
    assert [each.name for each in found] == ["nvs", "phy_init", "factory", "vfs"]
    assert [each.is_nvs for each in found] == [True, False, False, False]


def test_the_nvs_is_left_out() -> None:
    first, second = partitions.segments("x", stand_in.image(), 0)
    assert first.data == stand_in.image()[: stand_in.NVS_START]
    assert second.address == stand_in.NVS_START + stand_in.NVS_SIZE
    assert second.data == stand_in.image()[second.address :]


def test_an_image_from_0x1000_on_is_cut_at_the_same_place() -> None:
    """As of the first ESP32."""
    first, second = partitions.segments("x", stand_in.image()[0x1000:], 0x1000)
    assert (first.address, len(first.data)) == (0x1000, stand_in.NVS_START - 0x1000)
    assert second.address == stand_in.NVS_START + stand_in.NVS_SIZE


def test_an_image_with_something_there_or_without_a_table_stays_whole() -> None:
    image = bytearray(stand_in.image())
    image[stand_in.NVS_START + 7] = 0
    assert len(partitions.segments("x", bytes(image), 0)) == 1
    (whole,) = partitions.segments("x", b"\xe9" + bytes(5), 0)
    assert whole.data == b"\xe9" + bytes(5) + b"\xff" * 2
