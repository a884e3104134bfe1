"""What tests of the authority share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PlaceOf
from tests.support.shop.authority_books import Books


@pytest.fixture
def books(tmp_path: Path, place_of: PlaceOf) -> Iterator[Books]:
    """The authority's, on each database in turn."""
    books = Books(tmp_path, place_of(tmp_path))
    yield books
    books.store.close()
