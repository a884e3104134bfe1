"""Books with a receiver, a phone and a credential in them, on either database."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from bridge.authority.messages import BridgeId, Checked, Hash, LifeId, PositionClaim, RunId
from receiver.crypto import host
from receiver.encoding import schema
from receiver.protocol import identifiers, messages
from simulator.authority.accounts import demo_data, people, receivers
from simulator.authority.accounts.bindings import Caller, Position
from simulator.authority.keys import Keys
from simulator.authority.ledger import ledger, refunds, transactions
from simulator.authority.ledger.record_verification import Evidence, verify
from simulator.authority.ledger.transactions import Booked
from simulator.authority.storage.store import Store
from simulator.crypto import code_proof
from simulator.phone.wallet.keys import P256, PhoneKey
from tests.support.values import evidence

NOW = 1_800_000_000
RECEIVER = evidence.seed("receiver")
PHONE = evidence.seed("phone")
K = bytes(code_proof.KEY_SIZE)
WRONG = bytes([1] * code_proof.KEY_SIZE)
ISSUER = 7
CLIENT = "client"
BrokenConstraint = (sqlite3.IntegrityError, psycopg.IntegrityError)


def claimed(
    position: Position,
    previous: bytes | None = None,
    checked: tuple[int, bytes] | None = None,
    ended: bool = False,
) -> PositionClaim:
    """The claim of a bridge whose journal is there."""
    return PositionClaim(
        BridgeId(position.bridge),
        LifeId(position.life),
        RunId(position.run),
        position.sequence,
        Hash(position.hash),
        LifeId(previous) if previous else None,
        ended,
        Checked(checked[0], Hash(checked[1])) if checked else None,
    )


class Books:
    """A store with the demo world, one receiver and one phone with one credential."""

    def __init__(self, directory: Path, place: Path | str, kind: str = P256) -> None:
        self.keys = Keys(directory / "keys.json")
        self.place = place
        self.phone = PHONE
        self.store = Store(place)
        world = demo_data.seed(self.store)
        self.recipient = world.recipients[0]
        registered = people.register(
            self.store, world.buyers[0].activation, PhoneKey(kind, PHONE).public, bytes(32), K
        )
        assert registered is not None
        [self.credential] = people.issue_credentials(
            self.store, self.keys, registered[0], self.recipient, 1, now=NOW
        )
        public, terms = host.ed25519_public(RECEIVER), receivers.Terms(1, "Store", 7, evidence.SEK)
        value = receivers.certificate_for(public, evidence.RECEIVER_ID, terms, NOW)
        self.certificate = receivers.enrol(self.store, self.keys, value, CLIENT)
        self.caller = Caller(CLIENT, evidence.RECEIVER_ID)

    def record(
        self, sequence: int, k: bytes = K, counter: int | None = None, **changes: Any
    ) -> bytes:
        """The record of sale number `sequence`; `changes` are the offer's."""
        counter = sequence if counter is None else counter
        values = {"sequence": sequence, "reference": sequence.to_bytes(8, "big")} | changes
        offer = evidence.offer(RECEIVER, self.certificate, NOW, **values)
        approval = evidence.approval(
            self.phone, self.certificate, offer, self.credential, k=k, counter=counter
        )
        return evidence.record(self.certificate, offer, self.credential, approval, accepted=NOW)

    def verified(self, data: bytes) -> Evidence:
        """What the authority believes of a record."""
        issued = receivers.issued(self.store, identifiers.certificate_hash(self.certificate))
        assert issued is not None
        record = schema.decode(messages.RECORD, data, messages.Record)
        return verify(issued, record, self.keys.pins())

    def evidence(
        self, sequence: int, k: bytes = K, counter: int | None = None, **changes: Any
    ) -> Evidence:
        return self.verified(self.record(sequence, k, counter, **changes))

    def tries(self) -> int:
        """Wrong codes in a row."""
        tries: int = self.store.value("SELECT tries FROM phones")
        return tries

    def authorise(self, found: Evidence) -> int:
        """The receipt's reason."""
        receipt = ledger.authorise(self.store, self.keys, self.caller, found, NOW)
        return evidence.receipt(receipt, self.keys.pins()).reason

    def credit_space(self) -> int:
        space: int = self.store.value(
            "SELECT credit_space FROM recipients WHERE id = ?", self.recipient
        )
        return space

    def buy(self, sequence: int, **changes: Any) -> bytes:
        """The approval id of a purchase that is held."""
        found = self.evidence(sequence, **changes)
        assert self.authorise(found) == 0
        return found.approval_id

    def post(self, sequence: int, **changes: Any) -> bytes:
        """The approval id of a purchase that is posted."""
        approval_id = self.buy(sequence, **changes)
        self.confirm(approval_id)
        return approval_id

    def confirm(self, approval_id: bytes, now: int = NOW) -> Booked:
        return ledger.confirm(self.store, self.caller, approval_id, now)

    def reverse(self, approval_id: bytes, now: int = NOW) -> str:
        return ledger.reverse(self.store, self.caller, approval_id, now)

    def refund(self, refund_id: bytes, original: bytes, amount: int, **changes: Any) -> Booked:
        """Without a phone, of the purchase with the approval id `original`."""
        order = refunds.Order(
            refund_id,
            evidence.RECEIVER_ID,
            self.booked(original).transaction_id or bytes(16),
            amount,
            evidence.SEK,
        )
        return refunds.refund(self.store, self.caller, order._replace(**changes), NOW)

    def booked(self, approval_id: bytes) -> Booked:
        with self.store.transaction():
            found = transactions.find(self.store, approval_id)
        assert found is not None
        return found

    def alarms(self) -> list[str]:
        return [kind for (kind,) in self.store.rows("SELECT kind FROM alarms ORDER BY id")]

    def money(self) -> int:
        """What is left to spend and what is held or invoiced: together always the same."""
        held: int = self.store.value(
            "SELECT coalesce(sum(amount - refunded), 0) FROM transactions "
            "WHERE recipient = ? AND (state = 'POSTED' OR state = 'PENDING') AND kind = 0",
            self.recipient,
        )
        return int(held) + self.credit_space()
