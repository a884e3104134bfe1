"""What a test expects of the entrances that refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from receiver import reasons
from receiver.errors import Error


@contextmanager
def refused_as(reason: int) -> Iterator[None]:
    """Prove that the block raises the error for this reason."""
    with pytest.raises(Error) as caught:
        yield
    assert reasons.name(caught.value.code) == reasons.name(reason)
