"""Words that people misread stay out of every text, document and picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from receiver.host.display import DISPLAYS
from receiver.host.reason_texts import TABLE
from receiver.host.texts import PHONES, texts
from simulator.phone.app.sentences import HELP, SENTENCES
from tests.architecture.tree import ROOT

READ = ("receiver", "bridge", "simulator", "firmware", "docs", "README.md", "CHANGELOG.md")
SUFFIXES = {".py", ".md", ".svg", ".toml", ".js"}
SWEDISH = {
    "går inte att lita på": "kunde inte verifieras",
    "dra(gs|s|gits|gen)? tillbaka|drogs? tillbaka": "återkallades",
    "dela (upp )?köpet": "contact a manager: a split purchase gets round a limit",
    r"kan inte tas\b(?! emot)": "tas emot",
    r"\bring support\b": "ring supporten",
    "stämmer inte med kassan": "hör inte till den här kassan",
    "en andra telefon": "ytterligare en telefon",
    "om köparen är kvar": "är köparen kvar?",
    "vad som är kvar att": "det som återstår att",
    "så inget kan återbetalas": "och kan därför inte återbetalas",
    "be den som köpte": "be den som gjorde köpet",
    "det är anmält|gör inget mer": "felet är rapporterat",
    "stängd för köp|får inte handla": "spärrad för köp",
    "krockar": "ett annat köp pågår",
    r"\b(håll|hålla|hålls)( kvar)? telefon": "hålla mobilen mot mottagaren",
    "matchkod|matchningskod|kontrollkod|kontrollnummer": "kontrollsiffror",
    r"[0-9]\.[0-9]{2} (SEK|kr\b)|SEK [0-9 ]+,[0-9]{2}\b": "249,00 kr, or SEK 249.00",
}
ENGLISH = {
    "cannot be trusted": "could not be verified",
    "taken? back|took back": "reversed",
    "split the purchase": "contact a manager",
    "conflicts with": "under way",
    "closed for": "blocked for",
}


def read() -> list[Path]:
    places = [ROOT / name for name in READ]
    found = [path for place in places for path in (place, *place.rglob("*"))]
    return [path for path in found if path.suffix in SUFFIXES]


def spoken() -> list[str]:
    """Every English text for cashiers and buyers."""
    rows = [texts(code, refund=refund) for code in TABLE for refund in (False, True)]
    helps = [words for group in HELP.values() for words in group]
    pairs = [*DISPLAYS.values(), *PHONES.values(), *SENTENCES.values(), *helps]
    return [row.cashier_en for row in rows] + [row.buyer_en for row in rows] + [p[1] for p in pairs]


@pytest.mark.parametrize("wrong", SWEDISH)
def test_no_text_and_no_document_has_the_word(wrong: str) -> None:
    pattern = re.compile(wrong, re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in read()
        for match in pattern.finditer(path.read_text("utf-8"))
    ]
    assert not found, f"{found}: {SWEDISH[wrong]}"


@pytest.mark.parametrize("wrong", ENGLISH)
def test_no_english_text_has_the_word(wrong: str) -> None:
    found = [text for text in spoken() if re.search(wrong, text, re.IGNORECASE)]
    assert not found, f"{found}: {ENGLISH[wrong]}"
