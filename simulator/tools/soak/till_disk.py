"""A till's disk: every decision before it is reported, every end once it is received."""

from __future__ import annotations

import secrets
import sqlite3
import time
from pathlib import Path
from typing import NamedTuple

from .plan import Back, PlannedSale

PAID, UNPAID = "paid", "unpaid"  # how a sale ended
REFUNDED, NOT_REFUNDED = "refunded", "not refunded"  # how a refund ended

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sales (
    sale_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    till INTEGER NOT NULL,
    receiver BLOB NOT NULL,
    amount INTEGER NOT NULL,
    wish TEXT,
    wavered INTEGER NOT NULL DEFAULT 0,
    offline INTEGER NOT NULL DEFAULT 0,
    ended TEXT,
    ended_at INTEGER
);
CREATE TABLE IF NOT EXISTS refunds (
    refund_id TEXT PRIMARY KEY,
    sale_id TEXT NOT NULL REFERENCES sales,
    place INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    phone INTEGER NOT NULL,
    ended TEXT,
    ended_at INTEGER,
    UNIQUE (sale_id, place)
);
CREATE TABLE IF NOT EXISTS complaints (sale_id TEXT NOT NULL, text TEXT NOT NULL);
"""
_SALE = "SELECT sale_id, number, till, amount, wish, wavered, ended, receiver, offline FROM sales"
_REFUND = "SELECT refund_id, sale_id, place, amount, ended, phone FROM refunds"


class Kept(NamedTuple):
    """A sale in a till's books; `wavered`: it has decided both ways, so the bridge decides."""

    sale_id: str
    number: int
    till: int  # its number at that time
    amount: int
    wish: str | None
    wavered: int
    ended: str | None
    receiver: bytes  # the one at that till at that time
    offline: int = False  # it was accepted offline


class KeptRefund(NamedTuple):
    refund_id: str
    sale_id: str
    place: int
    amount: int
    ended: str | None
    phone: int = False  # by phone, with the buyer's approval


class Books:
    """The books of all tills in a shop, in one file; on disk when a method returns."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def begin(self, order: PlannedSale, till: int, receiver: bytes) -> Kept:
        """Store the sale of this order, under its first id, at the till of that time."""
        self._db.execute(
            "INSERT INTO sales (sale_id, number, till, receiver, amount) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (secrets.token_hex(16), order.number, till, receiver, order.amount),
        )
        return Kept(*self._db.execute(f"{_SALE} WHERE number = ?", (order.number,)).fetchone())

    def begin_refund(self, sale_id: str, place: int, back: Back) -> KeptRefund:
        """Do the same for a sale's refund, by its place among them."""
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

    def stood_in(self, sale_id: str) -> None:
        """Note that the bridge accepted it offline."""
        self._db.execute("UPDATE sales SET offline = 1 WHERE sale_id = ?", (sale_id,))

    def end(self, sale_id: str, ended: str) -> None:
        ending = "UPDATE sales SET ended = ?, ended_at = ? WHERE sale_id = ?"
        self._db.execute(ending, (ended, time.time_ns(), sale_id))

    def end_refund(self, refund_id: str, ended: str) -> None:
        ending = "UPDATE refunds SET ended = ?, ended_at = ? WHERE refund_id = ?"
        self._db.execute(ending, (ended, time.time_ns(), refund_id))

    def complain(self, sale_id: str, text: str) -> None:
        """Note a forbidden answer of the bridge."""
        self._db.execute("INSERT INTO complaints VALUES (?, ?)", (sale_id, text))

    def sale(self, sale_id: str) -> Kept:
        return Kept(*self._db.execute(f"{_SALE} WHERE sale_id = ?", (sale_id,)).fetchone())

    def sales(self) -> list[Kept]:
        return [Kept(*row) for row in self._db.execute(f"{_SALE} ORDER BY number")]

    def refunds(self) -> list[KeptRefund]:
        return [KeptRefund(*row) for row in self._db.execute(f"{_REFUND} ORDER BY rowid")]

    def sales_since(self, ns: int) -> list[Kept]:
        """Return those that ended later than that (nanoseconds since 1970)."""
        found = f"{_SALE} WHERE ended_at > ? ORDER BY number"
        return [Kept(*row) for row in self._db.execute(found, (ns,))]

    def refunds_since(self, ns: int) -> list[KeptRefund]:
        found = f"{_REFUND} WHERE ended_at > ? ORDER BY rowid"
        return [KeptRefund(*row) for row in self._db.execute(found, (ns,))]

    def complaints(self) -> list[tuple[str, str]]:
        """Return sale id and text of each."""
        return list(self._db.execute("SELECT sale_id, text FROM complaints"))
