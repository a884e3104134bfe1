"""`tillsign journal`: what people and programs see of a journal, beside a bridge that runs."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main as cli
from bridge.domain import event_codec
from bridge.domain.sale import Fact, Terms
from bridge.domain.states import Event
from bridge.journal import Alarm, Closed, Journal
from receiver import reasons
from tests.support.bridge.journals import next_version, old_journal, tamper

pytestmark = pytest.mark.processes

DAY = datetime(2026, 3, 29, 12).astimezone()  # clocks change in Europe on that day
NOON = int(DAY.timestamp() * 1000)
HOUR = 3_600_000
SECRET = b"the code proof.."
OFFER = bytes(range(182))


def terms(sale_id: str, till: int, amount: int, kind: int = 0) -> Terms:
    return Terms(sale_id, till, amount, 752, 60, "mjölk", b"r" * 8, b"receiver", kind)


def ring(journal: Journal, at: int, what: Terms) -> None:
    journal.append(at, what.sale_id, event_codec.RUNG, event_codec.dump_terms(what))


def keep(journal: Journal, at: int, sale_id: str, fact: Fact, secret: bytes = b"") -> None:
    written = event_codec.dump_fact(fact)
    journal.append(at, sale_id, fact.event, written.body, secret or written.secret)


def close(journal: Journal, at: int, what: Terms, state: str, reason: int = 0) -> None:
    kind = "refund" if what.kind else "sale"
    ids = (b"t" * 16, b"a" * 16)
    till = (kind, what.receiver_id, what.till, state, reason, what.amount, what.currency)
    journal.close_sale(Closed(what.sale_id, *till, at, *ids, event_codec.dump_terms(what), ""))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """Three closed sales of two days, two of them in an archive, and one that is open."""
    with closing(Journal.open(path)) as journal:
        ended, refund = terms("sale-ended", 1, 12_50), terms("refund-1", 2, 5_00, kind=1)
        ring(journal, NOON - 24 * HOUR, ended)
        keep(journal, NOON, "sale-ended", Fact(Event.CANCELLED, reasons.CASHIER_CANCELLED))
        close(journal, NOON - 24 * HOUR, ended, "cancelled", reasons.CASHIER_CANCELLED)
        ring(journal, NOON, refund)
        keep(journal, NOON, "refund-1", Fact(Event.REFUND_ORDERED))
        keep(journal, NOON, "refund-1", Fact(Event.POSTED, transaction_id=b"t" * 16))
        close(journal, NOON, refund, "posted")
        ring(journal, NOON, terms("sale-open", 1, 99_00))
        journal.archive({"sale-open"})
        other = terms("sale-other", 1, 7_00)
        ring(journal, NOON + 1, other)
        keep(journal, NOON + 1, "sale-other", Fact(Event.CANCELLED, reasons.CASHIER_CANCELLED))
        close(journal, NOON + 1, other, "cancelled", reasons.CASHIER_CANCELLED)
        keep(journal, NOON, "sale-open", Fact(Event.OFFERED, offer=OFFER))
        keep(journal, NOON, "sale-open", Fact(Event.APPROVAL_RECEIVED, approval=b"x" * 147), SECRET)
        yield journal


def run(path: Path, *arguments: str) -> int:
    return cli.main(["journal", "--journal", str(path), *arguments])


def told(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says, which succeeds."""
    assert run(path, *arguments) == 0
    return capsys.readouterr().out


