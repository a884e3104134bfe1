"""Labels: what people read, what a scanner reads, and digits that find a mistake."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bridge.cli import main as cli
from firmware.tools.enrol.label import Label
from receiver.protocol import messages
from tests.support.values import evidence

LABEL = Label(101, "Coop & Söner <1>", 7, bytes.fromhex("0123456789abcdef"))


def test_a_label_is_text_picture_and_code(tmp_path: Path) -> None:
    text, svg, png = LABEL.keep_in(tmp_path)
    assert text.read_text().splitlines() == [
        "Till 7",
        "Coop & Söner <1>",
        "Store 101",
        "Receiver 0123 4567 89ab cdef",
        f"Check {LABEL.check}",
    ]
    tree = ElementTree.parse(svg)
    texts = [one.text for one in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == LABEL.lines()
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}path"))) == 1
    assert png.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_code_says_the_same() -> None:
    assert LABEL.code == f"TILLSIGN:1:101:7:0123456789ABCDEF:{LABEL.check}"
    alphanumeric = set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert set(LABEL.code) <= alphanumeric, "which takes least room in a QR code"


def test_one_wrong_digit_is_found() -> None:
    digits = LABEL.receiver_id.hex()
    wrong = [
        bytes.fromhex(digits[:at] + other + digits[at + 1 :])
        for at, digit in enumerate(digits)
        for other in "0123456789abcdef"
        if other != digit
    ]
    found = [one for one in wrong if LABEL._replace(receiver_id=one).check != LABEL.check]
    assert len(found) == len(wrong) == 15 * 16
    assert LABEL._replace(till=8).check != LABEL.check
    assert LABEL._replace(store=102).check != LABEL.check


def test_a_label_from_a_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "receiver-7.cose"
    place.write_bytes(certificate(tmp_path))
    arguments = ["receiver", "label", "--certificate", str(place), "--out", str(tmp_path)]
    assert cli.main([*arguments, "--till", "7", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["text"][0] == "Till 7"
    assert [Path(file).exists() for file in value["files"]] == [True] * 3
    assert cli.main(arguments) == 2
    assert "--till" in capsys.readouterr().err
    place.write_bytes(b"\xff")
    assert cli.main([*arguments, "--till", "7"]) == 1
    assert "no certificate" in capsys.readouterr().err


def certificate(directory: Path) -> bytes:
    from simulator.authority.keys import Keys

    value = messages.Certificate(
        "issuer", LABEL.receiver_id, 2**31, 1, evidence.seed("label"), 101, "Store", 1, 752
    )
    return Keys(directory / "keys.json").certificate(value)
