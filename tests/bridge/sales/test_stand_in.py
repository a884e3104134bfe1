"""What is accepted offline, and what not: every limit at its edge, and the list of the revoked."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridge.books.books import Books
from bridge.domain.offline import CLOCKS_S, HOUR_S, REVOCATIONS_S, Accepted, Exposure
from bridge.domain.sale import Sale
from bridge.domain.states import State
from bridge.sales import stand_in
from bridge.sales.stand_in import StandInHere
from receiver import reasons
from receiver.encoding import cbor, schema
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import identifiers, messages
from simulator.authority.accounts.offline import REVOCATIONS_MOST, REVOKED_MOST
from tests.support.machines.controller import AT, PATIENCE_S, PHONE, ControllerWorld
from tests.support.values import evidence

AMOUNT = 24_900
ID = b"cred0001"  # as `tests.evidence` names it
NOBODY = cbor.encode([])
LIMITS = {
    "offline_floor": AMOUNT,
    "offline_total": 3 * AMOUNT,
    "offline_count": 3,
    "offline_hours": 48,
}


class Till:
    """A verified approval that the authority does not answer, and what it may stand on."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = ControllerWorld(directory)
        self.exposure = Exposure(0, 0)
        self.now = AT
        self.passed = 0  # by a clock that does not jump
        clock = SimpleNamespace(time=lambda: float(self.now), monotonic=lambda: float(self.passed))
        monkeypatch.setattr(stand_in, "time", clock)

    def stand_in(self, revoked: bytes = NOBODY, *, allowed: bool = True, **changes: Any) -> Any:
        """By a state of `AT` with these limits, and the list that goes with it."""
        holder = self.world.evidence
        terms = {**LIMITS, "revocations": sha256(revoked).digest(), **changes}
        holder.take_state(bytes(16), evidence.state(self.world.keys, AT, **terms))
        books = cast("Books", SimpleNamespace(exposure=lambda _: self.exposure))
        here = StandInHere(holder, books, allowed)
        here.take_revocations(revoked)
        return here

    def sale(self, floor: int = AMOUNT, *, issued: int | None = None, **changes: Any) -> Sale:
        """Rung up now, by this clock; `issued` by the receiver's."""
        self.world.sync()
        sale = self.world.ring(amount=AMOUNT)
        offer = self.world.offer(issued=self.now if issued is None else issued)
        credential = evidence.credential(self.world.keys, PHONE, AT, offline_floor=floor, **changes)
        certificate = self.world.certificate
        approval = evidence.approval(PHONE, certificate, offer, credential)
        self.world.present(offer, credential)
        self.world.approve(offer, approval)
        self.world.judge(offer, evidence.approval_id(certificate, offer, credential, approval))
        return sale


@pytest.fixture
def till(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Till:
    return Till(tmp_path, monkeypatch)


def test_within_every_limit(till: Till) -> None:
    till.now += 60
    sale = till.sale()
    accepted: Accepted = till.stand_in().accepts(sale)
    record = schema.decode(messages.RECORD, accepted.record, messages.Record)
    online = schema.decode(messages.RECORD, sale.record, messages.Record)
    assert record == online._replace(mode=messages.OFFLINE, accepted=AT + 60)


def test_at_the_edge_of_every_limit(till: Till) -> None:
    till.exposure = Exposure(2 * AMOUNT, 2)
    till.now += REVOCATIONS_S
    assert till.stand_in().accepts(till.sale(expires=till.now + 1)) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"offline_floor": AMOUNT - 1},
        {"offline_total": AMOUNT - 1},
        {"offline_count": 0},
        dict.fromkeys(LIMITS, 0),
    ],
    ids=["floor", "total", "count", "off"],
)
def test_over_a_limit_of_the_receiver(till: Till, changes: dict[str, Any]) -> None:
    assert till.stand_in(**changes).accepts(till.sale()) is None


@pytest.mark.parametrize("exposure", [Exposure(2 * AMOUNT + 1, 1), Exposure(0, 3)])
def test_with_too_much_standing_on_it_already(till: Till, exposure: Exposure) -> None:
    till.exposure = exposure
    assert till.stand_in().accepts(till.sale()) is None


def test_over_the_floor_of_the_credential(till: Till) -> None:
    assert till.stand_in().accepts(till.sale(floor=AMOUNT - 1)) is None


def test_a_credential_that_has_ended_since(till: Till) -> None:
    sale = till.sale(expires=AT + 60)
    till.now += 60
    assert till.stand_in().accepts(sale) is None


def test_a_revoked_credential(till: Till) -> None:
    others = [number.to_bytes(8, "big") for number in range(3)]
    assert till.stand_in(cbor.encode([*others, ID])).accepts(till.sale()) is None
    assert till.stand_in(cbor.encode(others)).accepts(till.world.sale) is not None


@pytest.mark.parametrize(
    ("issued", "good"),
    [
        (0, False),
        (AT + CLOCKS_S, True),
        (AT + CLOCKS_S + 1, False),
        (AT - messages.TTL_MOST_S - CLOCKS_S, True),
        (AT - messages.TTL_MOST_S - CLOCKS_S - 1, False),
    ],
    ids=["unknown", "ahead", "far ahead", "behind", "far behind"],
)
def test_a_receiver_with_another_time(till: Till, issued: int, good: bool) -> None:
    """It would not sign for it, or the authority not book it."""
    assert (till.stand_in().accepts(till.sale(issued=issued)) is not None) is good


