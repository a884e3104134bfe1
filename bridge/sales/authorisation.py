"""Request authorisation of one approval at a time, until it is answered or stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge import foreign_code
from bridge.authority.client import RefusedError, UnansweredError
from bridge.authority.retry import CASHIER_MOST_S, Waits
from bridge.domain.inputs import AuthorityAnswered, AuthorityTimedOut, RecordRejected
from bridge.domain.states import ASKING
from bridge.observability import timings
from bridge.observability.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.effects import RequestAuthorisation
    from bridge.domain.inputs import Heard
    from bridge.lines.receiver_link import ReceiverLink

    from .ports import Surroundings

CLEARED_S = 2.0  # each attempt waits this long for the reversal before it

_log = Log(__name__)


class Authorisation:
    """The requests of one receiver; `heard` gets the result of each attempt."""

    def __init__(
        self, around: Surroundings, link: ReceiverLink, heard: Callable[[Heard], None]
    ) -> None:
        self._around = around
        self._link = link
        self._heard = heard
        self.task: asyncio.Task[None] | None = None  # the current or the last request

    def request(self, request: RequestAuthorisation) -> None:
        """Begin a request; an error in it costs the receiver its line, not the bridge."""
        self.task = self._around.spawn(self._link.serve(self._ask, request))

    def stop(self) -> None:
        """Stop asking, for ever."""
        if self.task:
            self.task.cancel()

    async def _ask(self, request: RequestAuthorisation) -> None:
        waits = Waits(CASHIER_MOST_S)
        failure = await self._try(request)
        while not _is_settled(request):
            await asyncio.sleep(waits.next_s(failure))
            failure = await self._try(request)

    async def _try(self, request: RequestAuthorisation) -> UnansweredError | None:
        """Ask once; return why there was no answer, None if there was one."""
        try:
            self._heard(await once(self._around, request))
        except UnansweredError as error:
            terms = request.sale.terms
            _log.info("unanswered", sale=terms.sale_id, till=terms.till, detail=str(error))
            self._heard(AuthorityTimedOut(request.approval_id))
            return error
        return None


async def once(around: Surroundings, request: RequestAuthorisation) -> Heard:
    """Ask once, after every owed reversal of the sale is done; raises UnansweredError."""
    terms, books = request.sale.terms, around.books
    if not await books.waiting.cleared(request.sale, CLEARED_S):
        return AuthorityTimedOut(request.approval_id)  # an earlier approval may still be held
    books.stamps.mark(terms.sale_id, timings.AUTHORISE_SENT)
    try:
        data = await around.authority.authorise(request.record)
    except RefusedError as error:
        _log.warning("record refused", sale=terms.sale_id, till=terms.till, detail=error.detail)
        if not error.said:  # another server may have answered, with or without a booking
            return AuthorityTimedOut(request.approval_id)
        return RecordRejected(request.approval_id, error.reason)
    except UnansweredError:
        raise
    except Exception as error:
        edge = foreign_code.AUTHORITY
        raise foreign_code.translated(edge, UnansweredError, error) from error
    finally:
        books.stamps.mark(terms.sale_id, timings.AUTHORISE_ANSWERED)
    return AuthorityAnswered(request.approval_id, data)


def _is_settled(request: RequestAuthorisation) -> bool:
    sale = request.sale
    return sale.state not in ASKING or sale.approval_id != request.approval_id
