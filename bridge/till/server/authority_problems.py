"""Problem documents for an authority that does not answer, or refuses."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge.authority.client import RefusedError, UnansweredError

from .problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def told() -> Iterator[None]:
    """Raise ProblemError for any failed request to the authority in this context."""
    try:
        yield
    except UnansweredError as error:
        raise ProblemError(503, "authority-away", "the authority does not answer") from error
    except RefusedError as error:
        raise ProblemError(502, "authority-refused", error.detail) from error
