"""Past the authority: only what an authorisation and its confirmation ask of PostgreSQL."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from simulator.authority.accounts import bindings, receivers
from simulator.authority.ledger import ledger
from simulator.authority.ledger.record_verification import verify
from simulator.authority.storage import dialects
from simulator.authority.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from receiver.protocol.messages import Record
    from simulator.authority.context import Office

CONNECTIONS = 8  # twice as many as the authority has, one in each of its processes

Statement = tuple[str, tuple[Any, ...]]


class Pair(NamedTuple):
    """What a bridge sends: a record, and later that it is paid."""

    record: Record
    approval_id: bytes
    receiver_id: bytes


class _Listener(Store):
    """Begins and commits nothing, and keeps all that it was asked."""

    heard: list[Statement]

    def _execute(self, sql: str, *values: Any) -> Any:
        self.heard.append((sql, values))
        if sql in (dialects.Postgres.begin, "COMMIT"):
            return None
        return super()._execute(sql, *values)

    def listen(self, office: Office, client: str, pair: Pair) -> list[Statement]:
        """What these two requests ask, in order; nothing of it stays."""
        self.heard = []
        super()._execute(dialects.Postgres.begin)
        hashed = pair.record.certificate_hash
        issued, caller = receivers.presented(self, hashed, client)
        if issued is None or caller is None:
            raise RuntimeError("a receiver that was never enrolled")
        evidence = verify(issued, pair.record, office.pins)
        ledger.authorise(self, office.keys, caller, evidence, office.now())
        again = bindings.caller(self, client, pair.receiver_id)
        if again is None:
            raise RuntimeError("a client that speaks for no receiver")
        ledger.confirm(self, again, pair.approval_id, office.now())
        super()._execute("ROLLBACK")
        return self.heard


def statements(
    database: str, office: Office, client: str, pairs: Sequence[Pair]
) -> list[list[Statement]]:
    """Of each pair the statements with their values; the books stay as they were."""
    listener = _Listener(database)
    try:
        return [listener.listen(office, client, pair) for pair in pairs]
    finally:
        listener.close()


def run(database: str, asked: Sequence[list[Statement]]) -> float:
    """Pairs a second, over CONNECTIONS at once; all of it is booked."""
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
                found = dialect.execute(db, sql, values)
                if found.description:
                    found.fetchall()
    finally:
        db.close()
