"""Mistakes in bridge and authority, one a row: the name, what is replaced by what, who catches it.

Mistakes that only whole stories show are in `tests/crash/test_crashes.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from bridge.authority import messages
from bridge.authority.client import AuthorityClient
from bridge.books import books
from bridge.books.commits import Commits
from bridge.domain import effects, receipts
from bridge.domain.approval_attempt import ApprovalAttempt
from bridge.domain.authorisation_result import AuthorisationResult
from bridge.domain.controller import Controller
from bridge.domain.effects import Effects
from bridge.domain.states import NOTED, VOLATILE, Event
from bridge.sales import receiver_session
from bridge.sales.outbox import Outbox
from bridge.sales.receiver_session import ReceiverSession
from bridge.sales.sale_service import Service
from bridge.till.rest import websocket
from simulator.authority.accounts import bindings
from simulator.authority.ledger import ledger, refunds, transactions
from simulator.authority.storage import migrations
from tests.mutants import wrong


class Mistake(NamedTuple):
    """`owner.attribute` is `wrong` instead; then `test` fails."""

    name: str
    owner: Any
    attribute: str
    wrong: Any
    test: str  # its node id


COMMITS = "tests/bridge/books/test_commits.py::test_"
DESK = "tests/bridge/domain/test_controller.py::test_"
ORDERS = "tests/bridge/domain/test_orders.py::test_"
SESSION = "tests/bridge/sales/test_receiver_session.py::test_"
OUTBOX = "tests/bridge/sales/test_outbox.py::test_"
STREAM = "tests/bridge/till/test_events.py::test_"
LINE = "tests/bridge/authority/test_authority_line.py::test_"
LEDGER = "tests/simulator/authority/test_ledger.py::test_"
REFUNDS = "tests/simulator/authority/test_refunds.py::test_"
CLIENTS = "tests/simulator/authority/test_bindings.py::test_"

# fmt: off
MISTAKES = (
    # What is durable, and what follows.
    Mistake("acts before the commit", Commits, "commit", wrong.act_at_once,
            COMMITS + "the_journal_is_written_before_every_outward_act"),
    Mistake("acts out of order", Commits, "commit", wrong.act_last_in_first_out,
            COMMITS + "the_journal_is_written_before_every_outward_act"),
    Mistake("forgets what is due", Commits, "due", wrong.nothing,
            COMMITS + "the_journal_is_written_before_every_outward_act"),
    Mistake("lets an approval wait", books, "NOTED", NOTED | {Event.APPROVAL_RECEIVED},
            COMMITS + "while_the_journal_takes_no_write_all_that_follows_waits"),
    Mistake("tells before the commit", Commits, "publish", wrong.tell_at_once,
            COMMITS + "what_may_wait_holds_up_no_act_and_is_no_event_yet"),
    Mistake("forgets acts in a stall", Commits, "_stall", wrong.stall_without_acts,
            COMMITS + "while_the_journal_takes_no_write_all_that_follows_waits"),
    Mistake("forgets events in a stall", Commits, "_stall", wrong.stall_without_events,
            COMMITS + "while_the_journal_takes_no_write_all_that_follows_waits"),
    Mistake("claims that it is written", Commits, "flush", wrong.flush_that_claims_success,
            COMMITS + "while_the_journal_takes_no_write_all_that_follows_waits"),
    Mistake("acts while it ends", Commits, "end", wrong.end_with_all_acts,
            COMMITS + "a_bridge_that_ends_does_not_do_what_waits"),
    Mistake("outlives its journal", Commits, "flush", wrong.flush_that_fails_alone,
            COMMITS + "a_journal_that_fails_ends_the_bridge"),
    Mistake("outlives a failing act", Commits, "failed", wrong.nothing,
            COMMITS + "an_act_that_fails_ends_the_bridge"),
    # What is decided.
    Mistake("acknowledges first", Controller, "_received", wrong.acknowledge_first,
            DESK + "facts_come_before_what_follows_from_them"),
    Mistake("asks without its entry", Effects, "persist", wrong.persist_all_but_the_request,
            DESK + "facts_come_before_what_follows_from_them"),
    Mistake("takes any approval", ApprovalAttempt, "approval_checked", wrong.take_any_approval,
            DESK + "a_forged_approval_called_verified_is_caught"),
    Mistake("takes any verdict", ApprovalAttempt, "_weigh", wrong.take_any_verdict,
            DESK + "a_verdict_about_another_approval_is_a_refusal"),
    Mistake("takes an unsigned receipt", receipts, "proved", wrong.read_unsigned,
            DESK + "a_receipt_that_the_authority_did_not_sign_is_no_answer"),
    Mistake("takes another's receipt", receipts, "must_equal", wrong.nothing,
            DESK + "a_receipt_about_something_else_is_no_answer[changes4]"),
    Mistake("recalls without a reversal", Effects, "owe", wrong.owe_without_a_reversal,
            DESK + "a_refusal_is_journalled_before_it_is_told"),
    Mistake("takes silence for no", AuthorisationResult, "_timed_out", wrong.take_silence_for_no,
            DESK + "silence_is_unknown_and_an_answer_decides"),
    Mistake("notifies without its entry", effects, "VOLATILE", VOLATILE | {Event.TILL_NOTIFIED},
            ORDERS + "the_journal_alone_says_the_same[yes ok told]"),
    # What is carried out.
    Mistake("answers checks too late", receiver_session, "deque", wrong.LateAnswers,
            SESSION + "what_follows_from_a_check_goes_before_what_came_after_it"),
    Mistake("goes on after a failure", ReceiverSession, "_handle", wrong.handle_after_a_failure,
            SESSION + "after_a_failure_nothing_more_is_done"),
    Mistake("serves after a failure", Service, "fail", wrong.nothing,
            SESSION + "after_a_failure_nothing_more_is_done"),
    Mistake("gives a reversal up", Outbox, "_give_back", wrong.give_back_unheard,
            OUTBOX + "what_is_given_back[VOIDED]"),
    Mistake("confirms before the commit", Outbox, "_at_once", wrong.ask_before_the_commit,
            OUTBOX + "nothing_is_asked_before_the_journal_is_written"),
    Mistake("reverses what it asks about", Outbox, "_begin", wrong.begin_while_it_is_asked,
            OUTBOX + "nothing_is_asked_while_an_answer_is_awaited"),
    Mistake("shows without notifying", websocket, "told", wrong.tell_all,
            STREAM + "an_approval_is_no_event_and_notifies_its_till_alone[True]"),
    Mistake("notifies a plain watcher", websocket, "told", wrong.tell_as_a_till,
            STREAM + "an_approval_is_no_event_and_notifies_its_till_alone[False]"),
    Mistake("notifies one that is back", websocket, "missed", wrong.missed_as_a_till,
            STREAM + "who_comes_back_is_notified_if_it_is_a_till[False]"),
    # What the authority says.
    Mistake("takes another's answer", AuthorityClient, "_move", wrong.move_without_a_look_at_the_id,
            LINE + "an_answer_about_another_approval_is_no_answer"),
    Mistake("takes any state for posted", messages.Settled, "_missing_", wrong.posted_if_unknown,
            LINE + "an_approval_ends_in_known_states_alone[PENDING]"),
    # What it books.
    Mistake("posts a sale twice", migrations, "SCHEMA", wrong.TWO_SALES,
            LEDGER + "a_sale_carries_one_hold_at_a_time[sqlite]"),
    Mistake("leaves no stone", transactions, "insert", wrong.reverse_without_a_stone,
            LEDGER + "what_was_reversed_before_it_came_is_no_try[sqlite]"),
    Mistake("refunds without a rule", refunds, "judge_original", wrong.allow_any_refund,
            REFUNDS + "why_not[sqlite]"),
    Mistake("refunds without a constraint", migrations, "SCHEMA", wrong.NO_SUM,
            REFUNDS + "the_database_keeps_the_sum[sqlite]"),
    Mistake("ends what another booked", transactions, "must_be_theirs", wrong.nothing,
            CLIENTS + "a_former_client_touches_nothing_of_the_next[sqlite]"),
    Mistake("holds for a former client", ledger, "check_bound", wrong.nothing,
            CLIENTS + "a_client_that_lost_only_its_binding_begins_nothing[sqlite]"),
    Mistake("serves another's receiver", bindings, "caller", wrong.serve_any_client,
            CLIENTS + "a_receiver_has_one_client_and_a_history[sqlite]"),
)
# fmt: on
