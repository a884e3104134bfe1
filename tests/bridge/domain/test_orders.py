"""Receipt, verdict, silence, restart, cancel, end of patience: every order has one right answer.

The approval crosses at once, and authority and receiver speak in whatever order they are ready.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.domain import effects, event_codec, inputs
from bridge.domain.approval_attempt import VERDICT_MS
from bridge.domain.sale import Sale
from bridge.domain.states import UNVERIFIED, Event, State
from bridge.domain.till_decisions import TooLateError, Wish, decide
from bridge.till.rest.views import sale_view
from receiver import reasons
from receiver.encoding import schema
from receiver.link import wire
from receiver.protocol import identifiers, messages, signed
from tests.support.machines.controller import AT, PATIENCE_S, ControllerWorld, Purchase


class Moment:
    """A sale whose only approval was just handed over, and all that may come then."""

    def __init__(self, directory: Path) -> None:
        self.world = world = ControllerWorld(directory)
        world.begin()
        self.sale: Sale = world.sale
        self.offer = world.offer()
        self.approve()

    def approve(self) -> None:
        """A phone, the first or the next one; nobody minds it where there is no room."""
        if self.world.controller.sale is None:
            return
        self.purchase: Purchase = self.world.hand(self.offer)
        self.receipts = {
            reason: self.world.receipt(self.purchase.approval_id, reason)
            for reason in (reasons.OK, reasons.BUYER_BLOCKED, reasons.PURCHASE_LIMIT)
        }

    def answer(self, reason: int) -> None:
        """The station asks about nothing while another approval of the sale may be held."""
        name = self.purchase.approval_id
        if self.sale.owed and name not in self.sale.owed:
            return
        self.world.give(inputs.AuthorityAnswered(name, self.receipts[reason]))

    def judge(self, reason: int) -> None:
        self.world.judge(self.offer, self.purchase.approval_id, reason)

    def restart(self) -> None:
        """The receiver has forgotten its session; what is ordered then is offered."""
        self.world.give(inputs.LinkDown())
        self.world.sync()
        self.reoffer()

    def reoffer(self) -> None:
        desk = self.world.controller
        if desk.sale is not None and desk._attempt is None:
            self.offer = self.world.offer()

    def decide(self, wish: Wish) -> None:
        """As the service does: what it is too late for is refused."""
        if self.world.controller.sale is None:
            return
        with suppress(TooLateError):
            fact = decide(self.sale, wish)
            if fact is not None:
                self.world.give(inputs.Decide(fact))

    def give_back(self) -> None:
        """The authority acknowledges the oldest reversal, as the outbox tells it."""
        if self.sale.owed:
            fact = self.sale.given_back(self.sale.owed[0])
            self.sale.take(fact)
            self.world.outputs.append(effects.Persist(self.sale, self.sale, fact, "authority"))

    def unanswered(self) -> None:
        self.world.give(inputs.AuthorityTimedOut(self.purchase.approval_id))

    def reject(self) -> None:
        if self.sale.owed and self.purchase.approval_id not in self.sale.owed:
            return
        self.world.give(inputs.RecordRejected(self.purchase.approval_id, reasons.CONFLICT))


HAPPENS: dict[str, Callable[[Moment], None]] = {
    "yes": lambda m: m.answer(reasons.OK),
    "no": lambda m: m.answer(reasons.BUYER_BLOCKED),
    "mend": lambda m: m.answer(reasons.PURCHASE_LIMIT),
    "silence": Moment.unanswered,
    "reject": Moment.reject,
    "ok": lambda m: m.judge(reasons.OK),
    "bad": lambda m: m.judge(reasons.BAD_SIGNATURE),
    "late": lambda m: m.world.move(VERDICT_MS),
    "restart": Moment.restart,
    "cancel": lambda m: m.decide(Wish.CANCEL),
    "abort": lambda m: m.decide(Wish.ABORT),
    "told": lambda m: m.world.give(inputs.TillNotified()),
    "paid": lambda m: m.decide(Wish.PAY),
    "end": lambda m: m.world.move(PATIENCE_S * 1000),
    "returned": Moment.give_back,
}


class Case(NamedTuple):
    """What happens, the state and reason it leaves, whether a reversal is owed, what is told."""

    order: str
    state: State
    reason: int
    owed: bool
    results: list[int]


YES, NO, MEND = [messages.APPROVED], [messages.DECLINED], [messages.DECLINED]
OK, BAD, LATE = reasons.OK, reasons.BAD_SIGNATURE, reasons.VERDICT_TIMEOUT
GONE, SILENCE = reasons.RECEIVER_OFFLINE, reasons.AUTHORITY_UNREACHABLE
BLOCKED, LIMIT = reasons.BUYER_BLOCKED, reasons.PURCHASE_LIMIT
NOBODY, CASHIER = reasons.NOBODY_CAME, reasons.CASHIER_CANCELLED
TAKEN_BACK, UNTOLD = reasons.REVERSED, reasons.NOT_TOLD
CASES = [
    # Both words, either first.
    Case("yes ok", State.APPROVED, OK, False, YES),
    Case("ok yes", State.APPROVED, OK, False, YES),
    Case("yes ok bad", State.APPROVED, OK, False, YES),
    Case("silence yes ok", State.APPROVED, OK, False, YES),
    Case("silence ok yes", State.APPROVED, OK, False, YES),
    Case("ok silence yes", State.APPROVED, OK, False, YES),
    # One word alone.
    Case("yes", State.AUTHORISED_AWAITING_RECEIVER, OK, False, []),
    Case("ok", State.AUTHORISING, OK, False, []),
    Case("silence ok", State.UNKNOWN, SILENCE, False, []),
    Case("ok silence", State.UNKNOWN, SILENCE, False, []),
    # The receiver refuses.
    Case("bad", State.OPEN, BAD, True, []),
    Case("yes bad", State.OPEN, BAD, True, []),
    Case("bad yes", State.OPEN, BAD, True, []),
    Case("bad no", State.OPEN, BAD, True, []),
    Case("bad mend", State.OPEN, BAD, True, []),
    Case("bad ok yes", State.OPEN, BAD, True, []),
    Case("silence bad yes", State.OPEN, BAD, True, []),
    Case("bad silence", State.OPEN, BAD, True, []),
    Case("bad returned", State.OPEN, BAD, False, []),
    Case("bad late", State.OPEN, BAD, True, []),
    Case("bad restart", State.OPEN, BAD, True, []),
    # It says nothing in time.
    Case("late", State.OPEN, LATE, True, []),
    Case("yes late", State.OPEN, LATE, True, []),
    Case("late yes", State.OPEN, LATE, True, []),
    Case("late ok yes", State.OPEN, LATE, True, []),
    Case("late yes ok", State.OPEN, LATE, True, []),
    Case("late bad", State.OPEN, LATE, True, []),
    Case("silence late", State.OPEN, LATE, True, []),
    Case("ok late yes", State.APPROVED, OK, False, YES),
    # It has forgotten the session.
    Case("restart", State.OPEN, GONE, True, []),
    Case("yes restart", State.OPEN, GONE, True, []),
    Case("restart yes", State.OPEN, GONE, True, []),
    Case("silence restart yes", State.OPEN, GONE, True, []),
    Case("ok restart yes", State.APPROVED, OK, False, YES),
    Case("ok restart silence", State.UNKNOWN, SILENCE, False, []),
    # The authority says no: final, whatever the receiver says, and told when that has spoken.
    Case("no", State.DECLINED_AWAITING_RECEIVER, OK, False, []),
    Case("no yes", State.DECLINED_AWAITING_RECEIVER, OK, False, []),
    Case("no ok", State.DECLINED, BLOCKED, False, NO),
    Case("ok no", State.DECLINED, BLOCKED, False, NO),
    Case("no bad", State.DECLINED, BLOCKED, False, NO),
    Case("no late", State.DECLINED, BLOCKED, False, NO),
    Case("no restart", State.DECLINED, BLOCKED, False, NO),
    Case("no late ok", State.DECLINED, BLOCKED, False, NO),
    Case("no restart yes", State.DECLINED, BLOCKED, False, NO),
    Case("silence no", State.DECLINED_AWAITING_RECEIVER, OK, False, []),
    Case("silence no ok", State.DECLINED, BLOCKED, False, NO),
    Case("silence ok no", State.DECLINED, BLOCKED, False, NO),
    Case("mend", State.DECLINED_AWAITING_RECEIVER, OK, False, []),
    Case("mend ok", State.OPEN, LIMIT, False, MEND),
    Case("ok mend", State.OPEN, LIMIT, False, MEND),
    Case("mend bad", State.OPEN, LIMIT, False, MEND),
    Case("mend late", State.OPEN, LIMIT, False, MEND),
    Case("mend restart", State.OPEN, LIMIT, False, MEND),
    Case("mend ok bad", State.OPEN, LIMIT, False, MEND),
    Case("silence mend", State.DECLINED_AWAITING_RECEIVER, OK, False, []),
    Case("silence mend late", State.OPEN, LIMIT, False, MEND),
    # It takes no record, now or after it may have booked one.
    Case("reject", State.DECLINED_AWAITING_RECEIVER, OK, False, []),
    Case("reject ok", State.DECLINED, reasons.CONFLICT, True, []),
    Case("ok reject", State.DECLINED, reasons.CONFLICT, True, []),
    Case("reject bad", State.DECLINED, reasons.CONFLICT, True, []),
    Case("reject late", State.DECLINED, reasons.CONFLICT, True, []),
    Case("reject restart", State.DECLINED, reasons.CONFLICT, True, []),
    Case("reject end", State.DECLINED, reasons.CONFLICT, True, []),
    Case("reject ok returned", State.DECLINED, reasons.CONFLICT, False, []),
    Case("bad reject", State.OPEN, BAD, True, []),
    Case("silence reject", State.REVERSING, TAKEN_BACK, True, []),
    Case("silence ok reject", State.REVERSING, TAKEN_BACK, True, []),
    Case("silence reject returned", State.CANCELLED, TAKEN_BACK, False, []),
    # The till's patience ends.
    Case("end", State.REVERSING, TAKEN_BACK, True, []),
    Case("silence end", State.REVERSING, TAKEN_BACK, True, []),
    Case("ok end", State.REVERSING, TAKEN_BACK, True, []),
    Case("ok end yes", State.REVERSING, TAKEN_BACK, True, []),
    Case("yes end", State.REVERSING, LATE, True, []),
    Case("yes end ok", State.REVERSING, LATE, True, []),
    Case("yes end bad", State.REVERSING, LATE, True, []),
    Case("end yes ok", State.REVERSING, TAKEN_BACK, True, []),
    Case("end returned", State.CANCELLED, TAKEN_BACK, False, []),
    Case("end returned ok yes", State.CANCELLED, TAKEN_BACK, False, []),
    Case("bad end", State.CANCELLED, NOBODY, True, []),
    Case("late end yes", State.CANCELLED, NOBODY, True, []),
    Case("bad end returned", State.CANCELLED, NOBODY, False, []),
    Case("restart end", State.CANCELLED, NOBODY, True, []),
    Case("no end", State.DECLINED, BLOCKED, False, NO),
    Case("no end ok", State.DECLINED, BLOCKED, False, NO),
    Case("mend end", State.DECLINED, LIMIT, False, MEND),
    Case("mend end bad", State.DECLINED, LIMIT, False, MEND),
    Case("mend ok end", State.CANCELLED, NOBODY, False, MEND),
    # The cashier takes it back: what was asked about is reversed, a no that is there stands.
    Case("cancel", State.REVERSING, CASHIER, True, []),
    Case("cancel yes ok", State.REVERSING, CASHIER, True, []),
    Case("cancel returned", State.CANCELLED, CASHIER, False, []),
    Case("yes cancel ok", State.REVERSING, CASHIER, True, []),
    Case("ok cancel yes", State.REVERSING, CASHIER, True, []),
    Case("silence cancel", State.REVERSING, CASHIER, True, []),
    Case("ok abort", State.REVERSING, CASHIER, True, []),
    Case("bad cancel", State.CANCELLED, CASHIER, True, []),
    Case("yes bad cancel", State.CANCELLED, CASHIER, True, []),
    Case("late cancel ok yes", State.CANCELLED, CASHIER, True, []),
    Case("restart cancel yes", State.CANCELLED, CASHIER, True, []),
    Case("bad cancel returned", State.CANCELLED, CASHIER, False, []),
    Case("no cancel", State.DECLINED, BLOCKED, False, NO),
    Case("no cancel ok", State.DECLINED, BLOCKED, False, NO),
    Case("mend cancel", State.DECLINED, LIMIT, False, MEND),
    Case("mend ok cancel", State.CANCELLED, CASHIER, False, MEND),
    Case("end cancel", State.REVERSING, TAKEN_BACK, True, []),
    # Approved: the till is told and decides; one that never fetches it pays nothing.
    Case("yes ok told", State.TILL_NOTIFIED, OK, False, YES),
    Case("yes ok told end", State.TILL_NOTIFIED, OK, False, YES),
    Case("yes ok end", State.REVERSING, UNTOLD, True, YES),
    Case("yes ok end returned", State.CANCELLED, UNTOLD, False, YES),
    Case("yes ok paid", State.PAID, OK, False, YES),
    Case("yes ok paid cancel", State.PAID, OK, False, YES),
    Case("yes ok cancel", State.REVERSING, CASHIER, True, YES),
    Case("yes ok cancel paid", State.REVERSING, CASHIER, True, YES),
    Case("yes ok abort", State.APPROVED, OK, False, YES),
    Case("told yes ok", State.APPROVED, OK, False, YES),
]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the authority's keys are, made once for all."""
    return tmp_path_factory.mktemp("keys")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.order)
