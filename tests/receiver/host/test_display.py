"""The cashier is told something in every state that a till can see, of purchases and refunds."""

from __future__ import annotations

import pytest

from bridge.domain.states import SHOWN, State
from bridge.till.rest.views import REFUND_STATES
from receiver.host.display import DISPLAYS
from receiver.host.texts import FIRST_LINE_MOST


def test_every_shown_state_of_a_purchase_has_a_text() -> None:
    shown = {str(SHOWN.get(state, state)) for state in State} - {State.REFUNDING}
    assert {name for refund, name in DISPLAYS if not refund} == shown


def test_every_shown_state_of_a_refund_has_a_text() -> None:
    shown = {str(REFUND_STATES.get(state, SHOWN.get(state, state))) for state in State}
    assert {name for refund, name in DISPLAYS if refund} == shown


@pytest.mark.parametrize("key", sorted(DISPLAYS))
def test_the_first_line_fits_a_display(key: tuple[bool, str]) -> None:
    for text in DISPLAYS[key]:
        first, _, rest = text.partition(". ")
        assert len(first.removesuffix(".") + ".") <= FIRST_LINE_MOST
        assert text.endswith(".")
        assert len(rest) <= FIRST_LINE_MOST


@pytest.mark.parametrize("key", sorted(DISPLAYS))
def test_a_refund_is_never_called_a_purchase(key: tuple[bool, str]) -> None:
    refund, _ = key
    sv, en = DISPLAYS[key]
    if refund:
        assert "köpet" not in sv.lower()
        assert "purchase" not in en.lower()
    else:
        assert "återbet" not in sv.lower()
        assert "refund" not in en.lower()
