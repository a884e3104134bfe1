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
from simulator.p256 import p256_private, p256_public
from simulator.phone import keys
from simulator.phone.buyer import DEMO_CODE
from simulator.phone.wallet import Recipient, Wallet
from simulator.world.bridge import BridgeProcess, Place
from simulator.world.enrolment import INVOICE_ISSUER, SEED_SIZE, SEK, STORE, STORE_NAME

from .board import HOST, Board

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.authority.office import Office
    from simulator.pki import Identity as TlsIdentity

TIMEOUT_S = 10.0
TOLD_S = 60.0  # until every receiver has heard bridge and authority, on a busy machine


class Counter(NamedTuple):
    """One till's place: the receiver, and the phone of whoever pays there."""

    till: int
    board: Board
    wallet: Wallet


class Shop:
    """An async context manager: everything is up, and every receiver has heard the bridge."""

    def __init__(self, directory: Path, receivers: int) -> None:
        self.counters: list[Counter] = []
        self.authority = Authority(directory / "authority")
        self.bridge = BridgeProcess(directory / "bridge")
        self._directory = directory
        self._receivers = receivers
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Shop:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.authority)
            client = self.authority.ca.client("bridge")
            self._enrol(client.fingerprint())
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

    def _enrol(self, client: str) -> None:
        office = self.authority.office
        buyer = self.authority.seed_demo().buyers[0].id
        for number in range(1, self._receivers + 1):
            identity = _receiver(self.authority, client)
            wallet = _phone(self.authority, office, buyer)
            self.counters.append(Counter(number, Board(identity), wallet))

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


def _phone(authority: Authority, office: Office, buyer: int) -> Wallet:
    """A phone of this buyer with one credential, straight into the books."""
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
