"""When certificates end, and how often a person is told."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.config.configuration import ConfigError
from bridge.daemon.certificate_expiry import (
    CLIENT,
    DAY_S,
    RECEIVER,
    SOON_S,
    Ending,
    Endings,
    in_pem,
)
from simulator.crypto.pki import DemoCa, Span

NOW = 1_800_000_000


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW))


def learnt(*endings: Ending) -> Endings:
    one = Endings()
    one.learn(endings)
    return one


def test_seconds_until_each_ends() -> None:
    endings = learnt(Ending(CLIENT, NOW + 5), Ending(RECEIVER, NOW - 7, 3))
    assert endings.left_s() == {("client", ""): 5, ("receiver", "3"): -7}
    endings.learn([Ending(CLIENT, NOW + 500)])
    assert endings.left_s()["client", ""] == 500


def test_warnings_from_thirty_days_on() -> None:
    assert SOON_S == 30 * DAY_S
    assert learnt(Ending(CLIENT, NOW + SOON_S)).warnings() == []
    soon = learnt(Ending(CLIENT, NOW + SOON_S - 1), Ending(RECEIVER, NOW, 7)).warnings()
    assert soon == [
        "[authority] certificate ends on 2027-02-14: renew it",
        "certificate of the receiver of till 7 ended on 2027-01-15: renew it",
    ]


def test_each_is_logged_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    endings = learnt(
        Ending(CLIENT, NOW + DAY_S), Ending(RECEIVER, NOW - 1, 7), Ending(RECEIVER, NOW * 2, 8)
    )
    for at in (0.0, 3.0, DAY_S - 1.0):
        endings.tell(at)
    assert [(it.levelno, it.message) for it in caplog.records] == [
        (logging.WARNING, "certificate ends soon"),
        (logging.ERROR, "certificate ended"),
    ]
    endings.tell(float(DAY_S))
    assert len(caplog.records) == 4
    endings.learn([Ending(CLIENT, NOW + 2 * DAY_S), Ending(RECEIVER, NOW + SOON_S, 7)])
    endings.tell(DAY_S + 3.0)
    assert len(caplog.records) == 5  # another certificate


def test_what_has_ended_takes_no_others_place() -> None:
    good, ended = Ending(CLIENT, NOW + 5), Ending(CLIENT, NOW - 5)
    assert learnt(good).is_older(ended)
    assert not learnt(good).is_older(Ending(CLIENT, NOW + 1))
    assert not learnt(ended).is_older(Ending(CLIENT, NOW - 1))
    assert not Endings().is_older(ended)


def test_a_file_with_two_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    old, new = DemoCa(tmp_path / "old"), DemoCa(tmp_path / "new")
    leaf = old.client("bridge", Span(timedelta(0), timedelta(days=1)))
    data = leaf.certificate.read_bytes() + new.certificate.read_bytes()
    path = tmp_path / "both.pem"
    path.write_bytes(data)
    assert len(in_pem(path)) == 2
    assert min(in_pem(path)) == pytest.approx(time.time() + DAY_S, abs=60)
    first, second = len(leaf.certificate.read_bytes()), len(data)
    for size in (0, 3, 20, first // 2, first - 9, first + 3, first + 20, second - 9):
        path.write_bytes(data[:size])
        with pytest.raises(ConfigError, match="both"):
            in_pem(path)
    key = leaf.key.read_bytes()
    path.write_bytes(b"issued by x\n" + data + key)
    assert len(in_pem(path)) == 2
    path.write_bytes(data + key[:-9])
    with pytest.raises(ConfigError, match="is truncated"):
        in_pem(path)


@pytest.mark.parametrize("at", [2**32 - 1, 2**60])
def test_ends_that_no_calendar_has(at: int) -> None:
    assert str(Ending(RECEIVER, at, 1)).startswith("certificate of the receiver of till 1 ends on ")
