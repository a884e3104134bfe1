"""What ESP-IDF settled is compared with what was asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from firmware.tools import sdkconfig

WANTED = {"CONFIG_A": "y", "CONFIG_B": "n", "CONFIG_C": "4", "CONFIG_D": '"Tillsign"'}
SETTLED = 'CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=4\nCONFIG_D="Tillsign"\nCONFIG_E=y\n'


def test_settled_as_it_was_asked_for() -> None:
    assert sdkconfig.differences(WANTED, sdkconfig.options(SETTLED)) == []


def test_the_last_line_about_an_option_counts() -> None:
    assert sdkconfig.options("CONFIG_A=y\nCONFIG_A=n\n#CONFIG_A=y\n") == {"CONFIG_A": "n"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("CONFIG_A=y", "# CONFIG_A is not set", "CONFIG_A is n, not y"),
        ("# CONFIG_B is not set", "CONFIG_B=y", "CONFIG_B is y, not n"),
        ("CONFIG_C=4", "CONFIG_C=3", "CONFIG_C is 3, not 4"),
        ("CONFIG_C=4\n", "", "CONFIG_C is n, not 4"),
    ],
)
def test_other_than_it_was_asked_for(old: str, new: str, said: str) -> None:
    settled = sdkconfig.options(SETTLED.replace(old, new))
    assert sdkconfig.differences(WANTED, settled) == [said]


def test_an_option_that_cmake_sets_too_may_be_unknown_but_not_another_value() -> None:
    (name,) = sdkconfig.MAY_BE_UNKNOWN
    assert sdkconfig.differences({name: "1"}, {}) == []
    assert sdkconfig.differences({name: "1"}, {name: "64"}) == [f"{name} is 64, not 1"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own fragments in a row are what was asked for; without the board's own they are not."""
    texts = [path.read_text() for path in sdkconfig.fragments("TILLSIGN_ESP32")]
    monkeypatch.setattr(sys, "argv", ["sdkconfig", str(tmp_path / "sdkconfig"), "TILLSIGN_ESP32"])
    (tmp_path / "sdkconfig").write_text("\n".join(texts))
    sdkconfig.main()
    (tmp_path / "sdkconfig").write_text("\n".join(texts[:-1]))
    with pytest.raises(SystemExit, match="CONFIG_BTDM_CTRL_BLE_MAX_CONN is n, not 4"):
        sdkconfig.main()
