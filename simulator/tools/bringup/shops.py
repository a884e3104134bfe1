"""Give a counter to test at: of a bridge that runs, of its configuration, or to throw away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from receiver.protocol import pins
from simulator.authority import Authority
from simulator.phone.app.app import Adapter
from simulator.phone.wallet.wallet import Wallet
from simulator.world.bridge import BridgeProcess, Place
from simulator.world.enrolment import new_phone
from simulator.world.till import Till

from . import blank_board
from .purchase import Checkout

TILL = 1
AUTHORITY_S = 10.0  # as long as a bridge waits by default

Tell = Callable[[str], None]


@asynccontextmanager
async def running(
    till_api: str, number: int, wallet: Wallet, radio: Adapter, tell: Tell
) -> AsyncIterator[Checkout]:
    """At a bridge that serves."""
    async with Till(till_api) as till:
        yield Checkout(till, number, wallet, radio, tell)


@asynccontextmanager
async def configured(
    config: Path, number: int, wallet: Wallet, radio: Adapter, tell: Tell
) -> AsyncIterator[Checkout]:
    """At a bridge that is started with this configuration; raises RuntimeError if it fails."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="tillsign-test-")))
        bridge = BridgeProcess(directory)
        bridge.config = config
        stack.push_async_callback(bridge.stop)
        await bridge.start()
        tell(f"bridge: serves with {config}")
        yield await stack.enter_async_context(running(bridge.till_api, number, wallet, radio, tell))


@asynccontextmanager
async def throw_away(
    url: str, radio: Adapter, tell: Tell, ask: Tell | None = None
) -> AsyncIterator[Checkout]:
    """At a blank board, enrolled at an authority that ends with this; then it is blank again.

    `tell` gets the steps of each purchase, `ask` (or else `tell`) what a person is to know and do.
    """
    ask = ask or tell
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="tillsign-test-")))
        authority = await stack.enter_async_context(Authority(directory / "authority"))
        people = authority.seed_demo()
        client = authority.ca.client("bridge")
        certificate = await blank_board.lend(url, authority, client.fingerprint(), TILL)
        stack.push_async_callback(blank_board.make_blank, url, ask)
        ask("board: enrolled at a throw-away authority")
        files = directory / "certificate", directory / "pins"
        files[0].write_bytes(certificate)
        files[1].write_bytes(pins.encode(authority.pins))
        bridge = BridgeProcess(directory / "bridge")
        place = Place(TILL, url, files[0])
        bridge.configure(authority, client, [place], pins=files[1], timeout_s=AUTHORITY_S)
        stack.push_async_callback(bridge.stop)
        await bridge.start()
        wallet = await new_phone(authority, people.buyers[0].id)
        yield await stack.enter_async_context(running(bridge.till_api, TILL, wallet, radio, tell))