def test_every_order_has_one_right_answer(directory: Path, case: Case) -> None:
    moment = Moment(directory)
    name = moment.purchase.approval_id
    for what in case.order.split():
        HAPPENS[what](moment)
    sale = moment.sale
    assert (sale.state, sale.reason) == (case.state, case.reason)
    assert sale.owed == ((name,) if case.owed else ())
    assert results(moment) == case.results
    assert [owe.approval_id for owe in moment.world.take(effects.QueueReversal)] == list(
        sale.reversals
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.order)
def test_the_journal_alone_says_the_same(directory: Path, case: Case) -> None:
    moment = Moment(directory)
    for what in case.order.split():
        HAPPENS[what](moment)
        assert_replayed(moment)


@pytest.mark.parametrize("order", ["{} ok", "ok {}"])
def test_a_no_takes_the_steps_of_a_yes(directory: Path, order: str) -> None:
    """Each entry in the journal takes its time, which a listener would hear."""
    steps = []
    for answer in ("yes", "no"):
        moment = Moment(directory)
        moment.world.outputs.clear()
        for what in order.format(answer).split():
            HAPPENS[what](moment)
        steps.append([type(output) for output in moment.world.outputs])
    assert steps[0] == steps[1]
    assert steps[0].count(effects.Persist) == 2
    assert steps[0].count(effects.Send) == 1


