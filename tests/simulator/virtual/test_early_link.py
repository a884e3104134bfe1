"""A phone connects while it still searches: to the right till sooner, and off a wrong one again."""

from __future__ import annotations

import asyncio

from receiver.protocol import exchange
from simulator.hardware.radio.model.airs import AIRS
from simulator.hardware.radio.model.chip import CHIP
from simulator.hardware.radio.model.phones import PHONES
from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.app.visit import Step
from simulator.phone.conversation import events
from simulator.phone.conversation.events import SayNo
from simulator.virtual.ble import VirtualBle
from simulator.virtual.phone_radio import VirtualPhone
from simulator.virtual.room import Room
from simulator.virtual.shop import VirtualShop
from tests.simulator.virtual.conftest import TILLS, Run

MINE, OTHER = TILLS
AIR = AIRS["quiet"]._replace(advertisers=0, floor_loss=0.0, burst_loss=0.0, fading_db=0.0)
PHONE = PHONES["ios"]._replace(setup_failure=0.0, setup_hang=0.0)
PATIENCE_S = 30
LIKELY_DBM, HELD_DBM = -50.0, -38.0


class Hold:
    """One purchase at MINE; `signals` by till. Steps of phone and radios, in order."""

    def __init__(self, signals: dict[int, float], buyer: Buyer | None = None) -> None:
        self.steps: list[str] = []
        self.result = ""
        self._signals = signals
        self._buyer = buyer or Buyer()
        self._room = Room(AIR, 1)
        self._radios = {till: self._radio(till) for till in TILLS}
        self.phone = VirtualPhone(self._room, PHONE, "phone")
        self.phone.receivers = {ble.address: ble for ble in self._radios.values()}
        self.phone.observe = self.steps.append

    async def run(self) -> None:
        async with VirtualShop(1, TILLS, CHIP, self._radios.__getitem__) as shop:
            self.move(self._signals)
            sale = await shop.tills[MINE].ring(1000, PATIENCE_S)
            await asyncio.sleep(1)
            app = PhoneApp(
                shop.new_wallet(), self.phone, observer=self._step, reach=shop.phone_authority
            )
            outcome = await app.buy(self._buyer, patience_s=PATIENCE_S)
            self.result = outcome.result
            await sale.ended()
            await sale.pay()

    def move(self, signals: dict[int, float]) -> None:
        """Hold the phone elsewhere."""
        self.phone.signals = {self._radios[till].address: dbm for till, dbm in signals.items()}

    def _radio(self, till: int) -> VirtualBle:
        ble = VirtualBle(self._room, f"02:00:00:00:00:0{till}")
        ble.observe = lambda event, _fields: self._note(till, event)
        return ble

    def _note(self, till: int, event: str) -> None:
        if event in ("connected", "disconnected"):
            self.steps.append(f"{event} {till}")

    def _step(self, step: Step) -> None:
        self.steps.append(step.name)


def test_the_till_that_stands_out_is_connected_to_before_it_is_chosen(run: Run) -> None:
    hold = Hold({MINE: LIKELY_DBM, OTHER: -80.0})
    run(hold.run())
    steps = hold.steps
    assert hold.result == events.APPROVED
    assert steps.index(f"connected {MINE}") < steps.index("found") < steps.index("connected")
    assert steps.count(f"connected {MINE}") == 1
    assert f"connected {OTHER}" not in steps


def test_a_wrong_one_is_left_for_the_one_that_is_nearer(run: Run) -> None:
    """The idle till is louder, the open one is heard first; the phone is brought to it then."""
    hold = Hold({MINE: LIKELY_DBM})

    def nearer(step: str) -> None:
        hold.steps.append(step)
        if step == "linked" and hold.steps.count("linked") == 1:
            hold.move({MINE: -70.0, OTHER: HELD_DBM})
            asyncio.get_running_loop().call_later(2.0, hold.move, {MINE: HELD_DBM, OTHER: -70.0})

    hold.phone.observe = nearer
    run(hold.run())
    steps = hold.steps
    assert hold.result == events.APPROVED
    assert steps.index(f"connected {MINE}") < steps.index(f"disconnected {MINE}")
    assert steps.index(f"disconnected {MINE}") < steps.index(f"connected {OTHER}")
    assert steps.count(f"connected {MINE}") == 2


class Attentive(Buyer):
    """A buyer who reads the till's number on the screen."""

    async def stays(self, till: int | None) -> SayNo | None:
        await asyncio.sleep(2)
        return None if till == MINE else SayNo(exchange.LEAVE_WRONG_TILL)


def test_a_buyer_may_leave_a_till_that_has_no_amount_yet(run: Run) -> None:
    hold = Hold({MINE: -70.0, OTHER: HELD_DBM}, Attentive())
    run(hold.run())
    assert hold.result == events.APPROVED
    assert hold.steps.index("checked_in") < hold.steps.index("leave_written")
    assert hold.steps.index(f"disconnected {OTHER}") < hold.steps.index("shown")
