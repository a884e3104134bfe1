"""What the authority says of a sale that the journal shows as told: when it is the till's word."""

from __future__ import annotations

import pytest

from bridge.domain import rollback
from bridge.domain.held import Held, Holding
from bridge.domain.sale import Sale
from bridge.domain.states import Event, State
from receiver.protocol import messages
from tests.evidence import SEK
from tests.unit.outbox_world import EARLIER, NAME, TERMS, TRANSACTION


def told(mode: int) -> Sale:
    sale = Sale(TERMS)
    sale.state, sale.mode, sale.approval_id = State.TOLD, mode, NAME
    return sale


def held(state: Held, name: bytes = NAME) -> Holding:
    names = (name, TERMS.receiver_id, state, False)
    return Holding(*names, TERMS.amount, SEK, TRANSACTION, TERMS.reference, TERMS.till, 0)


@pytest.mark.parametrize(
    ("mode", "state", "events"),
    [
        (messages.ONLINE, Held.POSTED, [Event.PAID]),
        (messages.OFFLINE, Held.POSTED, [Event.PAID]),
        (messages.ONLINE, Held.VOIDED, [Event.OWED]),
        (messages.OFFLINE, Held.DECLINED, [Event.PAID]),  # sent once the till had said so
        (messages.OFFLINE, Held.VOIDED, []),  # by the till, or as a loss: it says its word again
        (messages.ONLINE, Held.PENDING, []),
        (messages.ONLINE, Held.EXPIRED, []),
    ],
)
def test_whose_word_the_authority_has(mode: int, state: Held, events: list[Event]) -> None:
    assert [fact.event for fact in rollback.resume(told(mode), held(state))] == events


@pytest.mark.parametrize("mode", [messages.ONLINE, messages.OFFLINE])
@pytest.mark.parametrize("state", [Held.VOIDED, Held.DECLINED])
def test_another_approval_that_was_given_back(mode: int, state: Held) -> None:
    assert rollback.resume(told(mode), held(state, EARLIER)) == []
