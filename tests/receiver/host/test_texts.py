"""Every reason has its texts, in both languages, and they tell people what they need."""

from __future__ import annotations

import re

import pytest

from receiver import reasons
from receiver.host.reason_texts import TABLE, Texts
from receiver.host.texts import FIRST_LINE_MOST, MENDABLE, PHONES, texts

EACH = [(code, refund) for code in sorted(TABLE) for refund in (False, True)]
# A refund with one of these reasons is about the purchase itself, or about who may buy.
OF_PURCHASES = {
    *(reasons.PURCHASE_LIMIT, reasons.CREDIT_SPACE, reasons.RECIPIENT_CLOSED),
    *(reasons.BUYER_BLOCKED, reasons.NOT_POSTED, reasons.REFUND_EXCEEDS, reasons.OTHER_BUYER),
}


def first_line(text: str) -> str:
    return re.split(r"(?<=[.?]) ", text)[0]


def test_every_code_has_a_row() -> None:
    assert set(TABLE) == set(reasons.NAMES)


@pytest.mark.parametrize(("code", "refund"), EACH)
def test_texts_are_sentences(code: int, refund: bool) -> None:
    for text in texts(code, refund=refund):
        assert text[0].isupper()
        assert text.endswith(".")
        assert len(text) <= 120  # two lines on a till


@pytest.mark.parametrize(("code", "refund"), EACH)
def test_the_first_line_of_a_cashier_fits(code: int, refund: bool) -> None:
    row = texts(code, refund=refund)
    for text in (row.cashier_sv, row.cashier_en):
        assert len(first_line(text)) <= FIRST_LINE_MOST, first_line(text)


@pytest.mark.parametrize("code", PHONES)
def test_the_line_about_a_phone_fits(code: str) -> None:
    for text in PHONES[code]:
        assert len(text) <= FIRST_LINE_MOST


@pytest.mark.parametrize(("code", "refund"), EACH)
def test_languages_are_not_mixed_up(code: int, refund: bool) -> None:
    row = texts(code, refund=refund)
    for english in (row.cashier_en, row.buyer_en):
        assert not set("åäöÅÄÖ") & set(english)


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_refund_takes_no_payment(code: int) -> None:
    row = texts(code, refund=True)
    for text in row:
        assert not re.search(r"ta (inte )?betalt|har inte betalat|varorna", text.lower())
        assert not re.search(r"(other|another) payment|not paid|goods", text.lower())
        if code not in OF_PURCHASES:
            assert not re.search(r"\bköp(et)?\b|purchase", text.lower())


@pytest.mark.parametrize("code", sorted(TABLE))
def test_a_purchase_is_never_called_a_refund(code: int) -> None:
    if code not in OF_PURCHASES:
        assert not re.search(r"återbet|refund", " ".join(texts(code)).lower())


def test_what_a_buyer_can_mend() -> None:
    assert {reasons.name(code) for code in MENDABLE} == {
        "code_wrong",
        "purchase_limit",
        "credit_space",
        "recipient_closed",
    }


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (reasons.PURCHASE_LIMIT, "Köparen får kontakta sin chef eller administratör."),
        (reasons.PURCHASE_LIMIT, "köpgräns"),
        (reasons.CREDIT_SPACE, "Köputrymmet"),
        (reasons.RECIPIENT_CLOSED, "Fakturamottagaren är spärrad för köp."),
        (reasons.BUYER_BLOCKED, "Köparen är spärrad för köp."),
        (reasons.WRONG_RECEIVER, "Mottagaren hör inte till den här kassan."),
        (reasons.SECOND_APPROVAL, "Ytterligare en telefon"),
        (reasons.NOBODY_CAME, "Är köparen kvar? Börja om."),
        (reasons.RECEIVER_UNTRUSTED, "kunde inte verifieras"),
        (reasons.REFUND_EXCEEDS, "större än det som återstår att återbetala"),
        (reasons.NOT_POSTED, "och kan därför inte återbetalas"),
        (reasons.OTHER_BUYER, "Be den som gjorde köpet godkänna."),
        (reasons.JOURNAL_FULL, "tas emot"),
        (reasons.STORE_FAILED, "ring supporten"),
        (reasons.LIABILITY, "Felet är rapporterat. Du behöver inte göra något."),
        (reasons.REVERSED, "återkallades"),
        (reasons.NOT_TOLD, "återkallades"),
        (reasons.CONFLICT, "Ett annat köp pågår."),
        (reasons.LINK_TIMEOUT, "hålla mobilen mot mottagaren"),
    ],
)
def test_words_are_those_of_the_trade(code: int, words: str) -> None:
    assert words in texts(code).cashier_sv


def test_an_unknown_code_still_reads() -> None:
    assert texts(255).cashier_sv
    assert isinstance(texts(255, refund=True), Texts)
