"""`tillsign bridge enrol`: from nothing to a configuration that `check` accepts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.authority.enrolment_client import BearerClient
from bridge.cli import main as cli
from bridge.config import configuration
from bridge.daemon import bridge_enrolment, checks
from receiver.host import whole_files
from simulator.authority import Authority
from simulator.crypto.pki import DemoCa
from tests.support.shop.second_person import CutError, Cuts, SecondPerson, command, words_in

pytestmark = pytest.mark.processes

TICKET: dict[str, Any] = {"kind": "bridge", "store": 101, "store_name": "Storgatan 1"}


@pytest.fixture
async def authority(tmp_path: Path) -> AsyncIterator[Authority]:
    async with Authority(tmp_path / "authority") as authority:
        yield authority


@pytest.fixture
def person(authority: Authority) -> SecondPerson:
    return SecondPerson(authority)


def enrol(authority: Authority, ticket: str, out: Path, *more: str) -> Any:
    url, ca = authority.url, authority.ca.certificate
    place = ("--authority", url, "--ca", ca, "--ticket", ticket, "--out", out)
    return command("bridge", "enrol", *place, *more)


def files_in(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("*.*")}


async def test_from_nothing_to_a_checked_configuration(
    authority: Authority, person: SecondPerson, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket, out = await person.ticket(**TICKET), tmp_path / "bridge"
    assert await person.beside(enrol(authority, ticket, out, "--json")) == 0
    said = capsys.readouterr()
    value = json.loads(said.out)
    assert words_in(said.err, person.seen)
    assert value["words"] == person.seen[0]["words"]
    config = configuration.load(Path(value["config"]))
    assert config.receivers == ()
    assert (out / "bridge-key.pem").stat().st_mode & 0o777 == whole_files.PRIVATE
    found = {one.what: one for one in await checks.check(config, list)}
    assert [one for one in found.values() if not one.ok] == []
    assert "tillsign receiver enrol --config" in found["receivers"].todo
    assert found["authority"].detail.startswith("answers in")


async def test_a_second_run_changes_nothing(
    authority: Authority, person: SecondPerson, tmp_path: Path
) -> None:
    """Not even with the ticket used up: its enrolment is known here."""
    ticket = await person.ticket(**TICKET)
    assert await person.beside(enrol(authority, ticket, tmp_path)) == 0
    before = files_in(tmp_path)
    assert await person.beside(enrol(authority, ticket, tmp_path)) == 0
    assert files_in(tmp_path) == before
    assert len(person.seen) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_cut_at_every_step_is_repaired_by_the_same_command(
    authority: Authority,
    person: SecondPerson,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    after: bool,
) -> None:
    """At each call of the authority, and at each file that is written."""
    at, cuts = 0, 1
    while cuts:
        out, ticket = tmp_path / str(at), await person.ticket(**TICKET)
        run = enrol(authority, ticket, out)
        plan = Cuts(at, after=after)
        with monkeypatch.context() as patch:
            patch.setattr(BearerClient, "ask", plan.around(BearerClient.ask))
            patch.setattr(whole_files, "write", plan.around(whole_files.write))
            try:
                await person.beside(run)
            except CutError:
                assert plan.done
        cuts = plan.done
        assert await person.beside(run) == 0
        found = await checks.check(configuration.load(out / "bridge.toml"), list)
        assert [one for one in found if not one.ok] == []
        at += 1
    assert at > 10
    assert await person.pending() == []


async def test_the_second_person_says_no(
    authority: Authority, person: SecondPerson, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = await person.ticket(**TICKET)
    for _ in range(2):
        assert await person.beside(enrol(authority, ticket, tmp_path), "rejection") == 1
        assert "rejected it" in capsys.readouterr().err
    assert not (tmp_path / "bridge.toml").exists()


async def test_a_receivers_ticket(
    authority: Authority, person: SecondPerson, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terms = {"invoice_issuer": 1, "currency": 752, "till": 7, "client_fingerprint": "00" * 32}
    ticket = await person.ticket(**TICKET | {"kind": "receiver"} | terms)
    assert await person.beside(enrol(authority, ticket, tmp_path)) == 1
    assert "the ticket is for kind receiver, not bridge" in capsys.readouterr().err


async def test_another_terminals_request(
    authority: Authority, person: SecondPerson, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stolen ticket: whoever comes second is told."""
    ticket = await person.ticket(**TICKET)
    thief, ours = tmp_path / "thief", tmp_path / "ours"
    assert await person.beside(enrol(authority, ticket, thief)) == 0
    assert await person.beside(enrol(authority, ticket, ours)) == 1
    assert "ticket_used" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage",
    [
        ("bridge-key.pem", b"no key", "is not a key"),
        ("bridge-key.pem", None, "another key"),
        ("enrolment.json", b"{", "ticket_used"),
    ],
)
async def test_files_that_were_changed_between(
    authority: Authority,
    person: SecondPerson,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: tuple[str, bytes | None, str],
) -> None:
    name, data, said = damage
    ticket = await person.ticket(**TICKET)
    assert await person.beside(enrol(authority, ticket, tmp_path)) == 0
    (tmp_path / name).unlink() if data is None else (tmp_path / name).write_bytes(data)
    assert await person.beside(enrol(authority, ticket, tmp_path)) == 1
    assert said in capsys.readouterr().err


def test_an_authority_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bridge_enrolment, "AWAY_S", 0.0)
    ca = DemoCa(tmp_path / "ca").certificate
    place = ["--ca", str(ca), "--ticket", "word", "--out", str(tmp_path / "out")]
    assert cli.main(["bridge", "enrol", "--authority", "https://127.0.0.1:1", *place]) == 1
    assert "look at network, firewall and --ca" in capsys.readouterr().err
    assert cli.main(["bridge", "enrol", "--authority", "http://127.0.0.1:1", *place]) == 1
    assert "begins with https://" in capsys.readouterr().err
