"""Whatever is asked of the authority in whatever order: no money is made, lost or moved twice."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from receiver import reasons
from receiver.protocol import messages
from simulator.authority.ledger import ledger
from simulator.authority.storage.schema import DECLINED, EXPIRED, PENDING, POSTED, VOIDED
from simulator.authority.storage.store import Store
from tests.support.shop.authority_books import NOW, WRONG, Books, K
from tests.support.values import evidence

WEEK = ledger.EXPIRE_AFTER_S
SPACE = 40_000  # three purchases, and a bit
AMOUNTS = st.sampled_from([1, 100, evidence.AMOUNT // 2, evidence.AMOUNT])

FINAL = (POSTED, VOIDED, DECLINED)


class Bank(RuleBasedStateMachine):
    """The authority's books, and what each caller was last told."""

    @staticmethod
    def places(folder: Path) -> Path | str:
        """Where the books are."""
        return folder / "books.sqlite"

    approvals = Bundle("approvals")  # evidence of purchases and refunds
    ids = Bundle("ids")  # whatever may be confirmed or reversed

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(TemporaryDirectory(prefix="tillsign-")))
        self.books = Books(folder, self.places(folder))
        self.books.store.run("UPDATE recipients SET credit_space = ?", SPACE)
        self.counters = count(1)
        self.told: dict[bytes, str] = {}  # the ends that somebody was told of
        self.refunds: dict[bytes, Any] = {}

    def teardown(self) -> None:
        self.books.store.close()
        self.stack.close()

    @rule(target=approvals, sale=st.integers(1, 4), right=st.booleans())
    def approve(self, sale: int, right: bool) -> Any:
        """Some phone's yes to one of few sales, so that several want the same."""
        return self.books.evidence(sale, K if right else WRONG, next(self.counters))

    @rule(target=approvals, sale=ids, amount=AMOUNTS)
    def approve_refund(self, sale: bytes, amount: int) -> Any:
        original = self._transaction_id(sale)
        number = next(self.counters)
        values = {"kind": messages.REFUND, "original": original, "amount": amount}
        return self.books.evidence(1000 + number, K, number, **values)

    @rule(target=ids, found=approvals)
    def authorise(self, found: Any) -> bytes:
        self.books.store.run("UPDATE phones SET tries = 0")  # else there is little to see
        reason, state = self.books.authorise(found), self._state(found.approval_id)
        expected = {PENDING: True, POSTED: True, EXPIRED: True, VOIDED: False, DECLINED: False}
        assert (reason == reasons.OK) == expected[state]
        assert (reason == reasons.REVERSED) == (state == VOIDED)
        approval_id: bytes = found.approval_id
        return approval_id

    @rule(target=ids, found=approvals)
    def reverse_unheard(self, found: Any) -> bytes:
        self.reverse(found.approval_id)
        approval_id: bytes = found.approval_id
        return approval_id

    @rule(id_=ids)
    def confirm(self, id_: bytes) -> None:
        self._tell(id_, self.books.confirm(id_).state)

    @rule(id_=ids)
    def reverse(self, id_: bytes) -> None:
        self._tell(id_, self.books.reverse(id_))

    @rule(id_=consumes(ids))
    def both(self, id_: bytes) -> None:
        self.confirm(id_)
        self.reverse(id_)

    @rule(target=ids, sale=ids, amount=AMOUNTS)
    def refund(self, sale: bytes, amount: int) -> Any:
        refund_id = next(self.counters).to_bytes(16, "big")
        booked = self.books.refund(refund_id, sale, amount)
        assert booked.state in (POSTED, DECLINED)
        self._tell(refund_id, booked.state)
        self.refunds[refund_id] = (sale, amount, booked)
        return refund_id if booked.state == POSTED else multiple()

    @rule()
    def refund_again(self) -> None:
        for refund_id, (sale, amount, booked) in self.refunds.items():
            assert self.books.refund(refund_id, sale, amount) == booked

    @rule()
    def expire(self) -> None:
        ledger.sweep(self.books.store, NOW + WEEK)
        assert self._count(PENDING) == 0

    @rule()
    def restart(self) -> None:
        self.books.store.close()
        self.books.store = Store(self.books.place)

    @invariant()
    def money_is_conserved(self) -> None:
        assert self.books.money() == SPACE

    @invariant()
    def an_end_is_an_end(self) -> None:
        for id_, state in self.told.items():
            assert self._state(id_) == state

    @invariant()
    def one_hold_for_each_sale(self) -> None:
        twice = self.books.store.rows(
            "SELECT reference FROM transactions WHERE state IN ('PENDING', 'POSTED', 'EXPIRED') "
            "AND reference IS NOT NULL GROUP BY reference HAVING count(*) > 1"
        )
        assert twice == []

    @invariant()
    def refunds_are_what_purchases_say(self) -> None:
        wrong = self.books.store.rows(
            "SELECT approval_id FROM transactions t WHERE kind = 0 AND (refunded, reserved) <> ("
            "(SELECT coalesce(sum(amount), 0) FROM transactions r WHERE r.original = t.approval_id "
            "AND r.state = 'POSTED'), "
            "(SELECT coalesce(sum(amount), 0) FROM transactions r WHERE r.original = t.approval_id "
            "AND r.state IN ('PENDING', 'EXPIRED')))"
        )
        assert wrong == []
        assert (
            self.books.store.value("SELECT count(*) FROM transactions WHERE refunded > amount") == 0
        )

    def _tell(self, id_: bytes, state: str) -> None:
        assert state in FINAL
        assert self.told.setdefault(id_, state) == state

    def _state(self, id_: bytes) -> str:
        return self.books.booked(id_).state

    def _transaction_id(self, id_: bytes) -> bytes:
        return self.books.booked(id_).transaction_id or bytes(16)

    def _count(self, state: str) -> int:
        found: int = self.books.store.value(
            "SELECT count(*) FROM transactions WHERE state = ?", state
        )
        return found


@pytest.mark.random
@pytest.mark.parametrize(("database", "examples"), [("sqlite", 40), ("postgres", 12)])
def test_money_is_conserved(request: pytest.FixtureRequest, database: str, examples: int) -> None:
    bank = Bank
    if database == "postgres":
        new_books = request.getfixturevalue("postgres")

        class Served(Bank):
            @staticmethod
            def places(_: Path) -> Path | str:
                return str(new_books())

        bank = Served

    run_state_machine_as_test(
        bank,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
