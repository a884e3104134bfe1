"""Every value of the radio's model has a meaning and a source, and the page shows both."""

from __future__ import annotations

import pytest

from simulator.hardware.radio.model.airs import AIRS, AirProfile
from simulator.hardware.radio.model.chip import ChipProfile
from simulator.hardware.radio.model.phones import PHONES, PhoneProfile
from simulator.tools.generate import radio

KINDS = pytest.mark.parametrize("kind", [AirProfile, PhoneProfile, ChipProfile])


@KINDS
def test_every_field_has_a_meaning(kind: type) -> None:
    fields = [field for field in vars(kind)["_fields"] if field != "name"]
    assert list(radio.meanings(kind)) == fields
    assert "" not in radio.meanings(kind).values()


@KINDS
def test_every_value_has_a_source(kind: type) -> None:
    for sources in radio.sources(kind):
        missing = [field for field in radio.meanings(kind) if not sources[field]]
        assert missing == []


def test_a_source_is_the_comment_above_its_value() -> None:
    quiet, shop, bad = radio.sources(AirProfile)
    assert quiet["body_db"].startswith("A hand around a phone")
    assert quiet["neighbour_rssi"] == "There is none."
    assert shop["advertiser_interval_ms"] == "As quiet."
    assert bad["cut_share"] == bad["away_share"] == "Estimates."


def test_the_page_has_every_value() -> None:
    airs, phones = radio.airs(), radio.phones()
    for profile in AIRS.values():
        assert f"`burst_s {profile.burst_s:g}`" in airs
    for phone in PHONES.values():
        assert f"<details><summary>Sources: {phone.name}</summary>" in phones


def test_the_chip_is_shown_without_its_method() -> None:
    assert "`x25519`" in radio.chip()
    assert "`ms`" not in radio.chip()


def test_the_standard_s_figures_are_shown_by_their_module() -> None:
    assert "| `standard.SPACE_US` | 150 | between two packets" in radio.constants()
    assert "| `channel.SENSITIVITY` | -95 | dBm at which" in radio.constants()
