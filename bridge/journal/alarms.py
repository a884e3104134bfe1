"""Alarms: a table made from the entries that raise and acknowledge them, in the same commit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .records import ACKNOWLEDGED, ALARM, Acknowledgement, Alarm, Standing
from .schema import ALARM_COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from .records import Row

_OCTETS = ("approval_id", "receiver_id")
_NAMES = (*Alarm._fields, "entry")
_INSERT = (
    f"INSERT INTO alarms ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))}) "
    "ON CONFLICT (key) DO NOTHING"
)
_ACKNOWLEDGE = (
    "UPDATE alarms SET by = ?, note = ?, acknowledged_at = ?, acknowledged = ? "
    "WHERE key = ? AND acknowledged = 0"
)
_SELECT = f"SELECT {ALARM_COLUMNS}, by, note, acknowledged_at, acknowledged FROM alarms"


def body(alarm: Alarm) -> str:
    """Return the body of the entry that raises an alarm; the entry itself has the sale."""
    values = {**alarm._asdict(), **{name: getattr(alarm, name).hex() for name in _OCTETS}}
    del values["sale_id"]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def body_of_acknowledgement(key: str, by: str, note: str) -> str:
    return json.dumps({"key": key, "by": by, "note": note}, ensure_ascii=False)


def load(row: Row) -> Alarm:
    """Load the alarm that an entry of the kind ALARM raises."""
    values = json.loads(row.body)
    octets = {name: bytes.fromhex(values[name]) for name in _OCTETS}
    return Alarm(**{**values, **octets, "sale_id": row.sale_id})


def insert(db: sqlite3.Connection, row: Row) -> None:
    """Apply an entry about an alarm to the table; the first acknowledgement stands."""
    if row.kind == ALARM:
        db.execute(_INSERT, (*load(row), row.id))
    elif row.kind == ACKNOWLEDGED:
        values = json.loads(row.body)
        said = (values["by"], values["note"], row.at, row.id)
        db.execute(_ACKNOWLEDGE, (*said, values["key"]))


def take(found: dict[str, Standing], row: Row) -> None:
    """Apply it to a dictionary."""
    if row.kind == ALARM:
        alarm = load(row)
        found.setdefault(alarm.key, Standing(alarm))
    elif row.kind == ACKNOWLEDGED:
        values = json.loads(row.body)
        known = found.get(values["key"])
        if known and not known.acknowledged:
            said = Acknowledgement(values["by"], values["note"], row.at)
            found[values["key"]] = known._replace(acknowledged=said)


def everything(db: sqlite3.Connection, noted: Iterable[Row] = ()) -> dict[str, Standing]:
    """Return all alarms by their keys, in the order raised; `noted` is not in the table yet."""
    return _with(_read(db, f"{_SELECT} ORDER BY entry", ()), noted)


def find(db: sqlite3.Connection, noted: Iterable[Row], key: str) -> Standing | None:
    return _with(_read(db, f"{_SELECT} WHERE key = ?", (key,)), noted).get(key)


def last_entry(db: sqlite3.Connection, sale_id: str) -> int:
    """Return the last entry about an alarm of a sale; 0 where there is none."""
    query = "SELECT max(max(entry, acknowledged)) FROM alarms WHERE sale_id = ?"
    return db.execute(query, (sale_id,)).fetchone()[0] or 0


def _read(db: sqlite3.Connection, query: str, values: tuple[str, ...]) -> dict[str, Standing]:
    found = {}
    for *columns, by, note, at, acknowledged in db.execute(query, values):
        said = Acknowledgement(by, note, at) if acknowledged else None
        found[columns[0]] = Standing(Alarm(*columns), said)
    return found


def _with(found: dict[str, Standing], noted: Iterable[Row]) -> dict[str, Standing]:
    for row in noted:
        take(found, row)
    return found
