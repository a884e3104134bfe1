"""The authority's real functions over a real store, in a clock of the caller's.

No HTTP: what the authority's API does with a request is done here, with the same functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bridge import contracts
from bridge.authority.client import Refunded
from bridge.authority.messages import PositionClaim, StandingAnswer, Transaction, TransactionPage
from receiver import reasons
from receiver.encoding import schema
from receiver.errors import Error
from receiver.protocol import messages, signed
from simulator.authority.accounts import bindings, offline, people, receivers
from simulator.authority.api.requests import position_in
from simulator.authority.ledger import journal_positions, ledger, refunds, statements
from simulator.authority.ledger.record_verification import verify
from simulator.authority.storage.schema import POSTED

if TYPE_CHECKING:
    from msgspec import Struct

    from bridge.domain.held import AuthorityTransaction
    from simulator.authority.accounts.bindings import Caller
    from simulator.authority.keys import Keys
    from simulator.authority.storage.store import Store

_T = TypeVar("_T")


class VirtualAuthority:
    """Books and keys, as one bridge and its buyers' phones reach them; every call may raise Error.

    `client` is the bridge's TLS certificate, as the books name it.
    """

    def __init__(self, store: Store, keys: Keys, client: str, clock: Callable[[], float]) -> None:
        self.store = store
        self.keys = keys
        self._client = client
        self._clock = clock
        self._pins = keys.pins()

    def now(self) -> int:
        return int(self._clock())

    # For the bridge, as `simulator.authority.api.bridges` does it.

    def caller(self, receiver_id: bytes) -> Caller:
        """Return the bridge as it speaks for a receiver."""
        caller = bindings.caller(self.store, self._client, receiver_id)
        if caller is None:
            raise Error(reasons.RECEIVER_UNTRUSTED, "not this bridge's receiver")
        return caller

    def transaction(self, receiver_id: bytes, approval_id: bytes) -> AuthorityTransaction:
        found = statements.one(self.store, self.caller(receiver_id), approval_id)
        return _sent(found, Transaction).holding(receiver_id)

    def transactions(
        self, receiver_id: bytes, start_s: int, end_s: int
    ) -> list[AuthorityTransaction]:
        """Return the first page: fewer here than fill one."""
        caller = self.caller(receiver_id)
        page = _sent(statements.page(self.store, caller, start_s, end_s, None), TransactionPage)
        return [one.holding(receiver_id) for one in page.transactions]

    def receivers(self) -> list[bytes]:
        """Return all that are or ever were bound to the bridge; fewer here than fill a page."""
        page = bindings.listed(self.store, self._client, b"")
        return [one.receiver_id for one in page.receivers]

    def claim(self, claim: PositionClaim) -> StandingAnswer:
        """Answer as over HTTP."""
        asked = _sent(claim, PositionClaim)
        said = journal_positions.claim(
            self.store, self._client, asked, self.now(), journal_positions.LEASE_S
        )
        return _sent(said, StandingAnswer)

    def hear(self, header: str) -> None:
        """Note the position that a call bears."""
        journal_positions.note(self.store, self._client, position_in(header), self.now())

    def authorise(self, data: bytes) -> bytes:
        record: messages.Record = schema.decode(messages.RECORD, data, messages.Record)
        issued, caller = receivers.presented(self.store, record.certificate_hash, self._client)
        if issued is None or caller is None:
            raise Error(reasons.RECEIVER_UNKNOWN, "a certificate that was never issued")
        evidence = verify(issued, record, self._pins)
        return ledger.authorise(self.store, self.keys, caller, evidence, self.now())

    def confirm(self, receiver_id: bytes, approval_id: bytes) -> str:
        return ledger.confirm(self.store, self.caller(receiver_id), approval_id, self.now()).state

    def reverse(self, receiver_id: bytes, approval_id: bytes) -> str:
        return ledger.reverse(self.store, self.caller(receiver_id), approval_id, self.now())

    def refund(self, order: refunds.Order) -> Refunded:
        booked = refunds.refund(self.store, self.caller(order.receiver), order, self.now())
        if booked.state == POSTED:
            return Refunded(booked.transaction_id or b"", reasons.OK)
        return Refunded(b"", booked.reason or reasons.REVERSED)

    def receiver_state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        """Return the signed time and limits of a receiver."""
        limits, listed = offline.terms(self.store, receiver_id, self.now())
        version = receivers.next_state_version(self.store)
        return self.keys.state(
            version,
            receiver_id,
            nonce,
            self.now(),
            limits=limits,
            revocations=signed.digest(listed),
        )

    def revocations(self) -> bytes:
        return offline.revocations(self.store, self.now())

    # For phones, as `simulator.authority.api.phones` does it.

    def credentials(self, phone: people.Phone, recipient: int, count: int) -> list[bytes]:
        return people.issue_credentials(
            self.store, self.keys, phone, recipient, count, now=self.now()
        )

    def approval(self, phone: people.Phone, approval_id: bytes) -> tuple[str, bytes | None] | None:
        return statements.approval_of(self.store, phone.id, approval_id)

    # For observers.

    def state(self, approval_id: bytes) -> str | None:
        """Return what the books say of an approval, None if they never heard of it."""
        return self.store.find(
            str, "SELECT state FROM transactions WHERE approval_id = ?", approval_id
        )

    def states_of_sale(
        self, receiver_id: bytes, reference: bytes, since_s: int
    ) -> dict[bytes, str]:
        """Return state by approval id of all that was asked for a sale rung up since then."""
        rows = self.store.rows(
            "SELECT approval_id, state FROM transactions "
            "WHERE receiver = ? AND time >= ? AND reference = ?",
            receiver_id,
            since_s,
            reference,
        )
        return {bytes(approval_id): str(state) for approval_id, state in rows}


def _sent(said: Struct, type_: type[_T]) -> _T:
    """Pass it through the very JSON that goes over HTTP."""
    return contracts.decode(contracts.encode(said), type_)
