"""Every reason has its texts, in both languages, and they tell people what they need."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.host.texts import MENDABLE, TABLE, texts


def test_every_code_has_a_row() -> None:
    assert set(TABLE) == set(reasons.NAMES)


@pytest.mark.parametrize("code", sorted(TABLE))
def test_texts_are_sentences(code: int) -> None:
    for text in texts(code):
        assert text[0].isupper()
        assert text.endswith(".")
        assert len(text) <= 120  # two lines on a till


@pytest.mark.parametrize("code", sorted(TABLE))
def test_languages_are_not_mixed_up(code: int) -> None:
    row = texts(code)
    for english in (row.cashier_en, row.buyer_en):
        assert not set("åäöÅÄÖ") & set(english)


def test_what_a_buyer_can_mend() -> None:
    assert {reasons.name(code) for code in MENDABLE} == {
        "code_wrong",
        "purchase_limit",
        "credit_space",
        "recipient_closed",
    }


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (reasons.PURCHASE_LIMIT, "köpgräns"),
        (reasons.CREDIT_SPACE, "Köputrymmet"),
        (reasons.RECIPIENT_CLOSED, "Fakturamottagaren"),
    ],
)
def test_words_are_those_of_the_trade(code: int, word: str) -> None:
    assert word in texts(code).cashier_sv


def test_an_unknown_code_still_reads() -> None:
    assert texts(255).cashier_sv
