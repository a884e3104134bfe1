"""The authority's client: HTTPS with the bridge's own certificate, and two ways to fail.

`UnansweredError` means unknown, not declined; `RefusedError` means that the request had no effect,
and comes from the authority's own problem documents alone: a proxy's answer does not count.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeVar

from bridge import contracts
from bridge.contracts import MalformedError, MismatchError
from bridge.domain.held import AuthorityTransaction, HoldState
from receiver import reasons

from . import enrolment_messages, messages
from .circuit_breaker import CircuitBreaker
from .clock_skew import Clock
from .connections import Connections, HttpRequest, contexts
from .enrolment_messages import ClientRequest, Empty, FreshCertificate
from .messages import CBOR, COSE, JSON, PROBLEM, Nonce, ReceiverId, TransactionId
from .no_answer import UnansweredError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.config.configuration import AuthorityConfig

    from .connections import Contexts, HttpAnswer

__all__ = ["AuthorityClient", "Refunded", "RefusedError", "UnansweredError"]

ANSWER_MOST = 4096  # bytes; a receipt has some 180, a problem some 300
PAGES_MOST = 500  # of a list: more than a receiver's days can fill
LIST_MOST = 1 << 20  # a page of transactions, or ten thousands of revoked credentials
_NOT_NOW = (408, 425, 429)  # client errors that do not concern the request itself
T = TypeVar("T")
Page = TypeVar("Page", messages.ReceiverPage, messages.TransactionPage)

_CODES = {name: code for code, name in reasons.NAMES.items() if code != reasons.OK}


class RefusedError(Exception):
    """The authority refuses this request, for `reason`; `said` where it named that itself."""

    def __init__(self, reason: int, detail: str, *, said: bool = False) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.said = said


class Refunded(NamedTuple):
    """The result of a refund: its transaction id, or why there is none."""

    transaction_id: bytes
    reason: int


class JournalOf(Protocol):
    """The journal on whose behalf all calls are made (`bridge.sales.journal_standing`)."""

    async def header(self) -> str:
        """Return the newest position, which every call carries; raises UnansweredError.

        Only a journal that the authority serves has one.
        """

    def wake(self) -> None:
        """Note a refused call: another journal of this bridge serves."""


class AuthorityClient:
    """Kept-alive connections to one authority; an async context manager."""

    def __init__(self, config: AuthorityConfig, tls: Contexts | None = None) -> None:
        """Set up with `tls`, or from the PEM files; raises OSError or ssl.SSLError if invalid."""
        self.breaker = CircuitBreaker()
        self.clock = Clock()
        self.journal: JournalOf | None = None  # None for callers that only look
        self._connections = Connections(config, tls or contexts(config), self.clock.hear)

    async def __aenter__(self) -> Self:
        await self._connections.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._connections.__aexit__(*error)

    def renew(self, tls: Contexts) -> None:
        """Use other certificates from now on; requests under way end as they began."""
        self._connections.renew(tls)

    def retry_now(self) -> None:
        """Allow a request at once, whatever failed before."""
        self.breaker.reset()

    async def authorise(self, record: bytes) -> bytes:
        """Return the receipt for a record (layout `messages.RECORD`): COSE, not verified yet."""
        return await self._ask(_posting(messages.AUTHORISATIONS, record, CBOR), COSE)

    async def reverse(self, approval_id: bytes, receiver_id: bytes) -> HoldState:
        """Void or bar an approval; return its state at the authority."""
        return await self._move(messages.REVERSAL, messages.Reversed, approval_id, receiver_id)

    async def confirm(self, approval_id: bytes, receiver_id: bytes) -> HoldState:
        """Post what is held; return its state at the authority."""
        return await self._move(messages.CONFIRMATION, messages.Confirmed, approval_id, receiver_id)

    async def refund(
        self,
        refund_id: bytes,
        receiver_id: bytes,
        transaction_id: bytes,
        amount: int,
        currency: int,
    ) -> Refunded:
        """Refund a posted transaction without a phone."""
        body = messages.RefundRequest(
            receiver_id=ReceiverId(receiver_id),
            transaction_id=TransactionId(transaction_id),
            amount=amount,
            currency=currency,
        )
        path = messages.path(messages.REFUND, refund_id=refund_id)
        answer = await self.post(path, body, messages.RefundAnswer)
        if answer.refund_id != refund_id:
            raise UnansweredError("not an answer to this refund")
        if answer.state is messages.RefundOutcome.DECLINED:
            return Refunded(b"", _CODES.get(answer.reason or "", reasons.CONFLICT))
        if answer.transaction_id is None:
            raise UnansweredError("a posted refund without an id")
        return Refunded(answer.transaction_id, reasons.OK)

    async def state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        """Return the signed state for a receiver under its nonce: COSE, not verified yet."""
        body = messages.StateRequest(receiver_id=ReceiverId(receiver_id), nonce=Nonce(nonce))
        return await self._ask(_posting(messages.STATES, contracts.encode(body), JSON), COSE)

    async def revocations(self, receiver_id: bytes) -> bytes:
        """Return the revocation list whose hash is in the state: CBOR, not checked yet."""
        return await self._ask(
            _getting(messages.REVOCATIONS, {"receiver_id": receiver_id.hex()}), CBOR
        )

    async def announce(self, claim: messages.PositionClaim) -> messages.StandingAnswer:
        """Report the journal's position and get its standing; the one call without the header."""
        asked = _posting(messages.POSITIONS, contracts.encode(claim), JSON)
        return _decoded(await self._send(asked, JSON), messages.StandingAnswer)

    async def receivers(self) -> list[bytes]:
        """Return the ids of all receivers that are or were bound to this client."""
        pages = await self._pages(messages.RECEIVERS, {}, messages.ReceiverPage)
        return [one.receiver_id for page in pages for one in page.receivers]

    async def renew_receiver(self, receiver_id: bytes) -> bytes:
        """Return a receiver's newest certificate (COSE), a next one from half of its life on."""
        path = messages.path(enrolment_messages.RECEIVER_CERTIFICATE, receiver_id=receiver_id)
        answer = await self.post(path, Empty(), FreshCertificate)
        return bytes.fromhex(answer.certificate)

    async def renew_own(self, request: bytes) -> bytes:
        """Return the next client certificate (DER) for the key of this one, by PKCS#10."""
        body = ClientRequest(request.hex())
        answer = await self.post(enrolment_messages.CLIENT_CERTIFICATE, body, FreshCertificate)
        return bytes.fromhex(answer.certificate)

    async def transactions(
        self, receiver_id: bytes, start_s: int, end_s: int
    ) -> list[AuthorityTransaction]:
        """Return the authority's transactions of a receiver in a stretch of time."""
        path = messages.path(messages.TRANSACTIONS, receiver_id=receiver_id)
        query = {"from": str(start_s), "to": str(end_s)}
        pages = await self._pages(path, query, messages.TransactionPage)
        return [one.holding(receiver_id) for page in pages for one in page.transactions]

    async def transaction(
        self, approval_id: bytes, receiver_id: bytes
    ) -> AuthorityTransaction | None:
        """Return the authority's data about one approval; None where it has none."""
        path = messages.path(messages.TRANSACTION, approval_id=approval_id)
        try:
            body = await self._ask(_getting(path, {"receiver_id": receiver_id.hex()}), JSON)
        except RefusedError as error:
            if error.reason != reasons.APPROVAL_UNKNOWN:
                raise
            return None
        found = _decoded(body, messages.Transaction)
        if found.approval_id != approval_id:
            raise UnansweredError("not an answer about this approval")
        return found.holding(receiver_id)

    async def get(self, path: str, query: Mapping[str, str], wanted: str) -> bytes:
        """Return the body of an answer of the type `wanted`."""
        return await self._ask(_getting(path, query), wanted)

    async def post(self, path: str, body: contracts.Request, answered: type[T]) -> T:
        """Post JSON; return the answer."""
        asked = _posting(path, contracts.encode(body), JSON)
        return _decoded(await self._ask(asked, JSON), answered)

    async def _pages(self, path: str, query: dict[str, str], page: type[Page]) -> list[Page]:
        """Yield all pages of a list."""
        found: list[Page] = []
        for _ in range(PAGES_MOST):
            found.append(_decoded(await self._ask(_getting(path, query), JSON), page))
            if found[-1].next is None:
                return found
            query["after"] = found[-1].next.hex()
        raise UnansweredError(f"a list of more than {PAGES_MOST} pages")

    async def _move(
        self,
        route: str,
        answered: type[messages.Confirmed | messages.Reversed],
        approval_id: bytes,
        receiver_id: bytes,
    ) -> HoldState:
        body = messages.OfReceiver(receiver_id=ReceiverId(receiver_id))
        path = messages.path(route, approval_id=approval_id)
        answer = await self.post(path, body, answered)
        if answer.approval_id != approval_id:
            raise UnansweredError("not an answer about this approval")
        return HoldState(answer.state)

    async def _ask(self, asked: HttpRequest, wanted: str) -> bytes:
        """Ask on behalf of the journal whose position goes along."""
        journal = self.journal
        if journal is None:
            return await self._send(asked, wanted)
        headers = {messages.POSITION_HEADER: await journal.header(), **asked.headers}
        try:
            return await self._send(asked._replace(headers=headers), wanted)
        except RefusedError as error:
            if error.reason != reasons.JOURNAL_BEHIND or not error.said:
                raise
            journal.wake()
            raise UnansweredError("another journal of this bridge serves") from error

    async def _send(self, asked: HttpRequest, wanted: str) -> bytes:
        """Send only if the circuit breaker admits it, and report the result to it."""
        if not self.breaker.admits(_now()):
            raise UnansweredError(f"{asked.path}: the authority is away")
        try:
            answer = await self._connections.ask(asked)
            if _is_refusal(answer):
                raise _refusal(answer.status, _decoded(answer.body, messages.Refusal), self.clock)
            if answer.status != 200 or answer.kind != wanted:
                text = f"{asked.path}: status {answer.status}, {answer.kind}"
                raise UnansweredError(text, retry_after_s=answer.retry_after_s)
        except UnansweredError:
            self.breaker.failed(_now())
            raise
        except RefusedError:
            self.breaker.reset()
            raise
        except BaseException:
            self.breaker.gave_up(_now())
            raise
        self.breaker.reset()
        return answer.body


