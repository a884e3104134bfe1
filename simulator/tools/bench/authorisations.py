"""Authorisations with their confirmations, through the authority on PostgreSQL and without it."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from receiver.core.identity import Identity
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.encoding import schema
from receiver.link.wire import Open
from receiver.protocol import messages, validation
from simulator.authority import Authority
from simulator.authority.accounts import people
from simulator.authority.process import AuthorityProcess
from simulator.authority.storage.postgres_cluster import Cluster, binaries
from simulator.authority.storage.schema import POSTED
from simulator.crypto import pki
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.conversation.messages import Maker
from simulator.phone.wallet.wallet import Wallet
from simulator.tools.load.http import JSON, Client, LoadError
from simulator.world import enrolment
from simulator.world.enrolment import SEK

from . import postgres_alone
from .postgres_alone import Pair
from .rows import Figure

ROUNDS = 5  # each through the authority and then without it: a disturbance hits both
PAIRS = 400  # in half a round
WARM = 100  # before them: connections and prepared statements
COUNTERS = 32  # receivers, each with a buyer of its own organisation: no row is shared
AT_ONCE = 16  # parallel requests of this bridge

_AMOUNT = 100
_SPACE = 1_000_000_000
_TTL_S = 120
_CBOR = "application/cbor"


class PairCounter(NamedTuple):
    """A receiver and its buyer."""

    receiver: Identity
    wallet: Wallet


def measure() -> dict[str, Figure]:
    folder = binaries()
    if folder is None:
        missing = "not measured: initdb and postgres are not installed here"
        return {"authority_pairs": Figure(0.0, bound_is=missing)}
    with Cluster(folder) as cluster, TemporaryDirectory(prefix="tillsign-") as directory:
        rounds = asyncio.run(_measure(Path(directory), cluster.new_books()))
    reached, alone = (statistics.median(rates) for rates in zip(*rounds, strict=True))
    share = statistics.median(through / past_it for through, past_it in rounds)
    what = f"the same SQL alone, {postgres_alone.CONNECTIONS} connections"
    return {
        "authority_pairs": Figure(reached, alone, bound_is=what),
        "authority_pairs_share": Figure(share),
    }


async def _measure(directory: Path, database: str) -> list[tuple[float, float]]:
    """Return, for each round, pairs a second through the authority, and of their SQL alone."""
    async with Authority(directory, database=database) as books:
        client = books.ca.client("bridge")
        counters = _enrol(books, client.fingerprint())
        sizes = [WARM, *[PAIRS] * ROUNDS]
        through = [_pairs(counters, size) for size in sizes]
        beside = [_pairs(counters, size) for size in sizes]
        asked = [
            postgres_alone.statements(database, books.office, client.fingerprint(), pairs)
            for pairs in beside
        ]
    async with AuthorityProcess(directory, database) as authority:
        context = pki.client_context(authority.ca.certificate, client)
        lines = [Client(authority.url, context) for _ in range(AT_ONCE)]
        rounds = [
            (
                await _ask(lines, pairs),
                await asyncio.to_thread(postgres_alone.run, database, statements),
            )
            for pairs, statements in zip(through, asked, strict=True)
        ]
        for line in lines:
            line.close()
    return rounds[1:]


def _enrol(books: Authority, client: str) -> list[PairCounter]:
    store = books.office.store
    counters = []
    for number in range(COUNTERS):
        organisation = people.add_organisation(store, f"Organisation {number}")
        recipient = people.add_recipient(store, organisation, "Kitchen", _SPACE)
        buyer = people.add_buyer(store, organisation, "Buyer", _AMOUNT, [recipient])
        receiver = enrolment.new_receiver(books, client).identity()
        counters.append(PairCounter(receiver, enrolment.new_phone_in_books(books, buyer)))
    return counters


def _pairs(counters: list[PairCounter], count: int) -> list[Pair]:
    """Make pairs at one counter after the other: parallel requests are at different ones."""
    return [_pair(counters[number % len(counters)]) for number in range(count)]


def _pair(counter: PairCounter) -> Pair:
    """Make a purchase, signed by receiver and phone as over the radio."""
    receiver, wallet, now = counter.receiver, counter.wallet, int(time.time())
    reference = os.urandom(messages.REFERENCE_SIZE)
    order = Open(reference, messages.PURCHASE, _AMOUNT, SEK, 1, _TTL_S, b"")
    ephemeral = host.x25519_public(os.urandom(32))
    offered = finish(receiver.offer_job(order, ephemeral, 0))
    maker = Maker(wallet)
    credential = wallet.credentials[maker.recipient][0]
    enc = maker.agree(offered).enc
    value = maker.value(offered, credential, DEMO_CODE, now)
    approval = maker.sign(value, maker.context(offered, credential))
    wallet.counter += 1
    record = messages.Record(
        offered.certificate_hash, offered.data, enc, credential, approval, messages.ONLINE, now
    )
    holder = validation.credential(host, wallet.pins, credential, now)
    submission = validation.Submission(enc, credential, holder, approval)
    name = validation.named(offered, submission).id
    return Pair(record, name, receiver.receiver_id)


async def _ask(lines: list[Client], pairs: list[Pair]) -> float:
    """Return pairs a second, over all these lines; raises LoadError where one is not posted."""
    left, start = iter(pairs), time.perf_counter()

    async def work(line: Client) -> None:
        for pair in left:
            record = schema.encode(messages.RECORD, pair.record)
            await line.ask("POST", "/v1/authorisations", record, _CBOR)
            path = f"/v1/confirmations/{pair.approval_id.hex()}"
            body = json.dumps({"receiver_id": pair.receiver_id.hex()}).encode()
            answer = json.loads(await line.ask("POST", path, body, JSON))
            if answer["state"] != POSTED:
                raise LoadError(f"confirmed, but it is {answer}")

    async with asyncio.TaskGroup() as tasks:
        for line in lines:
            tasks.create_task(work(line))
    return len(pairs) / (time.perf_counter() - start)
