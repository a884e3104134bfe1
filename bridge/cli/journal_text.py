"""How `tillsign journal` shows sales: lines for people, with colours on a terminal only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from bridge.domain import event_codec
from bridge.domain.states import State
from bridge.journal import alarms
from bridge.journal.records import ALARM, CLOSED, OWN, load_closed
from receiver import reasons
from receiver.host.amounts import money
from receiver.host.currencies import letters

from .sales import UNREADABLE

if TYPE_CHECKING:
    from bridge.journal.backup import Backup
    from bridge.journal.records import Row
    from bridge.journal.verify import Report

    from .sales import Listed, ListedSum

_WHOLE = 24  # bytes up to which octets are shown in full: ids are, messages are not
_UNREADABLE_MOST = 80  # characters of an entry unknown to this version; `--json` has all
_RED, _GREEN, _YELLOW, _PLAIN = "\033[31m", "\033[32m", "\033[33m", "\033[0m"
_BOLD = "\033[1m"
_STATE_WIDTH = max(map(len, State))
_COLOURS = {"posted": _GREEN, "liability": _RED, UNREADABLE: _RED}


def listed(sales: Sequence[Listed], totals: Sequence[ListedSum]) -> Iterator[str]:
    """Describe each sale in a line, then the sums."""
    for sale in sales:
        shade = _COLOURS.get(sale.state, _YELLOW if sale.open else "")
        yield (
            f"{_time(sale.at)}  till {sale.till:<5} {sale.kind:<6}  "
            f"{_shaded(f'{sale.state:<{_STATE_WIDTH}}', shade)}  "
            f"{money(sale.amount, sale.currency).en:>16}  {sale.sale_id}"
            f"{'  ' + sale.reason if sale.reason else ''}{'  (open)' if sale.open else ''}"
        )
    if not sales:
        yield "no sales"
    for total in totals:
        amount = money(total.amount, total.currency).en
        yield f"{total.sales:>8} × {total.kind:<6}  {total.state:<{_STATE_WIDTH}}  {amount:>16}"


def entries(sale_id: str, state: str, rows: Sequence[Row]) -> Iterator[str]:
    """Describe every entry with its time and content, in words."""
    yield f"{_shaded(sale_id, _BOLD)}  {state}"
    for row in rows:
        yield f"\n{_time(row.at, 'milliseconds')}  #{row.id}  {_shaded(kind(row), _BOLD)}"
        for name, value in fields(row).items():
            yield f"    {name}: {value}"


def as_json(sale_id: str, state: str, rows: Sequence[Row]) -> dict[str, object]:
    found = [{"id": row.id, "at": row.at, "kind": kind(row), **_parsed(row)} for row in rows]
    return {"sale_id": sale_id, "state": state, "entries": found}


def counts(report: Report | Backup) -> str:
    """Describe the journal's size and end: an older copy is whole as well."""
    read = f"entries: {report.entries}, archives: {report.archives}, closed sales: {report.closed}"
    newest = f"up to {_time(report.newest_at)}, " if report.newest_at else ""
    return f"{read}; {newest}at sequence {report.sequence}"


def kind(row: Row) -> str:
    return row.kind.removeprefix(OWN)


def fields(row: Row) -> dict[str, str]:
    """Return an entry's content, with names for numbers, without its secret."""
    try:
        values = _values(row)
    except (LookupError, TypeError, ValueError):
        return {"body": f"{UNREADABLE}: {row.body[:_UNREADABLE_MOST]}"}
    return dict(_readable(values))


def _values(row: Row) -> Mapping[str, object]:
    if row.kind == event_codec.RUNG:
        return event_codec.load_terms(row.body)._asdict()
    if row.kind == CLOSED:
        closed = load_closed(row.sale_id, row.body)._asdict()
        del closed["terms"]  # the sale's first entry has them
        return closed
    if row.kind == ALARM:
        return alarms.load(row)._asdict()
    if row.own:
        own: dict[str, object] = json.loads(row.body)
        return own
    values = asdict(event_codec.load_fact(row.kind, row.body, b""))
    del values["event"]
    return values


def _readable(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Drop empty values."""
    currency = values.get("currency")
    for name, value in values.items():
        match name, value:
            case "amount", int() if isinstance(currency, int):
                yield name, money(value, letters(currency)).en
            case "reason", int() if value != reasons.OK:
                yield name, reasons.name(value)
            case (("decided_at" | "at"), int()):
                yield name, _time(value, "milliseconds")
            case (("reason" | "currency" | "sale_id"), _):
                pass
            case _, bytes() if value:
                yield name, _octets(value)
            case _ if value:
                yield name, str(value)


def _octets(value: bytes) -> str:
    if len(value) <= _WHOLE:
        return value.hex()
    return f"{len(value)} bytes, SHA-256 {sha256(value).hexdigest()[:16]}"


def _parsed(row: Row) -> dict[str, object]:
    try:
        return {"body": json.loads(row.body)}
    except ValueError:
        return {"body": row.body}


def _time(at: int, precision: str = "seconds") -> str:
    """Format a time by this computer's clock."""
    return datetime.fromtimestamp(at / 1000).astimezone().isoformat(" ", precision)


def _shaded(text: str, shade: str) -> str:
    """Colour a text on a terminal."""
    coloured = shade and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return shade + text + _PLAIN if coloured else text