def listed(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    sales = json.loads(told(path, capsys, "list", "--json", *arguments))["sales"]
    return [sale["sale_id"] for sale in sales]


@pytest.mark.usefixtures("journal")
def test_the_list(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(path, capsys, "list").splitlines()
    assert len(lines) == 4 + 3
    assert [line.split()[-1] for line in lines[:4]] == [
        *("cashier_cancelled", "refund-1", "(open)", "cashier_cancelled")
    ]
    assert "approval_received                    SEK 99.00  sale-open  (open)" in lines[2]
    assert ["2", "×", "sale", "cancelled", "SEK", "19.50"] in [line.split() for line in lines[4:]]
    assert not any("\033" in line for line in lines)


@pytest.mark.usefixtures("journal")
def test_the_list_is_narrowed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything = ["sale-ended", "refund-1", "sale-open", "sale-other"]
    assert listed(path, capsys) == everything
    assert listed(path, capsys, "--day", "2026-03-28") == ["sale-ended"]
    assert listed(path, capsys, "--day", "2026-03-29") == everything[1:]
    assert listed(path, capsys, "--till", "2") == ["refund-1"]
    assert listed(path, capsys, "--state", "cancelled") == ["sale-ended", "sale-other"]
    assert listed(path, capsys, "--open") == ["sale-open"]
    assert listed(path, capsys, "--open", "--till", "2") == []
    assert told(path, capsys, "list", "--till", "3") == "no sales\n"


@pytest.mark.usefixtures("journal")
def test_one_sale(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(path, capsys, "show", "sale-open")
    assert text.startswith("sale-open  approval_received\n")
    for words in (
        "amount: SEK 99.00",
        "note: mjölk",
        "offer: 182 bytes, SHA-256 ",
        "#8",
        "approval_received",
    ):
        assert words in text
    assert text.count("#") == 3  # what was carried over is not said twice
    assert SECRET.hex() not in text
    text = told(path, capsys, "show", "sale-ended")
    assert "reason: cashier_cancelled" in text
    assert "closed" in text
    assert "approval_id: " + "61" * 16 in text


@pytest.mark.usefixtures("journal")
def test_one_sale_for_programs(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = json.loads(told(path, capsys, "show", "refund-1", "--json"))
    assert (shown["sale_id"], shown["state"]) == ("refund-1", "posted")
    kinds = [entry["kind"] for entry in shown["entries"]]
    assert kinds == ["rung", "refund_ordered", "posted", "closed"]
    assert shown["entries"][0]["body"]["amount"] == 500


def test_a_sale_with_an_alarm(
    path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = (b"a" * 16, 12_50, 752, 1, b"receiver")
    journal.raise_alarm(NOON, Alarm("one", "paid_twice", "sale-ended", *ids, NOON, "posted"))
    journal.acknowledge(NOON, "one", "Åsa", "money is back")
    journal.flush()
    text = told(path, capsys, "show", "sale-ended")
    for words in ("  alarm\n", "kind: paid_twice", "amount: SEK 12.50", "detail: posted"):
        assert words in text
    for words in ("  acknowledged\n", "by: Åsa", "note: money is back"):
        assert words in text
    assert "unreadable" not in text


@pytest.mark.usefixtures("journal")
def test_a_sale_that_this_version_cannot_read(
    path: Path, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.append(1, "strange", "unheard of", '{"of": 1}')
    text = told(path, capsys, "show", "strange")
    assert text.startswith("strange  unreadable")
    assert 'body: unreadable: {"of": 1}' in text
    assert "strange" in listed(path, capsys, "--open")
    assert run(path, "list") == 0


@pytest.mark.usefixtures("journal")
def test_verify(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(path, "verify") == 0
    shown = capsys.readouterr()
    end = f"up to {DAY.isoformat(' ')}, at sequence 14"
    assert shown.out == f"{path}: whole; entries: 14, archives: 1, closed sales: 3; {end}\n"
    assert shown.err == ""
    counts = {"archives": 1, "entries": 14, "closed": 3, "sequence": 14, "newest_at": NOON}
    assert json.loads(told(path, capsys, "verify", "--json")) == {**counts, "findings": []}


@pytest.mark.parametrize("arguments", [["verify"], ["list"], ["export"]])
def test_damage(
    path: Path, journal: Journal, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    journal.close()
    tamper(path, "UPDATE entries SET body = '{}' WHERE id = 10")
    code = run(path, *arguments)
    assert code == (0 if arguments == ["export"] else 1)  # what is there can be taken out
    shown = capsys.readouterr()
    if code:
        assert f"{path}: the hash chain breaks at entry 10" in shown.out + shown.err


@pytest.mark.usefixtures("journal")
def test_export(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(path, capsys, "export")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["id"] for line in lines] == list(range(1, 15))
    assert lines[0].keys() == {
        *("id", "at", "sale_id", "kind", "body", "carried", "sealed", "rule", "hash")
    }
    assert SECRET.hex() not in text
    assert SECRET.decode() not in text
    file = tmp_path / "export.jsonl"
    assert run(path, "export", "--to", str(file)) == 0
    assert file.read_text() == text
    assert file.stat().st_mode & 0o777 == 0o600
    assert run(path, "export", "--to", str(file)) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(path, "export", "--to", str(tmp_path / "no" / "where")) == 2


# What is said when it cannot be.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nobody"], "no sale nobody; `list` names them"),
        (["list", "--day", "yesterday"], "write it as 2026-01-31"),
    ],
)
@pytest.mark.usefixtures("journal")
def test_usage(
    path: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = run(path, *arguments)
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert words in capsys.readouterr().err


def test_what_is_no_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, text = tmp_path / "old.sqlite", tmp_path / "text"
    old_journal(old)
    next_version(monkeypatch)
    text.write_text("not a database, whatever its name" * 40)
    assert run(tmp_path / "away.sqlite", "list") == 2
    assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "away.sqlite").exists()
    assert run(old, "list") == 2
    assert "start the bridge to migrate it" in capsys.readouterr().err
    assert run(text, "verify") == 1
    assert "not a database" in capsys.readouterr().err
    assert cli.main(["journal", "--config", str(tmp_path / "no.toml"), "list"]) == 2


def test_by_the_bridges_configuration(
    path: Path, journal: Journal, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    from bridge.config import configuration

    class Config:
        journal = path
        position_file = path.with_name("position")

    monkeypatch.setattr(configuration, "load", lambda file: Config)
    assert cli.main(["journal", "--config", "bridge.toml", "list", "--open"]) == 0
    assert "sale-open" in capsys.readouterr().out


@pytest.mark.usefixtures("journal")
def test_which_journal_is_said_before_the_command_or_after_it(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the documents write it, and once only."""
    assert cli.main(["journal", "list", "--open", "--journal", str(path)]) == 0
    assert "sale-open" in capsys.readouterr().out
    assert cli.main(["journal", "list"]) == 2
    both = ["--journal", str(path), "list", "--config", "bridge.toml"]
    assert cli.main(["journal", *both]) == 2
    assert capsys.readouterr().err.count("name either the journal") == 2


@pytest.mark.usefixtures("journal")
def test_on_a_terminal(path: Path) -> None:
    """Colours, and how far it has come."""
    said = on_terminal([sys.executable, "-m", "bridge.cli", "journal", "--journal", str(path)])
    assert "\033[32mposted" in said["list"]
    assert "\033[33mapproval_received" in said["list"]
    assert "1 of 2 files" in said["verify"]


def on_terminal(command: list[str]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    said = {}
    for action in ("list", "verify"):
        ours, theirs = pty.openpty()
        with open(ours, "rb", buffering=0) as screen:  # noqa: PTH123
            subprocess.run(
                [*command, action], stdout=theirs, stderr=theirs, env=environment, check=True
            )
            os.close(theirs)
            said[action] = screen.read(8192).decode()
    return said


@pytest.mark.usefixtures("journal")
def test_the_reader_may_stop(path: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "bridge.cli", "journal", "--journal", str(path), "export"]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")
