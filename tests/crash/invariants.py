"""What holds of money whenever all is quiet, whatever happened before (design §5).

Each function raises AssertionError where it does not. They believe three sources only: the
authority's tables, the journal's files, and what the till has on paper.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from bridge.domain import event_codec
from bridge.domain.states import FINAL, Event, State
from bridge.journal.reader import Reader
from bridge.journal.verify import verify
from simulator.authority.ledger import states as alarms
from tests.crash.quiet import Quiet
from tests.crash.template import LIMITS
from tests.crash.till import CANCELLED, PAID, REFUNDED, UNPAID

if TYPE_CHECKING:
    from bridge.domain.sale import Sale
    from tests.crash.world import World

HELD = ("PENDING", "POSTED", "EXPIRED")
TERMINAL = ("POSTED", "VOIDED", "DECLINED")
# What a sale is, however it came to be so: beside these, memory knows more than the journal.
SAME = ("terms", "state", "reason", "mode", "approval_id", "transaction_id", "reversals", "owed")


def posted_is_nothing_or_the_amount(quiet: Quiet) -> None:
    """Of each approval, the authority has posted nothing or what the till asked for."""
    for one in quiet.purchases(*HELD):
        assert one["amount"] == quiet.till.rung[quiet.sale_ids[one["reference"]]].amount


def one_terminal_state(quiet: Quiet) -> None:
    """An approval that was posted, voided or declined stays so; so does a sale that has ended."""
    for name, seen in quiet.office.seen.items():
        ends = [state for state in seen if state in TERMINAL]
        assert len(ends) <= 1, f"{name.hex()} was {' then '.join(seen)}"
    sales: dict[str, Sale] = {}
    for entry in quiet.entries:
        before = sales[entry.sale_id].state if entry.sale_id in sales else None
        after = event_codec.follow(sales, entry).state
        assert before not in FINAL or before is after, f"{entry.sale_id}: {before} then {after}"


def one_posting_per_sale(quiet: Quiet) -> None:
    """However often its buyer approved, a sale is posted or held once at most."""
    held = Counter(one["reference"] for one in quiet.purchases(*HELD))
    assert all(count == 1 for count in held.values()), held


def one_acceptance_per_session(quiet: Quiet) -> None:
    """One offer carries one hold at most, and no two sales stand on one offer."""
    accepted = Counter(one["session"] for one in quiet.purchases(*HELD))
    assert all(count == 1 for count in accepted.values()), accepted
    offers = Counter(sale.offer for sale in quiet.sales.values() if sale.offer)
    assert all(count == 1 for count in offers.values()), offers


def paid_is_posted_or_a_liability(quiet: Quiet) -> None:
    """What the till holds as paid is posted with its amount, or booked as liability."""
    posted = {quiet.sale_ids[one["reference"]] for one in quiet.purchases("POSTED")}
    for sale_id, paper in quiet.till.paper.items():
        if paper == PAID:
            assert sale_id in quiet.sales, f"{sale_id} is paid and in no journal"
            state = quiet.sales[sale_id].state
            wanted = State.POSTED if sale_id in posted else State.LIABLE
            assert state is wanted, f"{sale_id} is paid, {state} and posted: {sale_id in posted}"


def charged_is_paid(quiet: Quiet) -> None:
    """What the buyer is charged for, the till holds as paid."""
    for one in quiet.purchases("POSTED", "EXPIRED"):
        sale_id = quiet.sale_ids[one["reference"]]
        paper = quiet.till.paper[sale_id]
        assert paper == PAID, f"{sale_id} is {one['state']} and {paper} on paper"


def nothing_is_pending_without_an_owner(quiet: Quiet) -> None:
    """What is held waits for a till that was told and has not decided."""
    for one in [*quiet.purchases("PENDING"), *quiet.refunds("PENDING")]:
        sale = quiet.sale(one)
        assert sale.state is State.TOLD, f"{sale.terms.sale_id} is held and {sale.state}"
        assert sale.approval_id == one["approval_id"]
        paper = quiet.till.paper[sale.terms.sale_id]
        assert paper not in (PAID, CANCELLED, UNPAID), f"{sale.terms.sale_id} is {paper}"


def refunds_are_within_what_was_posted(quiet: Quiet) -> None:
    """At most what was posted goes back, and what went back the tills know of."""
    given_back: defaultdict[bytes, int] = defaultdict(int)
    for one in quiet.refunds("POSTED"):
        given_back[one["original"]] += one["amount"]
    posted = {one["approval_id"]: one for one in quiet.purchases("POSTED")}
    for original, amount in given_back.items():
        assert amount == posted[original]["refunded"] <= posted[original]["amount"]
    on_paper = [
        quiet.till.rung[sale_id].amount
        for sale_id, paper in quiet.till.paper.items()
        if paper == REFUNDED
    ]
    assert sum(on_paper) == sum(given_back.values())


def books_agree(quiet: Quiet) -> None:
    """Posted, less refunds, is what the tills hold as paid, less refunds and liabilities."""
    posted = sum(one["amount"] for one in quiet.purchases("POSTED"))
    paid = sum(
        quiet.till.rung[sale_id].amount
        for sale_id, paper in quiet.till.paper.items()
        if paper == PAID and quiet.sales[sale_id].state is not State.LIABLE
    )
    assert posted == paid


def offline_exposure_is_within_limits(quiet: Quiet) -> None:
    """At no time did more stand on offline approvals than the authority allows a receiver."""
    sales: dict[str, Sale] = {}
    for entry in quiet.entries:
        event_codec.follow(sales, entry)
        standing: defaultdict[bytes, list[int]] = defaultdict(list)
        for sale in sales.values():
            if sale.unsent:
                standing[sale.terms.receiver_id].append(sale.terms.amount)
        for amounts in standing.values():
            assert sum(amounts) <= LIMITS.total
            assert len(amounts) <= LIMITS.sales
            assert max(amounts) <= LIMITS.floor


def replay_gives_the_same_state(quiet: Quiet) -> None:
    """Twice the same lines, twice the same sales; and the same as the bridge has in memory."""
    again = event_codec.replay(quiet.entries)
    assert {name: vars(sale) for name, sale in quiet.sales.items()} == {
        name: vars(sale) for name, sale in again.items()
    }
    for sale in (*quiet.world.service.books._open.values(), *_recent(quiet)):
        replayed = quiet.sales[sale.terms.sale_id]
        for name in SAME:
            assert getattr(sale, name) == getattr(replayed, name), f"{name} of {sale.terms}"


def chain_is_unbroken(quiet: Quiet) -> None:
    """Live part, archives and index are as they were written."""
    with Reader(quiet.path) as journal:
        assert verify(journal, lambda *_: None).findings == []


def the_index_knows_what_is_closed(quiet: Quiet) -> None:
    """Every sale that is over is in the journal's index, as it ended."""
    over = {sale_id: sale.state for sale_id, sale in quiet.sales.items() if sale.closed}
    assert over == {sale_id: one.state for sale_id, one in quiet.closed.items()}


