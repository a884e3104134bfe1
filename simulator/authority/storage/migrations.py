"""From the books of any earlier release to those of this one, in one transaction.

The table `migrations` says which version the books are of, and since when. SQLite's first version
had no such table and said it in `user_version`.
"""

from __future__ import annotations

import re
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from receiver.errors import Error
from receiver.protocol import messages, signed

from .schema import BRIDGES, SCHEMA, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from .dialects import Dialect

    Execute = Callable[..., Any]

_COMMENT = re.compile(r"^ *--.*$", re.MULTILINE)
_EMPTY, _FIRST, _SECOND = 0, 1, 2


class VersionError(Exception):
    """Books of a release that is newer than this one; nothing in them was touched."""


def migrate(dialect: Dialect) -> None:
    """Bring the books to this release's version; all of it or nothing. Raises VersionError."""
    with closing(dialect.connect_to_migrate()) as db:

        def execute(sql: str, *values: Any) -> Any:
            return dialect.execute(db, sql, values)

        before = _version(execute, dialect.unmarked_version(db))
        if before > VERSION:
            raise VersionError(f"books of version {before}; this release knows {VERSION}")
        if before == VERSION:
            return
        if before == _EMPTY:
            _create(execute, dialect, SCHEMA)
        if before == _FIRST:
            _from_first(execute, dialect)
        if before == _SECOND:
            _from_second(execute, dialect)
        execute("INSERT INTO migrations VALUES (?, ?)", VERSION, int(time.time()))
        execute("COMMIT")


def _version(execute: Execute, unmarked: int) -> int:
    execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, time BIGINT)")
    marked: int | None = execute("SELECT max(version) FROM migrations").fetchone()[0]
    return unmarked if marked is None else marked


def _create(execute: Execute, dialect: Dialect, schema: str) -> None:
    text = _COMMENT.sub("", schema).format_map(dialect.words)
    for statement in text.split(";"):
        execute(statement)


# Version 2 knew of each receiver the client of the day alone: for all it knew, always the same.
_BOUND = "INSERT INTO bindings (receiver, client, since) SELECT id, client, 0 FROM {}"


def _from_second(execute: Execute, dialect: Dialect) -> None:
    """Who booked a transaction is the receiver's client of today: no other was written down."""
    _create(execute, dialect, BRIDGES)
    execute(_BOUND.format("receivers"))
    execute(f"ALTER TABLE transactions ADD COLUMN client {dialect.words['text']}")
    execute(f"ALTER TABLE transactions ADD COLUMN till {dialect.words['integer']}")
    execute(
        "UPDATE transactions SET client = "
        "(SELECT r.client FROM receivers r WHERE r.id = transactions.receiver)"
    )
    execute("ALTER TABLE receivers DROP COLUMN client")
    _fill_tills(execute)


def _fill_tills(execute: Execute) -> None:
    """The till's number of then, from the receipt that names it."""
    receipts = "SELECT approval_id, receipt FROM transactions WHERE receipt IS NOT NULL"
    for approval_id, receipt in execute(receipts).fetchall():
        try:
            till = signed.parse(messages.RECEIPT, receipt).value.till
        except Error:  # of a layout that this release does not read: the number stays unknown
            continue
        execute("UPDATE transactions SET till = ? WHERE approval_id = ?", till, approval_id)


# Version 1, SQLite only: other tables of the same names, and no refunds, no limits, no expiry.
_FIRST_TABLES = {
    "organisations": "id, name",
    "buyers": "id, organisation, name, purchase_limit, blocked",
    "recipients": "id, organisation, name, currency, credit_space, closed",
    "buyer_recipients": "buyer, recipient",
    "activations": "hash, buyer",
    "phones": "id, buyer, key, code_key, k, tries, token_hash",
    "credentials": "id, phone, recipient, expires",
    "receivers": "id",
    "certificates": "hash, receiver, key, store, store_name, invoice_issuer, currency, data",
    "transactions": "approval_id, receiver, state, time, content, receipt, transaction_id, reason, "
    "phone, recipient, amount, currency, session, receiver_key, sequence, reference, credential, "
    "counter",
}
_FIRST_INDEXES = (
    "one_hold_per_sale",
    "one_hold_per_session",
    "one_hold_per_sequence",
    "one_hold_per_counter",
)
# What the first version knew in another way, or did not write down.
_FIRST_CHANGES = {
    "credentials": (", revoked", ", CASE revoked WHEN 0 THEN NULL ELSE 0 END"),
    "certificates": (
        ", replaced",
        ", CASE WHEN hash IN (SELECT certificate FROM old_receivers) THEN NULL ELSE 0 END",
    ),
    "transactions": (
        ", changed, invoice_issuer, client",
        ", time, CASE WHEN amount IS NULL THEN NULL ELSE (SELECT c.invoice_issuer FROM "
        "old_certificates c JOIN old_receivers r ON r.certificate = c.hash "
        "WHERE r.id = old_transactions.receiver) END, "
        "(SELECT r.client FROM old_receivers r WHERE r.id = old_transactions.receiver)",
    ),
}


def _from_first(execute: Execute, dialect: Dialect) -> None:
    for index in _FIRST_INDEXES:
        execute(f"DROP INDEX {index}")
    for table in (*_FIRST_TABLES, "state_version"):
        execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    _create(execute, dialect, SCHEMA)
    for table, columns in _FIRST_TABLES.items():
        names, values = _FIRST_CHANGES.get(table, ("", ""))
        execute(f"INSERT INTO {table} ({columns}{names}) SELECT {columns}{values} FROM old_{table}")
    execute(_BOUND.format("old_receivers"))
    _fill_tills(execute)
    execute("UPDATE state_version SET version = (SELECT version FROM old_state_version)")
    for table in (*_FIRST_TABLES, "state_version"):
        execute(f"DROP TABLE old_{table}")
    broken = execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise VersionError(f"books of version {_FIRST} that refer to nothing: {broken}")
