"""A receiver's table in a bridge's configuration; every other line stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config import configuration
from bridge.lines.usb_lookup import Present
from firmware.tools.enrol import bridge_config
from firmware.tools.enrol.bridge_config import ConfigFileError, Row

HEAD = """\
# The terminal at the entrance.
[bridge]
id = "0011223344556677"
journal = "journal.sqlite"
pins = "pins.cbor"

[authority]
url = "https://authority.example" # theirs
ca = "ca.pem"
certificate = "bridge.pem"
key = "bridge-key.pem"
"""
TABLE = """
[[receiver]] # the old one
till = 7
url = "/dev/ttyUSB0"
certificate = "old.cose"
"""
TAIL = """
[[receiver]]
till = 8
url = "/dev/ttyUSB1"
certificate = "eight.cose"

[offline]
enabled = true
"""
ROW = Row(7, "receiver-7.cose", 'url = "/dev/ttyACM0"')


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "pins.cbor").write_bytes(b"pins")
    return tmp_path / "bridge.toml"


def places(config: Path) -> dict[int, tuple[str, str]]:
    found = configuration.load(config).receivers
    return {row.till: (row.line, row.certificate.name) for row in found}


def test_a_table_is_added(config: Path) -> None:
    config.write_text(HEAD)
    bridge_config.add(config, ROW)
    assert config.read_text().startswith(HEAD)
    assert places(config) == {7: ("/dev/ttyACM0", "receiver-7.cose")}


def test_the_same_again_is_no_change(config: Path) -> None:
    config.write_text(HEAD)
    bridge_config.add(config, ROW)
    before = config.read_text()
    bridge_config.add(config, ROW)
    assert config.read_text() == before


def test_a_tills_table_is_replaced(config: Path) -> None:
    config.write_text(HEAD + TABLE.replace(" # the old one", "") + TAIL)
    bridge_config.add(config, ROW)
    assert places(config) == {
        7: ("/dev/ttyACM0", "receiver-7.cose"),
        8: ("/dev/ttyUSB1", "eight.cose"),
    }
    assert configuration.load(config).offline
    assert HEAD in config.read_text()


def test_what_cannot_be_replaced_is_left_to_a_person(config: Path) -> None:
    config.write_text(HEAD + TABLE)  # a heading with a comment behind it
    before = config.read_text()
    with pytest.raises(ConfigFileError, match="by hand"):
        bridge_config.add(config, ROW)
    assert config.read_text() == before


@pytest.mark.parametrize(
    ("text", "pins", "said"),
    [
        ("[bridge", b"pins", "cannot be read"),
        ("[other]", b"pins", "pins is missing"),
        (HEAD, b"other", "trusts other keys"),
        (HEAD.replace("pins.cbor", "gone.cbor"), b"pins", "gone.cbor: cannot be read"),
    ],
)
def test_a_configuration_that_does_not_fit(config: Path, text: str, pins: bytes, said: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigFileError, match=said):
        bridge_config.check(config, pins)


def test_one_that_fits(config: Path) -> None:
    config.write_text(HEAD)
    bridge_config.check(config, b"pins")


def test_a_port_is_named_by_what_lasts() -> None:
    here = [Present("/dev/ttyACM0", "AA:BB"), Present("/dev/ttyUSB0", None)]
    assert bridge_config.place("/dev/ttyACM0", lambda: here) == 'serial = "AA:BB"'
    assert bridge_config.place("/dev/ttyUSB0", lambda: here) == 'url = "/dev/ttyUSB0"'
    twins = [*here, Present("/dev/ttyACM1", "AA:BB")]
    assert bridge_config.place("/dev/ttyACM0", lambda: twins) == 'url = "/dev/ttyACM0"'
    assert bridge_config.place("socket://host:1", lambda: here) == 'url = "socket://host:1"'


def test_paths_are_relative_inside_the_folder(config: Path, tmp_path: Path) -> None:
    inside = bridge_config.row(7, config, tmp_path / "receiver-7.cose", "/dev/x")
    assert inside.certificate == "receiver-7.cose"
    outside = bridge_config.row(7, config, tmp_path.parent / "other.cose", "/dev/x")
    assert outside.certificate == str((tmp_path.parent / "other.cose").resolve())
