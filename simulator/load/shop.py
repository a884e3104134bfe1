"""What a load runs against: an authority, many receivers with a phone each, and one bridge."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

from receiver import pins
from receiver.crypto import host
from receiver.identity import Identity
from simulator.authority import Authority, people
from simulator.authority.process import AuthorityProcess
from simulator.authority.store import Store
from simulator.p256 import p256_private, p256_public
from simulator.phone import keys
from simulator.phone.buyer import DEMO_CODE
from simulator.phone.wallet import Recipient, Wallet
from simulator.world.bridge import BridgeProcess, Place
from simulator.world.enrolment import INVOICE_ISSUER, SEED_SIZE, SEK, STORE, STORE_NAME

from .board import HOST, Board

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.pki import Identity as TlsIdentity

TIMEOUT_S = 10.0
_BOOKED = "SELECT state, count(*), sum(amount) FROM transactions GROUP BY state"
TOLD_S = 60.0  # until every receiver has heard bridge and authority, on a busy machine


class Counter(NamedTuple):
    """One till's place: the receiver, and the phone of whoever pays there."""

    till: int
    board: Board
    wallet: Wallet


class Booked(NamedTuple):
    """How many transactions, and their sum in minor units."""

    sales: int
    amount: int


class Shop:
    """An async context manager: everything is up, and every receiver has heard the bridge.

    The authority and the bridge are processes of their own.
    """

    def __init__(self, directory: Path, receivers: int) -> None:
        self.counters: list[Counter] = []
        self.bridge = BridgeProcess(directory / "bridge")
        self.authority: AuthorityProcess
        self._directory = directory
        self._receivers = receivers
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Shop:
        async with AsyncExitStack() as stack:
            directory = self._directory / "authority"
            async with Authority(directory) as books:  # in here it takes far less than over HTTP
                client = books.ca.client("bridge")
                self._enrol(books, client.fingerprint())
            self.authority = await stack.enter_async_context(AuthorityProcess(directory))
            for counter in self.counters:
                stack.callback((await counter.board.listen()).close)
            self._configure(client)
            stack.push_async_callback(self.bridge.stop)
            await self.bridge.start()
            async with asyncio.timeout(TOLD_S):
                for counter in self.counters:
                    await counter.board.told.wait()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def booked(self) -> dict[str, Booked]:
        """What the authority has in each state."""
        store = Store(self.authority.database)
        try:
            rows = store.rows(
                "SELECT state, count(*), sum(amount) FROM transactions GROUP BY state"
            )
            return {state: Booked(count, amount) for state, count, amount in rows}
        finally:
            store.close()

    def _enrol(self, books: Authority, client: str) -> None:
        buyer = books.seed_demo().buyers[0].id
        for number in range(1, self._receivers + 1):
            board = Board(_receiver(books, client))
            self.counters.append(Counter(number, board, _phone(books, buyer)))

    def _configure(self, client: TlsIdentity) -> None:
        pinned = self._directory / "pins"
        pinned.write_bytes(pins.encode(self.authority.pins))
        places = []
        for till, board, _ in self.counters:
            certificate = self._directory / f"receiver-{till}.cose"
            certificate.write_bytes(board.identity.certificate_data)
            places.append(Place(till, f"socket://{HOST}:{board.port}", certificate))
        self.bridge.configure(self.authority, client, places, pins=pinned, timeout_s=TIMEOUT_S)


def _receiver(authority: Authority, client: str) -> Identity:
    """A receiver that the authority knows, and for which `client` (a fingerprint) may speak."""
    seed, receiver_id = os.urandom(SEED_SIZE), os.urandom(8)
    certificate = authority.enrol_receiver(
        host.ed25519_public(seed),
        receiver_id=receiver_id,
        store=STORE,
        store_name=STORE_NAME,
        invoice_issuer=INVOICE_ISSUER,
        currency=SEK,
        client_fingerprint=client,
    )
    return Identity(seed, certificate, authority.pins, host, os.urandom, 1)


def _phone(authority: Authority, buyer: int) -> Wallet:
    """A phone of this buyer with one credential, straight into the books."""
    office = authority.office
    store, key, code_private = office.store, keys.generate(keys.P256), p256_private()
    code_public = p256_public(code_private)
    k = office.keys.code_key(code_public, DEMO_CODE)
    word = people.add_activation(store, buyer)
    registered = people.register(store, word, key.public, code_public, k)
    if registered is None:
        raise RuntimeError("a fresh activation is refused")
    phone, token = registered
    recipient = Recipient(*people.recipients_of(store, buyer)[0])
    now = int(time.time())
    credentials = people.issue_credentials(store, office.keys, phone, recipient.id, 1, now)
    wallet = Wallet(
        key=key,
        code_private=code_private,
        authority=authority.url,
        ca="",
        phone_id=phone.id,
        token=token,
        buyer=people.buyer_name(store, buyer),
        authority_code_key=office.keys.code_public,
        pins=authority.pins,
        recipients=[recipient],
    )
    wallet.add_credentials(recipient.id, credentials, now)
    return wallet
