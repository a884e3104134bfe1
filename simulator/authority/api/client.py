"""What a client of this API shares: typed answers, and the error for all others."""

from __future__ import annotations

from typing import TypeVar

from bridge import contracts
from bridge.authority.messages import AuthorityProblem

T = TypeVar("T")


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
