"""Purchases with an eavesdropper in the room: compare what it learns with the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

from receiver.protocol import exchange, gatt, padding
from simulator.hardware.radio.sniffer import (
    FEATURES,
    TERMINATED,
    Address,
    Advertised,
    Controlled,
    Heard,
    Linked,
    Scanned,
    Sent,
    Sniffer,
    octets,
)
from simulator.phone.app.app import ignore
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.phone.wallet.wallet import Wallet
from simulator.world.till import Json
from simulator.world.world import World

from . import plain_fields, record_search, summary
from .eavesdropper import Eavesdropper
from .record_search import Confiding, SearchHit
from .story import AMOUNT, APPROVED, PATIENCE_S, Played, Scenario, Stage

TITLE = "A purchase, overheard"

# The size of each message of the exchange, for every buyer and every answer.
LENGTHS = {
    exchange.KEY: 1 + padding.ENC_SIZE,
    exchange.CREDENTIAL: 1 + padding.CREDENTIAL_SEALED,
    exchange.APPROVAL: 1 + padding.APPROVAL_SEALED,
    exchange.RESULT: 1 + padding.RESULT_SEALED,
}


class Sniffed(NamedTuple):
    """One purchase: its course, the record, and the values searched for in it."""

    played: Played
    records: list[Heard]
    missed: int
    heard: Eavesdropper
    secrets: list[SearchHit]
    controls: list[SearchHit]  # must be found, or the search does not work

    @property
    def holds(self) -> bool:
        """Return whether all was received, no secret was found, and every length is constant."""
        complete = not self.missed and all(one.places for one in self.controls)
        kept = not any(one.places for one in self.secrets)
        return self.played.as_it_should and complete and kept and self._lengths_hold

    @property
    def lengths(self) -> dict[str, list[int]]:
        """Return bytes of each message, by its kind."""
        found = {"offer": [len(offer) for offer in self.heard.offers]}
        for message in self.heard.messages:
            found.setdefault(plain_fields.exchanged(message.data).name, []).append(
                len(message.data)
            )
        return found

    @property
    def of_phone(self) -> list[bytes]:
        """Return what this phone sent, and what was sent to it alone: the exchange's answers.

        Without its radio's features: all phones of one model have the same.
        """
        sent = [one for one in self.records if isinstance(one, (Sent, Controlled)) and one.up]
        own = [one for one in sent if not (isinstance(one, Controlled) and one.name == FEATURES)]
        return [one.data for one in [*own, *self.heard.messages]]

    @property
    def addresses(self) -> set[Address]:
        """Return the addresses of the phones."""
        linked = {one.central for one in self.records if isinstance(one, Linked)}
        return linked | {one.scanner for one in self.records if isinstance(one, Scanned)}

    @property
    def _lengths_hold(self) -> bool:
        messages = [one.data for one in self.heard.messages if one.data]
        return all(len(offer) <= gatt.OFFER_MOST for offer in self.heard.offers) and all(
            len(data) == LENGTHS.get(data[0], len(data)) for data in messages
        )


class Compared(NamedTuple):
    """What two purchases have in common on the phone's side."""

    values: list[bytes]
    addresses: list[str]

    @property
    def holds(self) -> bool:
        return not self.values and not self.addresses


async def sniff(
    world: World,
    wallet: Wallet,
    buyer: Confiding | None = None,
    amount: int = AMOUNT,
    wanted: str = APPROVED,
) -> Sniffed:
    """Make one purchase with a phone that comes and goes, and record everything on the air."""
    visitor = buyer or Confiding()
    with world.radio.air.sniffed() as sniffer:
        async with phone_radio(world.radio.phones) as radio:
            stage = Stage(world, wallet, radio, ignore, lambda _who, _text: None)
            scenario = Scenario(TITLE, amount, wanted, lambda _, name: stage.buy(name, visitor))
            played = await stage.run(scenario)
            await asyncio.wait_for(sniffer.until(_over), PATIENCE_S)
            await stage.pay(played)
    return _examined(world, wallet, visitor, played, sniffer)


def compare(sniffed: Iterable[Sniffed]) -> Compared:
    """Return what any two purchases share; it must not identify the phone."""
    values: set[bytes] = set()
    addresses: set[str] = set()
    for one, other in combinations(sniffed, 2):
        values |= record_search.common(one.of_phone, other.of_phone)
        addresses |= {address.text for address in one.addresses & other.addresses}
    return Compared(sorted(values), sorted(addresses))


def document(sniffed: Iterable[Sniffed], compared: Compared | None) -> Json:
    """Return the additional output of `--json`."""
    common = compared and {
        "values": [value.hex() for value in compared.values],
        "addresses": compared.addresses,
    }
    return {"sniffed": [_document(one) for one in sniffed], "common": common}


def _document(sniffed: Sniffed) -> Json:
    lines = sniffed.heard.lines
    start = min(line.at for line in lines)
    return {
        "records": len(sniffed.records),
        "missed": sniffed.missed,
        "transcript": [
            {
                "ms": round((line.at - start) * 1000, 1),
                "from": line.sender,
                "part": line.part,
                "field": line.field,
                "value": line.text,
                "learns": line.learns,
            }
            for line in lines
        ],
        "learnt": summary.learnt(sniffed.heard),
        "not_learnt": summary.not_learnt(sniffed.heard),
        "lengths": sniffed.lengths,
        "secrets": [found._asdict() for found in sniffed.secrets],
        "controls": [found._asdict() for found in sniffed.controls],
        "holds": sniffed.holds,
    }


def _over(records: list[Heard]) -> bool:
    """Return whether the phone has left and the receiver advertises again."""
    ended = any(isinstance(one, Controlled) and one.name == TERMINATED for one in records)
    return ended and isinstance(records[-1], Advertised)


def _examined(
    world: World, wallet: Wallet, buyer: Confiding, played: Played, sniffer: Sniffer
) -> Sniffed:
    heard = Eavesdropper(sniffer.records)
    places = [piece for record in sniffer.records for piece in octets(record)]
    places += heard.certificates  # assembled from its parts
    certificate = world.authority.office.store.value("SELECT data FROM certificates")
    plain = [("certificate", certificate)] if heard.certificates else []  # else the phone knew it
    sealed = [(plain_fields.exchanged(one.sealed).name, one.sealed) for one in buyer.told]
    return Sniffed(
        played,
        sniffer.records,
        sniffer.missed,
        heard,
        record_search.search(record_search.secrets(buyer.told, buyer.codes, wallet), places),
        record_search.search([*plain, *sealed], places),
    )
