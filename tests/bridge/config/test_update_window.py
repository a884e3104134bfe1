"""The window of local time in which receivers are updated."""

from __future__ import annotations

from datetime import datetime

import pytest

from bridge.config.update_window import Window


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-12-01T{text}:00")


@pytest.mark.parametrize(
    ("window", "when", "is_open"),
    [
        ("02:00-04:30", "01:59", False),
        ("02:00-04:30", "02:00", True),
        ("02:00-04:30", "04:29", True),
        ("02:00-04:30", "04:30", False),
        ("23:00-01:00", "22:59", False),
        ("23:00-01:00", "23:30", True),
        ("23:00-01:00", "00:59", True),
        ("23:00-01:00", "01:00", False),
    ],
)
def test_it_is_open_from_its_begin_to_before_its_end(window: str, when: str, is_open: bool) -> None:
    assert Window.read(window).is_open(at(when)) is is_open


def test_when_it_opens() -> None:
    window = Window.read("02:00-04:30")
    assert window.opens_in_s(at("01:00")) == 3600
    assert window.opens_in_s(at("02:00")) == 24 * 3600
    assert window.opens_in_s(at("23:00")) == 3 * 3600


@pytest.mark.parametrize(
    "text", ["", "2:00-4:30", "02:00-24:00", "02:00", "02:00-02:00", "02:00-04:30\n", 2, None]
)
def test_what_is_no_window(text: object) -> None:
    with pytest.raises(ValueError, match="window"):
        Window.read(text)
