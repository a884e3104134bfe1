"""The virtual store: real parts, and the times of the line and the chip."""

from __future__ import annotations

import asyncio
import time

import pytest

from bridge.journal import writer
from simulator.hardware.radio.model.chip import CHIP
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Wallet
from simulator.virtual.shop import VirtualShop
from simulator.virtual.till import VirtualSale
from tests.simulator.virtual.conftest import TILLS, Run, Store
from tests.simulator.virtual.hand_radio import OFFER, PhoneAtHand

TILL = TILLS[0]
SALES = 200
ARCHIVE_AT = 20  # closed sales: several times in those
LIVE_MOST = 1_000_000  # bytes of the journal's live part


async def _offered(store: Store, sale: VirtualSale) -> float:
    """When the offer is on the radio, after the ring."""
    radio = store.radios[TILL]
    async with asyncio.timeout(5):
        while not radio.values.get(OFFER):  # noqa: ASYNC110 - time is virtual
            await asyncio.sleep(0.001)
    return asyncio.get_running_loop().time() - sale.rung_at


async def _buy(
    store: Store, amount: int, wallet: Wallet | None = None
) -> tuple[VirtualSale, PhoneAtHand]:
    """Sell and pay one thing, to a new buyer where no wallet is given."""
    shop = store.shop
    wallet = wallet or shop.new_wallet()
    sale = await shop.tills[TILL].ring(amount, 25)
    await _offered(store, sale)
    phone = PhoneAtHand(store.radios[TILL], wallet)
    phone.touch()
    view = await sale.ended()
    assert view.state == "approved"
    await sale.pay()
    async with asyncio.timeout(5):
        await phone.ended.wait()
    return sale, phone


def test_receivers_are_greeted_and_know_the_time(run: Run, new_store: type[Store]) -> None:
    async def work() -> None:
        store = new_store()
        async with store.shop as shop:
            for till, session in shop.service.sessions.items():
                hello = session.link.hello
                assert hello is not None
                assert hello.receiver_id[-1] == till
                receiver = shop.boards[till].receiver
                assert receiver is not None
                seconds = receiver.identity.seconds(shop.boards[till].ms())
                assert seconds is not None
                assert abs(seconds - time.time()) < 2

    assert run(work()) < 5


def test_an_offer_opens_and_is_cancelled(run: Run, new_store: type[Store]) -> None:
    async def work() -> None:
        store = new_store()
        async with store.shop as shop:
            sale = await shop.tills[TILL].ring(1000, 25)
            took = await _offered(store, sale)
            # The order and the offer on the line, and the signature on the chip.
            assert took > CHIP.ms(CHIP.ed25519_sign) / 1000
            assert took < 0.1
            await sale.cancel()
            view = await sale.ended()
            assert view.state == "cancelled"
            await asyncio.sleep(1)
            assert store.radios[TILL].values[OFFER] == b""
            assert shop.states(sale) == {}
            assert not shop.is_booked(sale)

    run(work())


def test_a_purchase_is_approved_by_all(run: Run, new_store: type[Store]) -> None:
    async def work() -> None:
        store = new_store()
        async with store.shop as shop:
            sale, phone = await _buy(store, 24_900)
            assert phone.outcome is not None
            assert phone.outcome.result == events.APPROVED
            await asyncio.sleep(2)
            assert shop.states(sale) == {phone.outcome.approval_id: "POSTED"}
            assert shop.authority.state(phone.outcome.approval_id) == "POSTED"
            assert shop.is_booked(sale)

    run(work())


def test_the_check_takes_the_chips_time(run: Run, new_store: type[Store]) -> None:
    """From the last digit to the till: the check, or the authority where that is longer."""
    checks = (CHIP.p256_check, 4 * CHIP.p256_check)
    waits = []

    async def work(check: int) -> None:
        store = new_store(CHIP._replace(p256_check=check))
        async with store.shop:
            sale, phone = await _buy(store, 1000)
            assert sale.ended_at is not None
            assert phone.typed_at is not None
            waits.append(sale.ended_at - phone.typed_at)

    for check in checks:
        run(work(check))
    longer = CHIP.ms(checks[1] - checks[0]) / 1000
    assert waits[1] - waits[0] == pytest.approx(longer, abs=0.04)  # and a slice or some turns


def test_the_same_seed_sells_at_the_same_times(run: Run, new_store: type[Store]) -> None:
    found = []

    async def work() -> None:
        store = new_store()
        async with store.shop:
            for amount in (1000, 2000):
                sale, phone = await _buy(store, amount)
                found.append((sale.ended_at, phone.ended_at, phone.outcome and phone.outcome.view))
                await asyncio.sleep(5)

    run(work())
    run(work())
    assert found[:2] == found[2:]


def test_a_shop_leaves_nothing_behind(run: Run, new_store: type[Store]) -> None:
    made: list[VirtualShop] = []

    async def work() -> None:
        async with new_store().shop as shop:
            made.append(shop)
            assert shop.folder.exists()

    run(work())
    assert not made[0].folder.exists()


def test_sales_leave_no_more_than_their_entries(
    run: Run, new_store: type[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks, timers, open sales and the live journal do not grow; what is archived may."""
    monkeypatch.setattr(writer, "ARCHIVE_AT", ARCHIVE_AT)
    seen: list[tuple[int, ...]] = []

    async def work() -> None:
        store = new_store()
        async with store.shop as shop:
            wallets = [shop.new_wallet() for _ in range(4)]
            for number in range(SALES):
                wallet = wallets[number % len(wallets)]
                async with shop.phone_authority(wallet) as client:
                    await client.refill(wallet, wallet.chosen(None), int(time.time()))
                sale, _ = await _buy(store, 1000 + number, wallet)
                await asyncio.sleep(10)
                assert shop.is_booked(sale)
                if number % (SALES // 4) == SALES // 4 - 1:
                    live = shop.folder / "journal.sqlite"
                    seen.append(
                        (
                            len(asyncio.all_tasks()),
                            len(list(shop.service.books.open_sales())),
                            len(shop.boards[TILL].store),
                            live.stat().st_size > LIVE_MOST,
                            sum(len(wallet.pending) for wallet in wallets),
                        )
                    )

    run(work())
    assert len(set(seen)) == 1, seen
