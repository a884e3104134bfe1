"""What a record becomes by what is seen of its purchase."""

from __future__ import annotations

from simulator.phone.app.visit import Step
from simulator.phone.conversation import events
from simulator.phone.conversation.events import View
from simulator.tools.promise.record import PHONE, TILL, Mark, Record
from simulator.tools.promise.witness import PurchaseWitness

OWN = View(events.SHOWN, 1, "Storgatan 1", 7, 100, 752, "42")


def witness(shown: list[str] | None = None) -> PurchaseWitness:
    record = Record(air="shop", profile="ios", seed=1, number=0, till=7)
    seen = [] if shown is None else shown
    return PurchaseWitness(record, lambda: 3.5, lambda: seen.append("shown"))


async def test_the_first_screen_of_this_till_is_the_offer() -> None:
    called: list[str] = []
    seen = witness(called)
    seen.buyer(events.SHOWN, OWN)
    first = seen.record.shown
    seen.buyer(events.SHOWN, OWN)
    assert seen.record.shown == first is not None
    assert (seen.record.offered, seen.record.checked_in, called) == (3.5, False, ["shown"])


async def test_who_is_asked_first_was_there_before() -> None:
    seen = witness()
    seen.buyer(events.ASKED, OWN._replace(kind=events.ASKED))
    seen.buyer(events.SHOWN, OWN)
    assert seen.record.checked_in
    assert seen.record.asked is not None


async def test_another_tills_screen_is_wrong_and_its_digits_may_be_the_same() -> None:
    for digits, is_approvable in (("41", False), ("42", True)):
        seen = witness()
        seen.buyer("foreign", OWN._replace(till=8, match_code=digits))
        seen.buyer(events.SHOWN, OWN)
        assert seen.record.wrong_till
        assert seen.record.wrong_approvable is is_approvable


async def test_the_buyer_before_at_this_till_is_no_wrong_till() -> None:
    seen = witness()
    seen.buyer("foreign", OWN)
    seen.buyer(events.SHOWN, OWN)
    seen.buyer("foreign", OWN._replace(till=8))  # later
    assert not seen.record.wrong_till


async def test_a_lost_link_is_back_where_the_phone_says_so() -> None:
    seen = witness()
    seen.system("link_lost")
    early = seen.record.lost
    seen.buyer(events.SHOWN, OWN)
    seen.system("link_lost")
    seen.step(Step("resumed", 9.0, {}))
    assert (early, seen.record.lost is None) == (None, False)  # nothing was on the screen then
    assert seen.record.resumed == 9.0
    assert seen.record.steps[-1] == Mark(PHONE, "resumed", 9.0)


async def test_or_where_the_buyer_stands_where_it_was_lost() -> None:
    seen = witness()
    seen.buyer(events.SHOWN, OWN)
    seen.system("link_lost")
    seen.buyer(events.SHOWN, OWN)
    stood = [seen.record.resumed]
    seen.buyer("typed again", OWN)
    stood.append(seen.record.resumed)
    assert seen.record.typed_twice
    assert [at is None for at in stood] == [False, True]
    seen.buyer("last digit", OWN)
    assert seen.record.resumed == seen.record.last_digit is not None


async def test_behind_the_last_digit_it_is_the_answer_that_was_lost() -> None:
    seen = witness()
    seen.buyer(events.SHOWN, OWN)
    seen.buyer("last digit", OWN)
    seen.system("link_lost")
    seen.step(Step("ended", 20.0, {"result": events.APPROVED}))
    seen.end(None, [])
    assert (seen.record.approved_phone, seen.record.resumed) == (20.0, 20.0)


async def test_a_transcript_is_in_order_of_time() -> None:
    seen = witness()
    seen.step(Step("scanning", 2.0, {"till": None}))
    seen.step(Step("found", 4.0, {}))
    seen.end(None, [Mark(TILL, "approved", 5.0)])
    lines = seen.transcript(lambda since: [(3.0, f"receiver since {since}")])
    assert lines == [
        "    2.0000 phone scanning {'till': None}",
        "    3.0000 receiver since 2.0",
        "    4.0000 phone found {}",
        "    5.0000 till approved",
    ]