@pytest.mark.parametrize("seconds", [REVOCATIONS_S + 1, -1], ids=["old", "from the future"])
def test_a_list_of_another_time(till: Till, seconds: int) -> None:
    till.now += seconds
    assert till.stand_in().accepts(till.sale(expires=AT + 10 * REVOCATIONS_S)) is None


def test_hours_after_the_authority_was_heard(till: Till) -> None:
    till.now += HOUR_S
    stand_in, sale = till.stand_in(offline_hours=1), till.sale(expires=AT + 2 * HOUR_S)
    assert stand_in.accepts(sale) is not None
    till.now += 1
    assert stand_in.accepts(sale) is None


@pytest.mark.parametrize(
    ("hours", "passed", "good"),
    [(1, HOUR_S, True), (1, HOUR_S + 1, False), (48, REVOCATIONS_S + 1, False)],
    ids=["in time", "hours", "list"],
)
def test_a_clock_set_back_prolongs_nothing(till: Till, hours: int, passed: int, good: bool) -> None:
    """The terminal says that a minute has passed, its own counter says more."""
    stand_in = till.stand_in(offline_hours=hours)
    till.now, till.passed = AT + 60, passed
    sale = till.sale(expires=AT + 10 * REVOCATIONS_S)
    assert (stand_in.accepts(sale) is not None) is good


def test_a_clock_set_back_brings_no_credential_back(till: Till) -> None:
    stand_in, sale = till.stand_in(), till.sale(expires=AT + 60)
    till.passed = 59
    assert stand_in.accepts(sale) is not None
    till.passed = 60
    assert stand_in.accepts(sale) is None


def test_a_clock_set_forward_prolongs_nothing(till: Till) -> None:
    stand_in = till.stand_in(offline_hours=1)
    till.now, till.passed = AT + HOUR_S + 1, 60
    assert stand_in.accepts(till.sale(expires=AT + 2 * HOUR_S)) is None


def test_a_bridge_that_is_not_set_up_for_it(till: Till) -> None:
    assert till.stand_in(allowed=False).accepts(till.sale()) is None


def test_a_bridge_that_has_heard_no_list(till: Till) -> None:
    books = cast("Books", SimpleNamespace(exposure=lambda _: till.exposure))
    here = StandInHere(till.world.evidence, books, True)
    assert here.accepts(till.sale()) is None
    with pytest.raises(Error) as caught:
        here.take_revocations(NOBODY)
    assert caught.value.code == reasons.STALE_STATE


def test_the_longest_list_that_the_authority_makes(till: Till) -> None:
    listed = [number.to_bytes(8, "big") for number in range(REVOKED_MOST - 1)]
    sale = till.sale()
    assert till.stand_in(cbor.encode(listed, REVOCATIONS_MOST)).accepts(sale) is not None
    listed.append(ID)
    assert till.stand_in(cbor.encode(listed, REVOCATIONS_MOST)).accepts(sale) is None


@pytest.mark.parametrize("value", [{}, [1], [b"cred0001", "cred0002"], 7])
def test_what_is_no_list_of_names(till: Till, value: Any) -> None:
    with pytest.raises(Error) as caught:
        till.stand_in(cbor.encode(value))
    assert caught.value.code == reasons.MALFORMED


# The receiver, once it is to stand in.


def stood_in(till: Till) -> Sale:
    """A sale that was accepted so at the end of the till's patience, and its receiver told."""
    till.world.stand_in.willing = True
    sale = till.sale()
    till.world.sent()
    till.world.move(PATIENCE_S * 1000)
    name = identifiers.session_id(sale.offer)
    assert sale.state is State.APPROVED
    assert till.world.sent() == [(wire.STAND_IN, wire.StandIn(name, sale.approval_id, AT))]
    return sale


def test_a_receiver_that_will_not_stand_in_lets_its_phone_go(till: Till) -> None:
    """The till may have been told: nothing changes about the money."""
    sale = stood_in(till)
    till.world.refusals()
    till.world.judge(sale.offer, sale.approval_id, reasons.ABOVE_FLOOR)
    cancel = wire.Cancel(sale.terms.reference, reasons.ABOVE_FLOOR)
    assert till.world.sent() == [(wire.CANCEL, cancel)]
    assert till.world.refusals() == [reasons.ABOVE_FLOOR]
    assert sale.state is State.APPROVED


def test_a_receiver_that_says_its_first_word_again(till: Till) -> None:
    sale = stood_in(till)
    till.world.judge(sale.offer, sale.approval_id)
    assert not till.world.sent()
    assert not till.world.refusals()


def test_a_late_verdict_on_what_the_authority_has_settled(till: Till) -> None:
    sale = till.sale()
    till.world.answer(sale.approval_id)
    till.world.sent()
    till.world.judge(sale.offer, sale.approval_id, reasons.ABOVE_FLOOR)
    assert not till.world.sent()
    assert not till.world.refusals()