@pytest.mark.parametrize("answer", ["yes", "no", "mend"])
def test_one_word_alone_looks_the_same(directory: Path, answer: str) -> None:
    """To the till: what it may see is the same, but for the name of the event."""
    moment = Moment(directory)
    HAPPENS[answer](moment)
    assert sale_view(moment.sale) == replace(
        sale_view(moment.sale),
        state=State.AUTHORISING,
        reason=None,
        receipt=None,
        transaction_id=None,
        approval_id=moment.purchase.approval_id.hex(),
    )
    assert [channel for channel, _ in told(moment)] == [wire.OPEN]


@given(order=st.lists(st.sampled_from([*HAPPENS, "next"]), max_size=9))
def test_whatever_happens_money_is_where_the_till_was_told(
    directory: Path, order: list[str]
) -> None:
    moment = Moment(directory)
    for what in order:
        if what == "next":
            moment.reoffer()
            moment.approve()
        else:
            HAPPENS[what](moment)
        if moment.sale.state in UNVERIFIED:
            assert identifiers.session_id(moment.sale.offer) not in answered(moment)
    assert_replayed(moment)
    asked = [
        ask.approval_id
        for ask in moment.world.outputs
        if isinstance(ask, effects.RequestAuthorisation)
    ]
    owed = [
        owe.approval_id for owe in moment.world.outputs if isinstance(owe, effects.QueueReversal)
    ]
    assert len(set(asked)) == len(asked)
    assert (tuple(owed), set(owed) <= set(asked)) == (moment.sale.reversals, True)
    standing = moment.sale.state in (State.APPROVED, State.TILL_NOTIFIED, State.PAID)
    taken_back = moment.sale.unpaid and moment.sale.approved_at > 0
    assert (messages.APPROVED in results(moment)) == (standing or taken_back)
    if standing:
        assert moment.sale.approval_id not in owed
        assert moment.sale.owed == ()
    if standing or taken_back:
        assert {Event.VERIFIED, Event.AUTHORISED} <= set(taken_of_the_last_approval(moment))


