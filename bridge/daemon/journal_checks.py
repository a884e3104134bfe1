"""The journal's part of `bridge check`: everything that a start would find, without changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bridge.books.unconfigured import at_other_places, in_words
from bridge.config.private_files import require_private
from bridge.domain import event_codec
from bridge.journal import JournalError, holder, lives, lock, opening, position_file
from bridge.journal.reader import Reader
from receiver.protocol import identifiers, messages

from .findings import TroubleError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from bridge.config.configuration import Config
    from bridge.domain.sale import Place

_BEHIND = "start the bridge: it asks the authority first; then let every till repeat its decisions"
_UNREAD = "not to be compared with the journal's, which cannot be read"


def files(path: Path) -> str:
    """Check the journal as a start would, without changes."""
    made = path.exists() and path.stat().st_size
    try:
        found = opening.look(path)
        if made and found is None:
            opening.rehearse(path)
    except JournalError as error:
        todo = "see docs/operations.md, The journal; do not delete it: it holds open confirmations"
        raise TroubleError(str(error), todo) from error
    if not made:
        if os.access(path.parent, os.W_OK | os.X_OK):
            return f"{path} will be created"
        raise TroubleError(
            f"{path.parent} cannot be written", "create it, owned by the bridge's user"
        )
    require_private(path)
    _unlocked(path)
    if found is None:
        return f"{path}: has an older version; the bridge migrates it at its start"
    if found.doubts:
        raise TroubleError(
            "; ".join(found.doubts), "put the archives back beside the journal, from a backup"
        )
    return f"{path}: whole, {found.head.last} entries in all"


def _unlocked(path: Path) -> None:
    """Check that no other program locks the journal; read from the kernel, not tried."""
    if holder.process(path) not in (0, lock.process(path)):
        todo = "end that program, or its work on the journal; the bridge waits for it"
        raise TroubleError(f"locked by {holder.name(path)}", todo)


def bridge_id(config: Config) -> str:
    """Check that the journal's sales were rung up under the id in the configuration."""
    try:
        with Reader(config.journal) as journal:
            rung = [entry for entry in journal.live() if entry.kind == event_codec.RUNG]
            terms = [event_codec.load_terms(entry.body) for entry in rung]
            terms += [event_codec.load_terms(one.terms) for one in journal.all_closed()[-1:]]
    except JournalError:
        return _UNREAD
    for one in terms:
        named = one.reference and one.kind == messages.PURCHASE and one.patience_s
        if named and one.reference != identifiers.sale_reference(config.id, one.till, one.sale_id):
            raise TroubleError(
                f"{config.id.hex()} is not the journal's: sale {one.sale_id} has another",
                "put back the [bridge] id that this journal was written with, or its own journal",
            )
    return f"{config.id.hex()}, as in {len(terms)} sales of the journal"


def standing(config: Config) -> str:
    """Check that the journal is the newest known on this machine, and what waits in it."""
    try:
        with Reader(config.journal) as journal:
            life, sequence = journal.lives()[-1], journal.position.sequence
            apart = position_file.read(config.position_file)
            known = apart is None or journal.hash_at(apart.sequence) == apart.hash
            waiting = sum(one.acknowledged is None for one in journal.alarms())
    except JournalError:
        return _UNREAD
    if apart and not known:
        detail = f"ends with entry {sequence}; entry {apart.sequence} was written before"
        raise TroubleError(f"an older copy: {detail}", _BEHIND)
    if life.cause in lives.TO_RECOVER:
        raise TroubleError("an older copy; the authority was not asked yet", _BEHIND)
    if waiting:
        todo = "see GET /v1/reconciliation, and acknowledge them there"
        raise TroubleError(f"{waiting} alarms wait for a person", todo)
    return f"entry {sequence}, the newest known here"


def other_tills(journal: Path, today: Collection[Place]) -> str:
    """Sum the money at tills that are not configured."""
    try:
        with Reader(journal) as reader:
            sales = event_codec.replay(reader.live()).values()
    except JournalError:
        return "unknown: the journal cannot be read"
    found = at_other_places(sales, today)
    told = [f"till {place.till}: {in_words(stand)}" for place, stand in found.items()]
    return "; ".join(told) or "no open money at tills that are not configured"
