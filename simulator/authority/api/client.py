"""The clients' side of this API: typed answers, their error, and the administrator's calls."""

from __future__ import annotations

import json
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

from bridge import contracts
from bridge.authority.messages import JSON, AuthorityProblem
from simulator.authority.accounts.receivers import Terms
from simulator.crypto import pki

T = TypeVar("T")

ANSWER_S = 10.0


class AuthorityError(Exception):
    """No useful answer: no network, no server, or a refusal. The text is for people."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


def read_answer(status: int, data: bytes, type_: type[T]) -> T:
    """Decode an answer; raises AuthorityError for a refusal, ValueError for what is neither."""
    if status < 400:
        return contracts.decode(data, type_)
    problem = contracts.decode(data, AuthorityProblem)
    raise AuthorityError(f"the authority refuses: {problem.detail}", status)


class Administered(ABC):
    """An authority in this process or in another, as its administrator uses it."""

    ca: pki.DemoCa
    pins: dict[bytes, bytes]
    admin_token: str

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def activation(self, buyer: int) -> str:
        """Create an activation for one phone of this buyer."""

    @abstractmethod
    def enrol_receiver(
        self, public_key: bytes, *, receiver_id: bytes, terms: Terms, client_fingerprint: str
    ) -> bytes:
        """Issue the receiver's certificate; from now on this TLS client speaks for the receiver."""

    def admin(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Return the administrator's answer at /v1/admin/`path`; raises OSError for any failure.

        It waits for the answer: in the authority's own process call it from another thread.
        """
        request = urllib.request.Request(
            f"{self.url}/v1/admin/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.admin_token}", "Content-Type": JSON},
        )
        context = pki.client_context(self.ca.certificate)
        with urllib.request.urlopen(request, timeout=ANSWER_S, context=context) as response:
            return json.load(response)
