"""What tests of the authority share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from simulator.authority.ledger.record_verification import Evidence
from tests.conftest import PlaceOf
from tests.support.shop.authority import World, world_in
from tests.support.shop.authority_books import Books


@pytest.fixture
def books(tmp_path: Path, place_of: PlaceOf) -> Iterator[Books]:
    """The authority's, on each database in turn."""
    books = Books(tmp_path, place_of(tmp_path))
    yield books
    books.store.close()


@pytest.fixture
def found(books: Books) -> Evidence:
    """A purchase that the books have not seen."""
    return books.evidence(1)


@pytest.fixture
def sale(books: Books) -> bytes:
    """A purchase that is posted."""
    return books.post(1)


@pytest.fixture
async def world(tmp_path: Path, place_of: PlaceOf) -> AsyncIterator[World]:
    """The authority on HTTPS, on each database in turn."""
    place = place_of(tmp_path)
    async with world_in(tmp_path, place if isinstance(place, str) else None) as world:
        yield world