def no_proof_outlives_its_sale(quiet: Quiet) -> None:
    """The code proofs of closed sales are erased."""
    for sale_id, secret in quiet.secrets:
        assert not quiet.sales[sale_id].closed or not any(secret), f"a proof of {sale_id}"


def nothing_left_unjournalled(quiet: Quiet) -> None:
    """The journal names every approval that the authority was asked to hold, post or give back."""
    named: defaultdict[str, set[bytes]] = defaultdict(set)
    reversed_: set[bytes] = set()
    for entry in quiet.entries:
        fact = (
            event_codec.load_fact(entry.kind, entry.body, b"")
            if entry.kind != event_codec.RUNG
            else None
        )
        if fact is not None:
            named[entry.kind].add(fact.approval_id)
            reversed_.add(fact.reversal)
    asked = named[Event.ASKED] | named[Event.REFUND_ORDERED]
    for kind, name in quiet.office.sent:
        if kind in ("authorise", "confirm", "refund"):
            assert name in asked, f"{kind} of {name.hex()}"
        elif kind == "reverse":
            assert name in reversed_, name.hex()


def never_asked_again_after_its_reversal(quiet: Quiet) -> None:
    """Once its reversal was sent, an approval is sent no other way."""
    reversed_: set[bytes] = set()
    for kind, name in quiet.office.sent:
        if kind == "reverse":
            reversed_.add(name)
        assert kind not in ("authorise", "confirm") or name not in reversed_, name.hex()


def alarms_have_a_cause(quiet: Quiet) -> None:
    """Nothing posted was reversed, and what was confirmed in vain is booked as liability."""
    liable = {sale.approval_id for sale in quiet.sales.values() if sale.state is State.LIABLE}
    for name, kind in quiet.office.store.rows("SELECT approval_id, kind FROM alarms"):
        assert kind not in (alarms.REVERSED_POSTED, alarms.EXPIRED_UNHEARD), kind
        assert kind == alarms.PENDING_LONG or bytes(name) in liable, kind


def events_are_what_is_journalled(quiet: Quiet) -> None:
    """Whoever watched was told of nothing that a restart forgot, and of no line as another."""
    watcher = quiet.world.watcher
    written = {entry.id: (entry.sale_id, entry.kind) for entry in quiet.entries}
    for seen in watcher.seen if watcher else ():
        assert written.get(seen.cursor) == (seen.sale_id, seen.what), seen


def nobody_contradicts_the_till(quiet: Quiet) -> None:
    """What the till had on paper first, the bridge took; and nothing in the bridge failed."""
    assert quiet.till.alarms == []
    assert quiet.world.failures == []


INVARIANTS: tuple[Callable[[Quiet], None], ...] = (
    nobody_contradicts_the_till,
    posted_is_nothing_or_the_amount,
    one_terminal_state,
    one_posting_per_sale,
    one_acceptance_per_session,
    paid_is_posted_or_a_liability,
    charged_is_paid,
    nothing_is_pending_without_an_owner,
    refunds_are_within_what_was_posted,
    books_agree,
    offline_exposure_is_within_limits,
    replay_gives_the_same_state,
    chain_is_unbroken,
    the_index_knows_what_is_closed,
    no_proof_outlives_its_sale,
    nothing_left_unjournalled,
    never_asked_again_after_its_reversal,
    alarms_have_a_cause,
    events_are_what_is_journalled,
)


def check(world: World, all_of: Iterable[Callable[[Quiet], None]] = INVARIANTS) -> Quiet:
    """Every invariant; the first that does not hold is named."""
    quiet = Quiet(world)
    for holds in all_of:
        try:
            holds(quiet)
        except AssertionError as error:
            error.add_note(f"invariant: {holds.__name__}")
            raise
    return quiet


def _recent(quiet: Quiet) -> list[Sale]:
    return list(quiet.world.service.books._recent.values())
