"""`tillsign bridge check`: each thing that a bridge needs, taken away in turn."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.authority import clock_skew
from bridge.cli import main as cli
from bridge.config.configuration import Config, Listen, ReceiverConfig, Tls
from bridge.daemon import checks
from bridge.daemon.findings import Finding, TroubleError
from bridge.lines.usb_lookup import Present
from simulator.crypto.pki import DemoCa, Span
from tests.bridge.cli.test_cli import written
from tests.support.shop.authority_line import answer, scripted
from tests.support.shop.till import TILL, World

pytestmark = pytest.mark.processes

SERIAL = "84:F7:03:C0:FF:EE"
PORT = Present("/dev/ttyUSB0", SERIAL)


@pytest.fixture
def world(stopped: World) -> World:
    [receiver] = stopped.config.receivers
    row = ReceiverConfig(TILL, receiver.certificate, serial=SERIAL)
    stopped.config = replace(stopped.config, receivers=(row,))
    return stopped


async def findings(config: Config) -> dict[str, Finding]:
    return {found.what: found for found in await checks.check(config, lambda: [PORT])}


async def test_all_is_well(world: World) -> None:
    """Before the first start, and beside a bridge that runs."""
    for _ in range(2):
        found = await findings(world.config)
        assert [it for it in found.values() if not it.ok or it.todo] == []
        assert set(found) == {
            *("till API", "journal", "bridge id", "client certificate", "authority's CA", "clock"),
            *("standing", "other tills"),
            *(f"till {TILL}: {what}" for what in ("certificate", "port", "authority")),
        }
        assert "/dev/ttyUSB0" in found[f"till {TILL}: port"].detail
        async with world.bridge():
            found = await findings(world.config)
            assert all(it.ok for it in found.values())


def authority(config: Config, **changes: object) -> Config:
    return replace(config, authority=replace(config.authority, **changes))


def receiver(config: Config, **changes: object) -> Config:
    [row] = config.receivers
    return replace(config, receivers=(replace(row, **changes),))


def open_key(config: Config) -> Config:
    config.authority.key.chmod(0o644)
    return config


def open_token(config: Config) -> Config:
    token = config.journal.parent / "token"
    token.write_text("x" * 40)
    token.chmod(0o644)
    return replace(config, listen=replace(config.listen, token=token))


def open_tls(config: Config) -> Config:
    identity = DemoCa(config.journal.parent / "till").server()
    identity.key.chmod(0o640)
    return replace(config, listen=Listen("127.0.0.1", 0, Tls(*identity)))


def no_journal(config: Config) -> Config:
    config.journal.write_bytes(b"not a database, and long enough to see it" * 100)
    config.journal.chmod(0o600)
    return config


def other_ca(config: Config) -> Config:
    return authority(config, ca=DemoCa(config.journal.parent / "other").certificate)


def other_client(config: Config) -> Config:
    """A client certificate of the right CA that is bound to no receiver."""
    other = DemoCa(config.authority.ca.parent).client("another")
    return authority(config, certificate=other.certificate, key=other.key)


@pytest.mark.parametrize(
    ("spoil", "what", "detail", "todo"),
    [
        (open_token, "till API", "chmod 600", "correct the file"),
        (open_tls, "till API", "chmod 600", "correct the file"),
        (no_journal, "journal", "journal.sqlite", "do not delete it"),
        (
            lambda config: replace(config, journal=Path("/nowhere/journal.sqlite")),
            "journal",
            "/nowhere cannot be written",
            "owned by the bridge's user",
        ),
        (open_key, "authority", "chmod 600", "[authority]"),
        (
            lambda config: authority(config, certificate=config.pins),
            "client certificate",
            "is not a certificate in PEM",
            "correct the file",
        ),
        (
            lambda config: authority(config, url="https://127.0.0.1:1"),
            f"till {TILL}: authority",
            "no answer",
            "network",
        ),
        (
            lambda config: authority(config, url="https://127.0.0.1:1"),
            f"till {TILL}: authority",
            "the connection was refused",
            "is the server up?",
        ),
        (
            lambda config: authority(config, url="https://no-such.invalid", timeout_s=9.0),
            f"till {TILL}: authority",
            "not known in DNS",
            "DNS",
        ),
        (other_ca, f"till {TILL}: authority", "not of the CA", "[authority] ca"),
        (other_client, f"till {TILL}: authority", "refused", "bind this client certificate"),
        (
            lambda config: receiver(config, certificate=config.pins),
            f"till {TILL}: certificate",
            "pins",
            "correct the file",
        ),
        (
            lambda config: receiver(config, serial="0001"),
            f"till {TILL}: port",
            "no port with serial number 0001; there are: /dev/ttyUSB0",
            "plug the receiver in",
        ),
        (
            lambda config: receiver(config, serial="", url="/dev/nowhere"),
            f"till {TILL}: port",
            "/dev/nowhere is not there",
            "correct its url",
        ),
    ],
)
async def test_what_is_wrong_is_named_with_its_cure(
    spoil: Callable[[Config], Config], what: str, detail: str, todo: str, world: World
) -> None:
    wrong = {name: it for name, it in (await findings(spoil(world.config))).items() if not it.ok}
    assert what in wrong
    assert detail in wrong[what].detail
    assert todo in wrong[what].todo


async def test_a_bridge_id_that_is_not_the_journals(world: World) -> None:
    """Of the sales at hand, and where all of them are archived, of those."""
    world.config = receiver(world.config, serial="", url="memory://")
    other = replace(world.config, id=b"bridge02")
    assert (await findings(other))["bridge id"].ok  # nothing was sold yet
    for archives in (False, True):
        async with world.bridge():
            await world.posted(f"sale-of-the-morning-{archives}")
            if archives:
                world.daemon.service.books._journal.archive(set())
        assert (await findings(world.config))["bridge id"].ok
        found = (await findings(other))["bridge id"]
        assert (found.ok, "is not the journal's" in found.detail) == (False, True)
        assert "[bridge] id" in found.todo


async def test_a_clock_behind_the_journal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is away, and does not tell."""
    world.config = receiver(world.config, serial="", url="memory://")
    async with world.bridge():
        await world.posted()
    await world.authority.stop()
    here = SimpleNamespace(time=lambda: time.time() - 7200)
    monkeypatch.setattr(clock_skew, "time", here)
    found = (await findings(world.config))["clock"]
    assert (found.ok, "behind the newest entry" in found.detail) == (False, True)
    assert "NTP" in found.todo
    await world.authority.start()


