"""The wrong code: each function stands in for one that `tests/mutants/mistakes.py` names."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from bridge.authority import messages as authority_messages
from bridge.authority.client import AuthorityClient, UnansweredError
from bridge.authority.messages import OfReceiver, ReceiverId
from bridge.books.commits import Commits
from bridge.domain.approval_attempt import ApprovalAttempt
from bridge.domain.authorisation_result import AuthorisationResult
from bridge.domain.controller import Controller
from bridge.domain.effects import Acknowledge, Effects, Persist
from bridge.domain.events import BRIDGE
from bridge.domain.held import HoldState
from bridge.domain.sale import Fact
from bridge.domain.states import Event
from bridge.journal import JournalLaterError
from bridge.sales.outbox import Outbox
from bridge.sales.receiver_session import ReceiverSession
from bridge.till.rest import websocket
from receiver import reasons
from receiver.errors import Error
from receiver.protocol import messages, signed, validation
from simulator.authority.accounts.bindings import Caller
from simulator.authority.ledger import decline_rules, transactions
from simulator.authority.ledger.states import REVERSE
from simulator.authority.storage import schema


def nothing(*_: Any, **__: Any) -> None:
    """Leave it out."""


def without(text: str, constraint: str) -> str:
    """The authority's tables, but for one constraint or index."""
    assert constraint in text
    return text.replace(constraint, "")


# bridge/books/commits.py

_stall, _commit = Commits._stall, Commits.commit


def act_at_once(commits: Commits, acts: Any = ()) -> bool:
    for act in acts:
        act()
    return _commit(commits)


def act_last_in_first_out(commits: Commits, acts: Any = ()) -> bool:
    return _commit(commits, reversed(acts))


def tell_at_once(commits: Commits, event: Any, *, due: Any = None) -> None:
    commits._tell(event)


def stall_without_acts(commits: Commits, error: Any) -> None:
    commits._acts.clear()
    _stall(commits, error)


def stall_without_events(commits: Commits, error: Any) -> None:
    commits._events.clear()
    _stall(commits, error)


def flush_that_claims_success(commits: Commits) -> None:
    with suppress(JournalLaterError):
        commits._journal.flush()
    commits.written()


def flush_that_fails_alone(commits: Commits) -> None:
    try:
        commits._journal.flush()
    except JournalLaterError as error:
        commits._stall(error)
    else:
        commits.written()


async def end_with_all_acts(commits: Commits) -> None:
    commits.flush()


# bridge/domain

_received, _approval_checked = Controller._received, ApprovalAttempt.approval_checked
_persist, _weigh = Effects.persist, ApprovalAttempt._weigh


def acknowledge_first(controller: Controller, event: Any, now: int) -> None:
    _received(controller, event, now)
    controller._effects.found.sort(key=lambda effect: not isinstance(effect, Acknowledge))


def persist_all_but_the_request(effects: Effects, sale: Any, fact: Fact, source: str) -> None:
    _persist(effects, sale, fact, source)
    if fact.event is Event.AUTHORISATION_SENT:
        assert isinstance(effects.found.pop(), Persist)


def take_any_approval(attempt: ApprovalAttempt, answer: Any, now: int) -> None:
    if isinstance(answer.found, Error):
        named = answer.check.named
        answer = replace(answer, found=validation.Approved(named.id, named.parsed.value))
    _approval_checked(attempt, answer, now)


def take_any_verdict(attempt: ApprovalAttempt, name: bytes, reason: int) -> None:
    _weigh(attempt, attempt._sale.approval_id, reason)


def owe_without_a_reversal(effects: Effects, sale: Any, event: Event, reason: int) -> None:
    effects.persist(sale, Fact(event, reason, reversal=sale.approval_id), BRIDGE)


def read_unsigned(ring: Any, terms: Any, approval_id: bytes, data: bytes) -> Any:
    return signed.parse(messages.RECEIPT, data).value


def take_silence_for_no(result: AuthorisationResult, sale: Any) -> None:
    result._deny(sale, reasons.AUTHORITY_UNREACHABLE, b"")


# bridge/sales, bridge/till

_handle, _begin = ReceiverSession._handle, Outbox._begin
_told, _missed = websocket.told, websocket.missed


class LateAnswers(deque[Any]):
    """Puts the effects of an answer behind all that waits."""

    def extendleft(self, found: Any) -> None:
        self.extend(reversed(list(found)))


def handle_after_a_failure(session: ReceiverSession, event: Any) -> None:
    try:
        _handle(session, event)
    finally:
        session._failed = False


async def give_back_unheard(outbox: Outbox, sale: Any, approval_id: bytes) -> Fact:
    with suppress(UnansweredError):
        await outbox._authority.reverse(approval_id, sale.terms.receiver_id)
    fact: Fact = sale.given_back(approval_id)
    return fact


async def ask_before_the_commit(outbox: Outbox, ask: Any) -> Any:
    async with outbox._gate:
        return await ask()


def begin_while_it_is_asked(
    outbox: Outbox, sale: Any, name: bytes, attempt: Any, asking: Any = None
) -> None:
    _begin(outbox, sale, name, attempt)


async def tell_all(service: Any, past: Any, subscription: Any, *, till: bool) -> AsyncIterator[Any]:
    for change in past:
        yield change
    while True:
        yield await subscription.queue.get()


def tell_as_a_till(service: Any, past: Any, subscription: Any, *, till: bool) -> Any:
    return _told(service, past, subscription, till=True)


async def missed_as_a_till(service: Any, cursor: Any, *, till: bool) -> Any:
    return await _missed(service, cursor, till=True)


# bridge/authority


async def move_without_a_look_at_the_id(
    client: AuthorityClient, route: str, answered: Any, approval_id: bytes, receiver_id: bytes
) -> HoldState:
    body = OfReceiver(receiver_id=ReceiverId(receiver_id))
    path = authority_messages.path(route, approval_id=approval_id)
    answer = await client.post(path, body, answered)
    return HoldState(answer.state)


def posted_if_unknown(value: Any) -> Any:
    return authority_messages.Settled.POSTED


# simulator/authority

_insert = transactions.insert

TWO_SALES = without(
    schema.SCHEMA,
    """CREATE UNIQUE INDEX one_hold_per_sale ON transactions (receiver, reference)
    WHERE state IN ('PENDING', 'POSTED', 'EXPIRED');
""",
)
NO_SUM = without(
    schema.SCHEMA,
    """    CONSTRAINT refunded_at_most_what_was_posted CHECK (refunded + reserved = 0 OR (
        state = 'POSTED' AND kind = 0 AND refunded + reserved <= amount)),
""",
)


def reverse_without_a_stone(store: Any, event: str, booked: Any, now: int, **columns: Any) -> bool:
    return event == REVERSE or _insert(store, event, booked, now, **columns)


def allow_any_refund(original: Any, amount: int, currency: int, whose: Any = None) -> int:
    return decline_rules.judge_original(original, min(amount, 1), currency, whose)


def serve_any_client(store: Any, fingerprint: str, receiver_id: bytes) -> Caller:
    return Caller(fingerprint, receiver_id)