def results(moment: Moment) -> list[int]:
    """The outcomes that the receiver was told."""
    receipts = [value.receipt for channel, value in told(moment) if channel == wire.RESULT]
    return [signed.parse(messages.RECEIPT, receipt).value.outcome for receipt in receipts]


def answered(moment: Moment) -> list[bytes]:
    """The sessions whose receiver was told how they went."""
    return [value.session for channel, value in told(moment) if channel == wire.RESULT]


def told(moment: Moment) -> list[tuple[int, Any]]:
    sends = [out for out in moment.world.outputs if isinstance(out, effects.Send)]
    return [(out.channel, wire.decode(out.channel, out.payload)) for out in sends]


def kept(moment: Moment) -> list[Any]:
    return [out.fact for out in moment.world.outputs if isinstance(out, effects.Persist)]


def taken_of_the_last_approval(moment: Moment) -> list[Event]:
    events = [fact.event for fact in kept(moment)]
    return events[len(events) - events[::-1].index(Event.APPROVAL_RECEIVED) :]


class Line(NamedTuple):
    at: int
    sale_id: str
    kind: str
    body: str
    secret: bytes = b""


def assert_replayed(moment: Moment) -> None:
    """What is in the journal makes the same sale, but for what a restart may forget."""
    sale_id = moment.sale.terms.sale_id
    lines = [Line(AT, sale_id, event_codec.RUNG, event_codec.dump_terms(moment.sale.terms))]
    lines += [Line(AT, sale_id, fact.event, *event_codec.dump_fact(fact)) for fact in kept(moment)]
    again, sale = event_codec.replay(lines)[sale_id], moment.sale
    same = {
        State.AUTHORITY_TIMEOUT: State.AUTHORISATION_SENT,
        State.UNKNOWN: State.AUTHORISING,
        State.CLAIMED: State.OPEN,
    }
    assert again.state is same.get(sale.state, sale.state)
    forgotten = ("state", "reason", "phone")
    assert {name: value for name, value in vars(again).items() if name not in forgotten} == {
        name: value for name, value in vars(sale).items() if name not in forgotten
    }


def test_the_acceptance_is_when_the_approval_came(directory: Path) -> None:
    moment = Moment(directory)
    moment.world.move(1_000)
    moment.judge(reasons.OK)
    assert schema.decode(messages.RECORD, moment.sale.record, messages.Record).accepted == AT
