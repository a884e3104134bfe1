"""A small world to buy in: an organisation, two buyers, three invoice recipients; sums in öre."""

from __future__ import annotations

from typing import NamedTuple

from simulator.authority.storage.store import Store

from . import people

ORGANISATION = "Exempelskolan AB"
PURCHASE_LIMIT = 500_000  # SEK 5,000.00
# The first is for demos and load tests and never runs out; the last is below the purchase limit,
# so that credit space can run out first.
RECIPIENTS = (("Skolköket", 10_000_000_000), ("Slöjdsalen", 1_000_000), ("Fritids", 300_000))
# The recipients that each buyer may buy for, by index.
BUYERS = (("Anna Andersson", (0, 1, 2)), ("Bertil Berg", (2,)))


class DemoBuyer(NamedTuple):
    """A demo buyer; `activation` works for one phone."""

    id: int
    name: str
    activation: str


class DemoWorld(NamedTuple):
    """Ids as the authority's API takes them."""

    buyers: list[DemoBuyer]
    recipients: list[int]


def seed(store: Store) -> DemoWorld:
    """Create the demo's people where there are none; make new activations each time."""
    if not store.exists("SELECT 1 FROM organisations"):
        _create(store)
    buyers = store.rows("SELECT id, name FROM buyers ORDER BY id")
    return DemoWorld(
        [DemoBuyer(id_, name, people.add_activation(store, id_)) for id_, name in buyers],
        store.every(int, "SELECT id FROM recipients ORDER BY id"),
    )


def _create(store: Store) -> None:
    organisation = people.add_organisation(store, ORGANISATION)
    ids = [people.add_recipient(store, organisation, *recipient) for recipient in RECIPIENTS]
    for name, allowed in BUYERS:
        people.add_buyer(store, organisation, name, PURCHASE_LIMIT, [ids[i] for i in allowed])