HTML = answer(b"<html>", "text/html", "403 Forbidden")
ENDED = Span(timedelta(hours=-3), timedelta(hours=-1))


@pytest.mark.parametrize(
    ("made", "detail", "todo"),
    [
        ({}, "status 403, text/html", "network"),
        ({"span": ENDED}, "its certificate has ended", "have the authority renew"),
        ({"hosts": ("authority.example",)}, "for another name", "correct [authority] url"),
    ],
)
async def test_why_there_is_no_answer(
    made: dict[str, Any], detail: str, todo: str, world: World
) -> None:
    ca = world.authority.ca
    async with scripted(lambda head: HTML, ca, ca.server("strange", **made)) as server:
        url = f"https://127.0.0.1:{server.port}"
        found = (await findings(authority(world.config, url=url)))[f"till {TILL}: authority"]
        assert detail in found.detail
        assert todo in found.todo


@pytest.mark.parametrize(("left", "word"), [(-1, "ended on"), (3600, "ends on")])
def test_certificates_that_end(left: int, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.0)
    with pytest.raises(TroubleError, match=word):
        checks._ends(1_800_000_000 + left)


def test_an_unknown_serial_server(monkeypatch: pytest.MonkeyPatch) -> None:
    row = ReceiverConfig(TILL, Path("certificate"), "socket://serial.example:4001")
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *name: asked.append(name))
    assert checks._port(row, list) == "socket://serial.example:4001, not contacted"
    assert asked == [("serial.example", None)]

    def unknown(*name: object) -> None:
        raise socket.gaierror("unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TroubleError, match=r"serial\.example is not known"):
        checks._port(row, list)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Receiver and authority are away here."""
    path = written(tmp_path, "/dev/nowhere")
    assert cli.main(["bridge", "check", "--config", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok     till API: 127.0.0.1:0, without TLS"
    at = lines.index("FAILED till 1: port: /dev/nowhere is not there")
    assert lines[at + 1] == "       → plug the receiver in, or correct its url"
    assert cli.main(["bridge", "check", "--json", "--config", str(path)]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0] == {
        "what": "till API",
        "ok": True,
        "detail": "127.0.0.1:0, without TLS",
        "todo": "",
    }
    assert cli.main(["bridge", "check", "--config", str(tmp_path / "nowhere.toml")]) == 2
    assert "cannot be read" in capsys.readouterr().err
