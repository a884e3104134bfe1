"""What the authority says of a sale that the journal shows as told: when it is the till's word."""

from __future__ import annotations

import pytest

from bridge.domain import rollback
from bridge.domain.held import AuthorityTransaction, HoldState
from bridge.domain.sale import Sale
from bridge.domain.states import Event, State
from receiver.protocol import messages
from tests.support.bridge.outbox import EARLIER, NAME, TERMS, TRANSACTION
from tests.support.values.evidence import SEK


def told(mode: int) -> Sale:
    sale = Sale(TERMS)
    sale.state, sale.mode, sale.approval_id = State.TILL_NOTIFIED, mode, NAME
    return sale


def held(state: HoldState, name: bytes = NAME) -> AuthorityTransaction:
    names = (name, TERMS.receiver_id, state, False)
    return AuthorityTransaction(
        *names, TERMS.amount, SEK, TRANSACTION, TERMS.reference, TERMS.till, 0
    )


@pytest.mark.parametrize(
    ("mode", "state", "events"),
    [
        (messages.ONLINE, HoldState.POSTED, [Event.PAID]),
        (messages.OFFLINE, HoldState.POSTED, [Event.PAID]),
        (messages.ONLINE, HoldState.VOIDED, [Event.REVERSAL_OWED]),
        (messages.OFFLINE, HoldState.DECLINED, [Event.PAID]),  # sent once the till had said so
        (
            messages.OFFLINE,
            HoldState.VOIDED,
            [],
        ),  # by the till, or as a loss: it says its word again
        (messages.ONLINE, HoldState.PENDING, []),
        (messages.ONLINE, HoldState.EXPIRED, []),
    ],
)
def test_whose_word_the_authority_has(mode: int, state: HoldState, events: list[Event]) -> None:
    assert [fact.event for fact in rollback.resume(told(mode), held(state))] == events


@pytest.mark.parametrize("mode", [messages.ONLINE, messages.OFFLINE])
@pytest.mark.parametrize("state", [HoldState.VOIDED, HoldState.DECLINED])
def test_another_approval_that_was_given_back(mode: int, state: HoldState) -> None:
    assert rollback.resume(told(mode), held(state, EARLIER)) == []
