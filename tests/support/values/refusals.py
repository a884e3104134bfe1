"""What a test expects of the entrances that refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from receiver import reasons
from receiver.errors import Error


def reason_of(attempt: Callable[..., object], *arguments: Any, **named: Any) -> int:
    """The reason for which a call is refused, with a word of detail."""
    with pytest.raises(Error) as caught:
        attempt(*arguments, **named)
    assert caught.value.detail
    return caught.value.code


@contextmanager
def refused_as(reason: int | str) -> Iterator[None]:
    """Prove that the block raises the error for this reason, by number or name."""
    with pytest.raises(Error) as caught:
        yield
    named = reason if isinstance(reason, str) else reasons.name(reason)
    assert reasons.name(caught.value.code) == named
