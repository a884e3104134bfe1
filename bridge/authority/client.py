"""The authority's client: HTTPS with the bridge's own certificate, and two ways to fail.

`UnansweredError` means unknown, never no; `RefusedError` means that this request took nothing, and
comes of the authority's own problem documents alone: what a proxy answers is not its word.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from bridge.domain.held import Held, Holding, holding
from receiver import reasons
from receiver.protocol.messages import RECEIVER_ID_SIZE
from receiver.protocol.signed import ID_SIZE

from . import journal_positions
from .circuit_breaker import Breaker
from .clock_skew import Clock
from .connections import Connections, contexts
from .no_answer import UnansweredError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.config.configuration import AuthorityConfig

    from .connections import Answer, Contexts
    from .journal_positions import Answer as PositionAnswer
    from .journal_positions import Claim

__all__ = ["AuthorityClient", "Refunded", "RefusedError", "UnansweredError"]

ANSWER_MOST = 4096  # bytes; a receipt has some 180, a problem some 300
PAGES_MOST = 500  # of a list: more than any receiver's days can fill
LIST_MOST = 1 << 20  # a page of transactions, or ten thousands of revoked credentials
_COSE = "application/cose"
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_NOT_NOW = (408, 425, 429)  # client errors that say nothing about the request itself
_CODES = {name: code for code, name in reasons.NAMES.items() if code != reasons.OK}


class RefusedError(Exception):
    """The authority does not take this request, for `reason`; `said` where it named that itself."""

    def __init__(self, reason: int, detail: str, *, said: bool = False) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.said = said


class Refunded(NamedTuple):
    """What became of a refund: its transaction id, or why there is none."""

    transaction_id: bytes
    reason: int


class JournalOf(Protocol):
    """Whose journal all calls are made for (`bridge.sales.journal_standing`)."""

    async def admitted(self) -> None:
        """Raise UnansweredError unless the authority serves this journal."""

    def header(self) -> str:
        """The newest position, which every call bears."""

    def wake(self) -> None:
        """A call was refused, as another journal of this bridge serves."""


class AuthorityClient:
    """Kept-alive connections to one authority; an async context manager."""

    def __init__(self, config: AuthorityConfig, tls: Contexts | None = None) -> None:
        """`tls`, or what the PEM files hold; raises OSError or ssl.SSLError where that is bad."""
        self.breaker = Breaker()
        self.clock = Clock()
        self.journal: JournalOf | None = None  # None for those that have none, and only look
        self._connections = Connections(config, tls or contexts(config), self.clock.hear)

    async def __aenter__(self) -> Self:
        await self._connections.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._connections.__aexit__(*error)

    def renew(self, tls: Contexts) -> None:
        """Go by other certificates from here on; what is under way ends as it began."""
        self._connections.renew(tls)

    def retry_now(self) -> None:
        """Spare it no longer, however often it has not answered."""
        self.breaker.reset()

    async def authorise(self, record: bytes) -> bytes:
        """The receipt for a record (layout `messages.RECORD`): COSE, not verified yet."""
        headers = {"Content-Type": "application/cbor"}
        return await self._post("/v1/authorisations", _COSE, data=record, headers=headers)

    async def reverse(self, approval_id: bytes, receiver_id: bytes) -> str:
        """Give back or bar an approval: the state that the authority leaves it in."""
        return await self._move("reversals", approval_id, receiver_id)

    async def confirm(self, approval_id: bytes, receiver_id: bytes) -> str:
        """Post what is held: the state that the authority leaves it in."""
        return await self._move("confirmations", approval_id, receiver_id)

    async def refund(
        self,
        refund_id: bytes,
        receiver_id: bytes,
        transaction_id: bytes,
        amount: int,
        currency: int,
    ) -> Refunded:
        """Give money back on a posted transaction, with no phone at hand."""
        body = {
            "receiver_id": receiver_id.hex(),
            "transaction_id": transaction_id.hex(),
            "amount": amount,
            "currency": currency,
        }
        answer = _document(await self._post(f"/v1/refunds/{refund_id.hex()}", _JSON, json=body))
        if answer.get("refund_id") != refund_id.hex():
            raise UnansweredError("not an answer to this refund")
        if answer.get("state") == Held.POSTED:
            return Refunded(_name(answer.get("transaction_id")), reasons.OK)
        if answer.get("state") == Held.DECLINED:
            return Refunded(b"", _CODES.get(str(answer.get("reason")), reasons.CONFLICT))
        raise UnansweredError("a refund in no known state")

    async def state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        """The signed state for a receiver under its nonce: COSE, not verified yet."""
        body = {"receiver_id": receiver_id.hex(), "nonce": nonce.hex()}
        return await self._post("/v1/states", _COSE, json=body)

    async def revocations(self, receiver_id: bytes) -> bytes:
        """The list of revoked credentials whose hash stands in the state: CBOR, not checked yet."""
        query = {"receiver_id": receiver_id.hex()}
        return await self._get("/v1/revocations", "application/cbor", query)

    async def announce(self, claim: Claim) -> PositionAnswer:
        """Say where the journal is, and hear how it stands; the one call that bears no header."""
        body = journal_positions.claim_body(claim)
        answer = await self._send("POST", journal_positions.PATH, _JSON, ANSWER_MOST, json=body)
        try:
            return journal_positions.answer(_document(answer))
        except ValueError as error:
            raise UnansweredError("not an answer about a position") from error

    async def receivers(self) -> list[bytes]:
        """The ids of all receivers that are bound to this client, or ever were."""
        listed = await self._pages("/v1/receivers", {}, "receivers")
        return [_name(one.get("receiver_id"), RECEIVER_ID_SIZE) for one in listed]

    async def transactions(self, receiver_id: bytes, start_s: int, end_s: int) -> list[Holding]:
        """What the authority has of a receiver in a stretch of time."""
        path = f"/v1/receivers/{receiver_id.hex()}/transactions"
        query = {"from": str(start_s), "to": str(end_s)}
        return [
            _holding(receiver_id, one) for one in await self._pages(path, query, "transactions")
        ]

    async def transaction(self, approval_id: bytes, receiver_id: bytes) -> Holding | None:
        """What the authority has of one approval; None where it never heard of it."""
        path, query = f"/v1/transactions/{approval_id.hex()}", {"receiver_id": receiver_id.hex()}
        try:
            found = _holding(receiver_id, _document(await self._get(path, _JSON, query)))
        except RefusedError as error:
            if error.reason != reasons.APPROVAL_UNKNOWN:
                raise
            return None
        if found.approval_id != approval_id:
            raise UnansweredError("not an answer about this approval")
        return found

    async def _pages(self, path: str, query: dict[str, str], name: str) -> list[dict[str, Any]]:
        """All of a list."""
        found: list[dict[str, Any]] = []
        for _ in range(PAGES_MOST):
            answer = _document(await self._get(path, _JSON, query))
            page = answer.get(name)
            if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
                raise UnansweredError(f"not a list of {name}")
            found += page
            if not answer.get("next"):
                return found
            query["after"] = str(answer["next"])
        raise UnansweredError(f"a list of more than {PAGES_MOST} pages")

    async def _move(self, what: str, approval_id: bytes, receiver_id: bytes) -> str:
        body = {"receiver_id": receiver_id.hex()}
        answer = _document(await self._post(f"/v1/{what}/{approval_id.hex()}", _JSON, json=body))
        state = answer.get("state")
        if answer.get("approval_id") != approval_id.hex() or not isinstance(state, str):
            raise UnansweredError("not an answer about this approval")
        return state

    async def _post(self, path: str, wanted: str, **request: Any) -> bytes:
        return await self._ask("POST", path, wanted, ANSWER_MOST, **request)

    async def _get(self, path: str, wanted: str, query: dict[str, str]) -> bytes:
        return await self._ask("GET", path, wanted, LIST_MOST, params=query)

    async def _ask(self, method: str, path: str, wanted: str, most: int, **request: Any) -> bytes:
        """Ask for the journal whose position goes along."""
        journal = self.journal
        if journal is None:
            return await self._send(method, path, wanted, most, **request)
        await journal.admitted()
        headers = {journal_positions.HEADER: journal.header(), **request.pop("headers", {})}
        try:
            return await self._send(method, path, wanted, most, headers=headers, **request)
        except RefusedError as error:
            if error.reason != reasons.JOURNAL_BEHIND or not error.said:
                raise
            journal.wake()
            raise UnansweredError("another journal of this bridge serves") from error

    async def _send(self, method: str, path: str, wanted: str, most: int, **request: Any) -> bytes:
        with self._watched(path):
            answer = await self._connections.ask(method, path, most, **request)
            if _is_refusal(answer):
                raise _refusal(answer.status, _document(answer.body), self.clock)
            if answer.status != 200 or answer.kind != wanted:
                text = f"{path}: status {answer.status}, {answer.kind}"
                raise UnansweredError(text, retry_after_s=answer.retry_after_s)
        return answer.body

    @contextmanager
    def _watched(self, path: str) -> Iterator[None]:
        """Ask only if the circuit breaker lets it; it learns how that goes."""
        if not self.breaker.admits(_now()):
            raise UnansweredError(f"{path}: the authority is away")
        try:
            yield
        except UnansweredError:
            self.breaker.failed(_now())
            raise
        except RefusedError:
            self.breaker.succeeded()
            raise
        except BaseException:
            self.breaker.gave_up(_now())
            raise
        self.breaker.succeeded()


def _now() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


def _is_refusal(answer: Answer) -> bool:
    """Whether it is the authority's own word (RFC 9457) that this request took nothing."""
    refused = 400 <= answer.status < 500 and answer.status not in _NOT_NOW
    return refused and answer.kind == _PROBLEM


def _refusal(status: int, problem: dict[str, Any], clock: Clock) -> RefusedError:
    """From a problem document, whose `reason` is one of our names or missing."""
    name = problem.get("reason")
    known = name if isinstance(name, str) else ""
    reason = clock.blamed(_CODES.get(known, reasons.RECEIVER_UNTRUSTED))
    return RefusedError(reason, f"status {status} {known}", said=known in _CODES)


def _document(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise UnansweredError("not JSON") from None
    if not isinstance(value, dict):
        raise UnansweredError("not a JSON object")
    return value


def _holding(receiver_id: bytes, one: dict[str, Any]) -> Holding:
    try:
        return holding(receiver_id, one)
    except ValueError as error:
        raise UnansweredError("not a transaction") from error


def _name(value: object, size: int = ID_SIZE) -> bytes:
    """The id of something; raises UnansweredError for anything else."""
    try:
        name = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        name = b""
    if len(name) != size:
        raise UnansweredError("not an id")
    return name
