"""What holds of money once an older copy of the journal was put back (design §5 rule 8).

Beside the three sources of `invariants` they believe what was seen of the copy (`copies.Swap`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from bridge.domain import alarms, event_codec
from bridge.domain.states import Event, State
from bridge.journal import lives
from bridge.journal.reader import Reader
from simulator.authority.ledger import states
from tests.crash import invariants
from tests.crash.copies import lacks
from tests.crash.invariants import HELD
from tests.crash.quiet import Quiet
from tests.crash.till import CANCELLED, PAID

if TYPE_CHECKING:
    from tests.crash.copies import Swap
    from tests.crash.world import World


def paid_is_posted_or_named(quiet: Quiet) -> None:
    """What the till holds as paid is posted; or a liability or alarm names it.

    The latter only where the authority never held it: accepted offline, in the span that is lost.
    Or where none but the till can know that the copy is older.
    """
    posted = {quiet.sale_ids[one["reference"]]: one for one in quiet.purchases("POSTED")}
    unbacked = {one.sale_id for one in quiet.alarms if one.kind == alarms.UNBACKED}
    for sale_id in [name for name, paper in quiet.till.paper.items() if paper == PAID]:
        sale = quiet.sales.get(sale_id)
        if sale_id in posted:
            name = f"approval-{posted[sale_id]['approval_id'].hex()}"  # where it had ended here
            found = [one.state for one in (sale, quiet.sales.get(name)) if one]
            assert State.POSTED in found, f"{sale_id} is posted and {found}"
        elif sale_id in unbacked:
            known = all(swap.lacks for swap in quiet.world.copies.swaps)
            assert not (known and _ever_held(quiet, sale_id)), f"{sale_id} was held and is lost"
        else:
            assert sale, f"{sale_id} is paid and in no journal"
            assert sale.state is State.LIABLE, f"{sale_id} is paid and {sale.state}"


def unpaid_costs_nothing(quiet: Quiet) -> None:
    """What the till does not hold as paid is given back, or all of it is refunded."""
    for one in quiet.purchases(*HELD):
        sale_id = quiet.sale_ids[one["reference"]]
        paper = quiet.till.paper[sale_id]
        back = one["state"] == "POSTED" and one["refunded"] == one["amount"]
        assert paper == PAID or back, f"{sale_id} is {one['state']} and {paper} on paper"


def nothing_is_reversed_unasked(quiet: Quiet) -> None:
    """Behind, a reversal that the copy did not owe follows a question to the authority."""
    swaps, sent = quiet.world.copies.swaps, quiet.office.sent
    ends = [*(swap.sent for swap in swaps), len(sent)]
    for swap, (start, end) in zip(swaps, pairwise(ends), strict=True):
        if swap.lacks:
            _asked_first(swap, sent[start:end])


def a_put_back_is_noticed(quiet: Quiet) -> None:
    """In a new life with an alarm, where something known is lacking; and nowhere else."""
    swaps = quiet.world.copies.swaps
    begun = quiet.lives[len(swaps[-1].lives) :] if swaps else quiet.lives[1:]
    causes = [life.cause for life in begun if life.cause != lives.NEW]
    assert causes in _expected(quiet, swaps[-1] if swaps else None)
    named = {one.key for one in quiet.alarms if one.kind == alarms.JOURNAL_BEHIND}
    behind = [life.life.hex() for life in quiet.lives if life.cause == lives.BEHIND]
    assert named == {f"life:{name}" for name in behind}


def only_what_is_named_is_disputed(quiet: Quiet) -> None:
    """The bridge contradicts the till about liabilities alone; and nothing in it failed.

    That it does not know what the till has taken back contradicts nothing.
    """
    agreed = {one.sale_id for one in quiet.alarms if one.kind == alarms.UNBACKED}
    agreed |= {name for name, paper in quiet.till.paper.items() if paper == CANCELLED}
    assert [said for said in quiet.till.alarms if said.split(":")[0] not in agreed] == []
    assert quiet.world.failures == []


def what_followed_is_journalled(quiet: Quiet) -> None:
    """Since the copy came, the authority was asked for nothing that the journal does not name."""
    named: set[bytes] = set()
    for entry in quiet.entries:
        if entry.kind in (Event.ASKED, Event.REFUND_ORDERED, Event.ADOPTED):
            named.add(event_codec.load_fact(entry.kind, entry.body, b"").approval_id)
    swaps = quiet.world.copies.swaps
    for kind, name in quiet.office.sent[swaps[-1].sent if swaps else 0 :]:
        assert kind not in ("authorise", "confirm", "refund") or name in named, f"{kind} {name!r}"


def news_is_what_is_journalled(quiet: Quiet) -> None:
    """The same of events since the copy came."""
    swaps, watcher = quiet.world.copies.swaps, quiet.world.watcher
    written = {entry.id: (entry.sale_id, entry.kind) for entry in quiet.entries}
    for seen in watcher.seen[swaps[-1].seen if swaps else 0 :] if watcher else ():
        assert written.get(seen.cursor) == (seen.sale_id, seen.what), seen


_Holds = Callable[[Quiet], None]


def an_alarm_there_is_one_here(quiet: Quiet) -> None:
    """A reversal that met a posting is named; what was confirmed in vain is booked as liability."""
    met = (alarms.PAID_AFTER_ALL, alarms.REFUND_OWED)
    named = {one.approval_id for one in quiet.alarms if one.kind in met}
    liable = {sale.approval_id for sale in quiet.sales.values() if sale.state is State.LIABLE}
    for name, kind in quiet.office.store.rows("SELECT approval_id, kind FROM alarms"):
        known = named if kind == states.REVERSED_POSTED else liable
        assert kind == states.PENDING_LONG or bytes(name) in known, kind


REPLACED: dict[_Holds, _Holds] = {
    invariants.nobody_contradicts_the_till: only_what_is_named_is_disputed,
    invariants.paid_is_posted_or_a_liability: paid_is_posted_or_named,
    invariants.charged_is_paid: unpaid_costs_nothing,
    invariants.books_agree: nothing_is_reversed_unasked,
    invariants.alarms_have_a_cause: an_alarm_there_is_one_here,
    invariants.nothing_left_unjournalled: what_followed_is_journalled,
    invariants.events_are_what_is_journalled: news_is_what_is_journalled,
}
INVARIANTS: tuple[_Holds, ...] = (
    *(REPLACED.get(holds, holds) for holds in invariants.INVARIANTS),
    a_put_back_is_noticed,
)


def check(world: World) -> Quiet:
    """Every invariant; the first that does not hold is named."""
    return invariants.check(world, INVARIANTS)


def _ever_held(quiet: Quiet, sale_id: str) -> bool:
    names = [one["approval_id"] for one in quiet.booked if _is_of(quiet, one, sale_id)]
    return any(state in HELD for name in names for state in quiet.office.seen[name])


def _is_of(quiet: Quiet, one: dict[str, object], sale_id: str) -> bool:
    reference = one["reference"]
    return isinstance(reference, bytes) and quiet.sale_ids.get(reference) == sale_id


def _asked_first(swap: Swap, sent: list[tuple[str, bytes]]) -> None:
    listed, asked = False, set(swap.owed)
    for kind, name in sent:
        listed |= kind == "transactions"
        if kind in ("transaction", "authorise"):
            asked.add(name)
        assert kind != "reverse" or listed or name in asked, f"{name.hex()} was reversed unasked"


def _expected(quiet: Quiet, swap: Swap | None) -> list[list[str]]:
    """The causes of the lives that may follow those of the copy."""
    unfinished = swap and swap.lives and swap.lives[-1].cause == lives.BEHIND
    unnoticed = [lives.RECOVERED] if unfinished else []
    noticed = [lives.BEHIND, lives.RECOVERED]
    if not swap or not swap.lacks:  # a till may still know it, by its cursor
        return [unnoticed, noticed] if swap and swap.outrun else [unnoticed]
    return [noticed] if _is_behind(quiet, swap) else [noticed, unnoticed]


def _is_behind(quiet: Quiet, swap: Swap) -> bool:
    """An archive that was moved again, byte for byte, is nothing that is lacking."""
    with Reader(quiet.path) as journal:
        return any(lacks(journal, position) for position in swap.lacks)
