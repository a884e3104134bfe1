"""What a till keeps on its disk: every wish before it is said, every end once it is heard."""

from __future__ import annotations

import secrets
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from .plan import Back, Order

PAID, UNPAID = "paid", "unpaid"  # how a sale ended
REFUNDED, NOT_REFUNDED = "refunded", "not refunded"  # how a refund ended

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sales (
    sale_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    till INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    wish TEXT,
    wavered INTEGER NOT NULL DEFAULT 0,
    ended TEXT
);
CREATE TABLE IF NOT EXISTS refunds (
    refund_id TEXT PRIMARY KEY,
    sale_id TEXT NOT NULL REFERENCES sales,
    place INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    phone INTEGER NOT NULL,
    ended TEXT,
    UNIQUE (sale_id, place)
);
CREATE TABLE IF NOT EXISTS complaints (sale_id TEXT NOT NULL, text TEXT NOT NULL);
"""
_SALE = "SELECT sale_id, number, till, amount, wish, wavered, ended FROM sales"
_REFUND = "SELECT refund_id, sale_id, place, amount, ended, phone FROM refunds"


class Kept(NamedTuple):
    """A sale as a till has it; `wavered`: it has wished both, so the bridge's word decides."""

    sale_id: str
    number: int
    till: int
    amount: int
    wish: str | None
    wavered: int
    ended: str | None


class KeptRefund(NamedTuple):
    refund_id: str
    sale_id: str
    place: int
    amount: int
    ended: str | None
    phone: int = False  # the buyer has to approve it


class Books:
    """All tills of a shop in one file; on disk when a method returns."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def begin(self, order: Order) -> Kept:
        """The sale of this order, under the id that it was given first."""
        self._db.execute(
            "INSERT INTO sales (sale_id, number, till, amount) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (secrets.token_hex(16), order.number, order.till, order.amount),
        )
        return Kept(*self._db.execute(f"{_SALE} WHERE number = ?", (order.number,)).fetchone())

    def begin_refund(self, sale_id: str, place: int, back: Back) -> KeptRefund:
        """The same of a sale's refunds, each by its place among them."""
        self._db.execute(
            "INSERT INTO refunds (refund_id, sale_id, place, amount, phone) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (secrets.token_hex(16), sale_id, place, *back),
        )
        found = f"{_REFUND} WHERE sale_id = ? AND place = ?"
        return KeptRefund(*self._db.execute(found, (sale_id, place)).fetchone())

    def wish(self, sale_id: str, wish: str) -> None:
        self._db.execute(
            "UPDATE sales SET wavered = wavered OR coalesce(wish <> ?, 0), wish = ? "
            "WHERE sale_id = ?",
            (wish, wish, sale_id),
        )

    def end(self, sale_id: str, ended: str) -> None:
        self._db.execute("UPDATE sales SET ended = ? WHERE sale_id = ?", (ended, sale_id))

    def end_refund(self, refund_id: str, ended: str) -> None:
        self._db.execute("UPDATE refunds SET ended = ? WHERE refund_id = ?", (ended, refund_id))

    def complain(self, sale_id: str, text: str) -> None:
        """The bridge said what it must not say."""
        self._db.execute("INSERT INTO complaints VALUES (?, ?)", (sale_id, text))

    def sale(self, sale_id: str) -> Kept:
        return Kept(*self._db.execute(f"{_SALE} WHERE sale_id = ?", (sale_id,)).fetchone())

    def sales(self) -> list[Kept]:
        return [Kept(*row) for row in self._db.execute(f"{_SALE} ORDER BY number")]

    def refunds(self) -> list[KeptRefund]:
        return [KeptRefund(*row) for row in self._db.execute(f"{_REFUND} ORDER BY rowid")]

    def complaints(self) -> list[tuple[str, str]]:
        """Sale id and text of each."""
        return list(self._db.execute("SELECT sale_id, text FROM complaints"))
