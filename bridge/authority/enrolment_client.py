"""Ask the authority with a bearer token: to enrol, and as its administrator.

Calls wait for their answer; `UnreachableError` may be tried again, `DeniedError` not.
"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from bridge import contracts
from bridge.contracts import MalformedError, MismatchError

from . import enrolment_messages as wire
from .enrolment_messages import (
    Echo,
    Empty,
    EnrolmentBeginning,
    EnrolmentBegun,
    EnrolmentRequest,
    EnrolmentView,
    NewTicket,
    PendingEnrolments,
    ReceiverRows,
    Revoked,
    TicketKind,
    TicketView,
)
from .messages import CBOR, JSON, AuthorityProblem, path

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.contracts import Request

T = TypeVar("T")

ANSWER_S = 10.0  # as a bridge waits; a long poll adds its own time
ANSWER_MOST = 1 << 20  # bytes; a list of two hundred enrolments takes some 100,000


class EnrolmentFailedError(Exception):
    """The authority gave no answer or a refusal; the text says what to do."""


class UnreachableError(EnrolmentFailedError):
    """No answer: the same call may be made again."""


class DeniedError(EnrolmentFailedError):
    """The authority refuses; `reason` is its name for why, or empty."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


class Identity(NamedTuple):
    """A TLS client certificate and its key (PEM)."""

    certificate: Path
    key: Path


class BearerClient:
    """An authority's address, its CA (PEM; None for the system's), and the caller's token."""

    def __init__(
        self, url: str, ca: Path | None, token: str, identity: Identity | None = None
    ) -> None:
        """Set up; raises EnrolmentFailedError for files or an address that cannot be used."""
        if urlsplit(url).scheme != "https":
            raise EnrolmentFailedError(f"{url}: the authority's address begins with https://")
        self.url = url.rstrip("/")
        self._token = token
        try:
            self._context = ssl.create_default_context(cafile=ca)
            self._context.minimum_version = ssl.TLSVersion.TLSv1_3
            if identity is not None:
                self._context.load_cert_chain(identity.certificate, identity.key, password="")
        except OSError as error:  # ssl.SSLError is one
            raise EnrolmentFailedError(f"{ca or 'certificate'}: cannot be used: {error}") from error

    def ask(
        self,
        method: str,
        at: str,
        type_: type[T],
        body: Request | bytes | None = None,
        answer_s: float = ANSWER_S,
    ) -> T:
        """Return the answer; raises UnreachableError or DeniedError. Bytes are CBOR already."""
        kind, data = (CBOR, body) if isinstance(body, bytes) else (JSON, _encoded(body))
        request = urllib.request.Request(
            self.url + at,
            method=method,
            data=data,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, timeout=answer_s, context=self._context) as answer:
                return contracts.decode(answer.read(ANSWER_MOST), type_)
        except urllib.error.HTTPError as error:
            raise self._failure(error) from None
        except (MalformedError, MismatchError) as error:
            raise UnreachableError(f"{self.url}: not the authority's answer: {error}") from None
        except (OSError, ValueError) as error:
            text = "is it up? look at network, firewall and --ca"
            raise UnreachableError(f"{self.url}: no answer ({error}): {text}") from error

    def _failure(self, error: urllib.error.HTTPError) -> EnrolmentFailedError:
        try:
            problem = contracts.decode(error.read(ANSWER_MOST), AuthorityProblem)
        except (OSError, MalformedError, MismatchError):
            return UnreachableError(f"{self.url}: status {error.code}, not from the authority")
        reason = problem.reason or ""
        text = f"the authority refuses: {problem.detail}" + (f" ({reason})" if reason else "")
        if error.code >= 500:
            return UnreachableError(f"{self.url}: {problem.detail}")
        return DeniedError(text, reason)


class TicketHolder:
    """The steps of one enrolment, with its ticket as token."""

    def __init__(self, client: BearerClient) -> None:
        self._client = client

    def begin(
        self, kind: TicketKind, store: int | None = None, till: int | None = None
    ) -> EnrolmentBegun:
        asked = EnrolmentBeginning(kind, store, till)
        return self._client.ask("POST", wire.ENROLMENTS, EnrolmentBegun, asked)

    def request(self, enrolment_id: bytes, request: bytes) -> EnrolmentView:
        at = path(wire.REQUEST, enrolment_id=enrolment_id)
        return self._client.ask("POST", at, EnrolmentView, EnrolmentRequest(request.hex()))

    def outcome(self, enrolment_id: bytes, wait_s: float = 0.0) -> EnrolmentView:
        at = f"{path(wire.ENROLMENT, enrolment_id=enrolment_id)}?wait_s={wait_s:g}"
        return self._client.ask("GET", at, EnrolmentView, answer_s=ANSWER_S + wait_s)

    def installed(self, enrolment_id: bytes, echo: bytes | None) -> EnrolmentView:
        at = path(wire.INSTALLED, enrolment_id=enrolment_id)
        body = Echo(None if echo is None else echo.hex())
        return self._client.ask("POST", at, EnrolmentView, body)


class EnrolmentAdministrator:
    """Tickets, the second person's decisions, receivers: with the administrator's token."""

    def __init__(self, client: BearerClient) -> None:
        self._client = client

    def add_ticket(self, asked: NewTicket) -> TicketView:
        return self._client.ask("POST", wire.TICKETS, TicketView, asked)

    def pending(self) -> PendingEnrolments:
        return self._client.ask("GET", wire.PENDING, PendingEnrolments)

    def confirm(self, enrolment_id: bytes) -> EnrolmentView:
        at = path(wire.CONFIRMATION, enrolment_id=enrolment_id)
        return self._client.ask("POST", at, EnrolmentView, Empty())

    def reject(self, enrolment_id: bytes) -> EnrolmentView:
        at = path(wire.REJECTION, enrolment_id=enrolment_id)
        return self._client.ask("POST", at, EnrolmentView, Empty())

    def receivers(self, after: bytes | None = None) -> ReceiverRows:
        query = f"?after={after.hex()}" if after else ""
        return self._client.ask("GET", wire.ALL_RECEIVERS + query, ReceiverRows)

    def revoke(self, receiver_id: bytes) -> Revoked:
        at = path(wire.REVOCATION, receiver_id=receiver_id)
        return self._client.ask("POST", at, Revoked, Empty())


def _encoded(body: Request | None) -> bytes | None:
    return None if body is None else contracts.encode(body)


def begun_text(begun: EnrolmentBegun) -> str:
    """Return a beginning as text, for a file."""
    return contracts.encode(begun).decode()


def begun_in(text: str) -> EnrolmentBegun:
    """Read what `begun_text` made; raises ValueError."""
    return contracts.decode(text.encode(), EnrolmentBegun)
