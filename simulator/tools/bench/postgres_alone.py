"""The SQL of an authorisation and its confirmation, without the authority."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from receiver.protocol.messages import Record
from simulator.authority.accounts import bindings, receivers
from simulator.authority.context import Office
from simulator.authority.ledger import ledger
from simulator.authority.ledger.record_verification import verify
from simulator.authority.storage import dialects
from simulator.authority.storage.dialects import Value
from simulator.authority.storage.store import Store

CONNECTIONS = 8  # twice the authority's, which has one in each process

Statement = tuple[str, tuple[Value, ...]]


class Pair(NamedTuple):
    """A bridge's two requests: a record, and later that it is paid."""

    record: Record
    approval_id: bytes
    receiver_id: bytes


class _Listener(Store):
    """A database that commits nothing and records the statements."""

    heard: list[Statement]

    def _execute(self, sql: str, *values: Value) -> Any:
        self.heard.append((sql, values))
        if sql in (dialects.Postgres.begin, "COMMIT"):
            return None
        return super()._execute(sql, *values)

    def listen(self, office: Office, client: str, pair: Pair) -> list[Statement]:
        """Return the statements of these two requests, in order; the books stay as they were."""
        self.heard = []
        super()._execute(dialects.Postgres.begin)
        hashed = pair.record.certificate_hash
        issued, caller = receivers.presented(self, hashed, client)
        if issued is None or caller is None:
            raise RuntimeError("the receiver was never enrolled")
        evidence = verify(issued, pair.record, office.pins)
        ledger.authorise(self, office.keys, caller, evidence, office.now())
        again = bindings.caller(self, client, pair.receiver_id)
        if again is None:
            raise RuntimeError("the client speaks for no receiver")
        ledger.confirm(self, again, pair.approval_id, office.now())
        super()._execute("ROLLBACK")
        return self.heard


def statements(
    database: str, office: Office, client: str, pairs: Sequence[Pair]
) -> list[list[Statement]]:
    """Return each pair's statements with their values; the books stay as they were."""
    listener = _Listener(database)
    try:
        return [listener.listen(office, client, pair) for pair in pairs]
    finally:
        listener.close()


def run(database: str, asked: Sequence[list[Statement]]) -> float:
    """Return pairs a second, over CONNECTIONS at once; all of them are booked."""
    dialect = dialects.Postgres(database)
    left, start = iter(asked), time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(_work, dialect, left) for _ in range(CONNECTIONS)]:
            done.result()
    return len(asked) / (time.perf_counter() - start)


def _work(dialect: dialects.Postgres, left: Iterator[list[Statement]]) -> None:
    db = dialect.connect()
    try:
        for one in left:
            for sql, values in one:
                found = db.execute(sql, values)
                if found.description:
                    found.fetchall()
    finally:
        db.close()