def _now() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


def _is_refusal(answer: HttpAnswer) -> bool:
    """Return whether it is the authority's own refusal (RFC 9457) of this request."""
    refused = 400 <= answer.status < 500 and answer.status not in _NOT_NOW
    return refused and answer.kind == PROBLEM


def _refusal(status: int, problem: messages.Refusal, clock: Clock) -> RefusedError:
    """Make the error of a problem document, whose `reason` is one of our names or missing."""
    name = problem.reason or ""
    reason = clock.blamed(_CODES.get(name, reasons.RECEIVER_UNTRUSTED))
    return RefusedError(reason, f"status {status} {name}", said=name in _CODES)


def _getting(path: str, query: Mapping[str, str]) -> HttpRequest:
    return HttpRequest("GET", path, LIST_MOST, {}, query=query)


def _posting(path: str, body: bytes, kind: str) -> HttpRequest:
    return HttpRequest("POST", path, ANSWER_MOST, {"Content-Type": kind}, body=body)


def _decoded(body: bytes, type_: type[T]) -> T:
    """Decode the authority's answer; raise UnansweredError for anything else."""
    try:
        return contracts.decode(body, type_)
    except (MalformedError, MismatchError) as error:
        raise UnansweredError(f"not a {type_.__name__}: {error}") from None
