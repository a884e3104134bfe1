"""Asking the authority about one approval, and what its answer is to the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import foreign_code
from bridge.authority.client import RefusedError, UnansweredError
from bridge.domain import ports
from bridge.observability import timings
from bridge.observability.logs import Log

if TYPE_CHECKING:
    from .ports import Surroundings

CLEARED_S = 2.0  # an approval waits that long at a time for the reversal of the one before it

_log = Log(__name__)


async def once(around: Surroundings, ask: ports.Ask) -> ports.Input:
    """Not before every reversal that the sale owes is through; raises UnansweredError."""
    terms, books = ask.sale.terms, around.books
    if not await books.waiting.cleared(ask.sale, CLEARED_S):
        return ports.Unanswered(ask.approval_id)  # an earlier approval may still be held
    books.stamps.mark(terms.sale_id, timings.AUTHORISE_SENT)
    try:
        with foreign_code.crossing(foreign_code.AUTHORITY, UnansweredError, RefusedError):
            data = await around.authority.authorise(ask.record)
    except RefusedError as error:
        _log.warning("record refused", sale=terms.sale_id, till=terms.till, detail=error.detail)
        if not error.said:  # who knows whose word that was, and what came of the record
            return ports.Unanswered(ask.approval_id)
        return ports.Rejected(ask.approval_id, error.reason)
    finally:
        books.stamps.mark(terms.sale_id, timings.AUTHORISE_ANSWERED)
    return ports.Answered(ask.approval_id, data)
