"""`tillsign phone` and how it finds a world."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

import pytest

from receiver import reasons
from receiver.host.command import UsageError
from receiver.protocol import messages
from simulator.phone.app import cli, wording
from simulator.phone.app.screen import Screen, sentence
from simulator.phone.app.visit import Step
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome, View
from simulator.processes import attach

VIEW = View(events.SHOWN, 1, "Storgatan 1", 7, 24_900, 752, "07")
NO_SUCH_PID = 2**22 + 1  # above Linux's largest


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(attach.VARIABLE, raising=False)


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.command.prepare(parser)
    return parser.parse_args(given)


def test_a_published_world_is_found_while_it_runs() -> None:
    with attach.publish("http://127.0.0.1:1"):
        assert attach.find() == "http://127.0.0.1:1"
    with pytest.raises(attach.AttachError, match="tillsign simulate"):
        attach.find()


def test_the_environment_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(attach.VARIABLE, "http://127.0.0.1:2")
    with attach.publish("http://127.0.0.1:1"):
        assert attach.find() == "http://127.0.0.1:2"


def test_the_newest_living_world_is_found() -> None:
    with attach.publish("http://127.0.0.1:1"):
        (own,) = attach._directory().glob("*.json")
        os.utime(own, (1, 1))
        dead = {"control": "http://127.0.0.1:3", "pid": NO_SUCH_PID}
        (attach._directory() / "world-3.json").write_text(json.dumps(dead))
        (attach._directory() / "world-4.json").write_text("junk")
        assert attach.find() == "http://127.0.0.1:1"
        parent = {"control": "http://127.0.0.1:5", "pid": os.getppid()}
        (attach._directory() / "world-5.json").write_text(json.dumps(parent))
        assert attach.find() == "http://127.0.0.1:5"


def test_a_directory_that_others_can_write_is_not_believed() -> None:
    with attach.publish("http://127.0.0.1:1"):
        attach._directory().chmod(0o777)
        with pytest.raises(attach.AttachError, match="open to other users"):
            attach.find()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ((), "no world is running"),
        (("--code", "12345"), "six digits"),
        (("--code", "abcdef"), "six digits"),
        (("--code", "１２３４５６"), "six digits"),
        (("--key", "rsa"), "p256, ed25519"),
    ],
    ids=["no world", "short code", "letters", "other digits", "no kind of key"],
)
def test_a_usage_error(line: tuple[str, ...], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        cli.command.run(arguments(*line))


def test_a_buyer_has_one_mood() -> None:
    with pytest.raises(SystemExit):
        arguments("--decline", "--silent")


def test_a_file_that_is_no_wallet(tmp_path: Path) -> None:
    path = tmp_path / "wallet.json"
    path.write_text("{}")
    with pytest.raises(UsageError, match="not a wallet"):
        cli.command.run(arguments("--wallet", str(path)))


def test_the_outcome_on_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().outcome(Outcome(events.DECLINED, 42, VIEW))
    text = capsys.readouterr().out
    for part in ("köpgräns", "purchase limit", "SEK 249.00"):
        assert part in text
    assert "\x1b" not in text


def test_every_outcome_has_a_last_word(capsys: pytest.CaptureFixture[str]) -> None:
    for result in (
        events.APPROVED,
        events.ACCEPTED,
        events.DECLINED,
        events.LEFT,
        events.REFUSED,
        events.LOST,
        events.UNKNOWN,
        events.NO_TILL,
    ):
        Screen().outcome(Outcome(result))
    assert capsys.readouterr().out.count("\n") >= 8


def test_the_outcome_as_json() -> None:
    document = wording.document(Outcome(events.APPROVED, 0, VIEW, b"\x01" * 16))
    assert document["outcome"] == "approved"
    assert (document["amount"], document["currency"]) == (24_900, "SEK")
    assert document["approval_id"] == "01" * 16
    assert document["reason"] is None
    assert document["kind"] == {"code": "purchase", "sv": "Köp", "en": "Purchase"}


def test_a_refund_is_called_one(capsys: pytest.CaptureFixture[str]) -> None:
    refund = VIEW._replace(refund=True)
    document = wording.document(Outcome(events.APPROVED, 0, refund))
    assert document["kind"] == {"code": "refund", "sv": "Återbetalning", "en": "Refund"}
    shown = sentence(Step(events.SHOWN, 0.0, refund._asdict()))
    assert shown == "Återbetalning / Refund: Storgatan 1, till 7: SEK 249.00, match code 07"
    Screen().outcome(Outcome(events.APPROVED, 0, refund))
    assert "Återbetalning / Refund: SEK 249.00" in capsys.readouterr().out


def test_a_provisional_outcome_is_not_called_approved(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(events.ACCEPTED, reasons.ACCEPTED_OFFLINE, VIEW, b"\x01" * 16)
    document = wording.document(outcome)
    assert document["outcome"] == "accepted"
    texts = wording.reason_texts(reasons.ACCEPTED_OFFLINE)
    assert document["reason"] == {"code": "accepted_offline", **texts}
    assert document["transaction_id"] is None
    step = Step("provisional", 0.0, {"approval_id": "01", "reason": reasons.ACCEPTED_OFFLINE})
    assert sentence(step) == f"{texts['sv']} / {texts['en']}"
    Screen().outcome(outcome)
    printed = capsys.readouterr().out
    assert printed.startswith("Provisionally approved\n")
    assert texts["sv"] in printed


def test_a_declined_outcome_as_json_names_its_reason_and_no_transaction() -> None:
    receipt = messages.Receipt(
        messages.VERSION,
        messages.DECLINED,
        bytes(16),
        24_900,
        752,
        messages.NO_TRANSACTION,
        0,
        101,
        7,
        reasons.CODE_WRONG,
    )
    outcome = Outcome(events.DECLINED, reasons.CODE_WRONG, VIEW, receipt.approval_id, receipt)
    document = wording.document(outcome)
    assert document["reason"] == {"code": "code_wrong", **wording.reason_texts(receipt.reason)}
    assert document["transaction_id"] is None


def test_steps_in_words() -> None:
    shown = sentence(Step(events.SHOWN, 0.0, VIEW._asdict()))
    assert shown == "Storgatan 1, till 7: SEK 249.00, match code 07"
    assert sentence(Step("key_written", 0.0, {})) is None
    assert sentence(Step(events.SHOWN, 0.0, VIEW._asdict()), "sv") == (
        "Storgatan 1, kassa 7: 249,00 kr, kontrollsiffror 07"
    )
