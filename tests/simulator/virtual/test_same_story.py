"""One script, twice: in virtual time, and in real processes with a true MicroPython and Bumble.

Same purchases, same faults, same seed: the phone takes the same steps, and the receiver's radio
tells its firmware the same. Times differ, what happens does not. The air loses no packet here: the
clock on the wall decides which packet a burst meets, and a lost CONNECT_IND is another story. Each
purchase has a new phone, since systems count the scans of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import NamedTuple, Protocol

import pytest

from firmware.device import ble as names
from simulator.hardware.radio.conditions import Conditions
from simulator.hardware.radio.model.airs import AIRS
from simulator.hardware.radio.model.chip import CHIP
from simulator.hardware.radio.model.phones import PHONES, PhoneProfile
from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import DEMO_CODE, Buyer
from simulator.phone.app.visit import Step
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Act, Code, FirstDigit, Look, View
from simulator.phone.transport.bleak_backend import PhoneRadio, phone_radio
from simulator.phone.transport.phone_kind import PhoneKind
from simulator.virtual.ble import VirtualBle
from simulator.virtual.phone_radio import VirtualPhone
from simulator.virtual.room import Room
from simulator.virtual.shop import VirtualShop
from simulator.world.world import Settings, World
from tests.simulator.virtual.conftest import Run

pytestmark = pytest.mark.processes

AIR = AIRS["quiet"]._replace(advertisers=0, floor_loss=0.0, burst_loss=0.0)
SEED = 13
TILL = 7
PATIENCE_S = 30
PURCHASE_S = 25.0  # of the clock on the wall: the slowest one takes five
READ_S = 0.3  # the buyer reads the amount
TYPE_S = 1.2  # from the first digit to the last: a fault has time to show
HELD_DBM = -50.0  # as the virtual controllers stand

CALM, SETUP, TYPING, APPROVED, AWAY = "calm", "set-up fails", "cut typing", "cut approved", "away"
SCRIPT = (CALM, SETUP, TYPING, APPROVED, AWAY)
AT = {TYPING: "credential_written", APPROVED: "approval_written", AWAY: "credential_written"}

ASKING = ["asks_authority", "authority_says"]

# What the firmware handles; reads, which it has no part in, are left to the stacks.
TOLD = {
    names.IRQ_CENTRAL_CONNECT: "connected",
    names.IRQ_CENTRAL_DISCONNECT: "disconnected",
    names.IRQ_MTU_EXCHANGED: "mtu",
    names.IRQ_GATTS_WRITE: "written",
}


class Story(NamedTuple):
    """What is seen of one purchase."""

    result: str
    steps: list[str]
    told: list[str]


class Air(Protocol):
    """The hand that does what the script says."""

    def fail_setups(self, on: bool) -> None: ...
    def cut(self) -> None: ...
    def carry_away(self, seconds: float) -> None: ...


class Typist(Buyer):
    """A buyer who reads, and types at a fixed speed."""

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        if view.kind == events.ASKED:
            yield Look()
        elif view.kind == events.SHOWN:
            await asyncio.sleep(READ_S)
            yield FirstDigit()
            await asyncio.sleep(TYPE_S)
            yield Code(DEMO_CODE)


class Script:
    """Observes one purchase, and does its fault at its place, once."""

    def __init__(self, fault: str, air: Air) -> None:
        self.steps: list[str] = []
        self.told: list[str] = []
        self._fault = fault
        self._is_raced = fault == APPROVED
        self._air = air
        air.fail_setups(fault == SETUP)

    def observe(self, step: Step) -> None:
        self.steps.append(step.name)
        if self.steps[-2:] == self.steps[-4:-2] == ASKING:
            del self.steps[-2:]  # the authority is asked until it knows: how often is a time
        if step.name == "connect_failed":
            self._air.fail_setups(False)
        if step.name == AT.get(self._fault):
            fault, self._fault = self._fault, CALM
            asyncio.get_running_loop().call_soon(self._break, fault)

    def tell(self, event: str) -> None:
        """Note an event; where both ends ask for the MTU, a time decides how often it is agreed."""
        agreed_anew = event == "mtu" and self.told[-1:] == ["mtu"]
        if event in TOLD.values() and not agreed_anew:
            self.told.append(event)

    def story(self, result: str) -> Story:
        """Return what was seen. Behind an approval, authority and next link run a race of times."""
        told = self.told
        if self._is_raced:
            told = told[: told.index("disconnected") + 1]
        return Story(result, self.steps, told)

    def _break(self, fault: str) -> None:
        if fault == AWAY:
            self._air.carry_away(1.0)
        else:
            self._air.cut()


# Virtual time.


class VirtualAir:
    def __init__(self, phone: VirtualPhone) -> None:
        self._phone, self._sure = phone, phone.profile

    def fail_setups(self, on: bool) -> None:
        self._phone.profile = failing(self._sure) if on else self._sure

    def cut(self) -> None:
        for link in list(self._phone.links):
            link.cut()

    def carry_away(self, seconds: float) -> None:
        self._phone.carry_away(seconds)


async def in_virtual_time(profile: PhoneProfile) -> list[Story]:
    room = Room(AIR, SEED)
    ble = VirtualBle(room, "02:00:00:00:00:07")
    script: list[Script] = []
    ble.observe = lambda event, _fields: script[-1].tell(event) if script else None
    async with VirtualShop(SEED, [TILL], CHIP, lambda _: ble) as shop:
        wallet = shop.new_wallet()
        found = []
        for place, fault in enumerate(SCRIPT):
            phone = VirtualPhone(room, profile, f"phone {place}")
            phone.receivers = {ble.address: ble}
            phone.signals = {ble.address: HELD_DBM}
            script.append(Script(fault, VirtualAir(phone)))
            sale = await shop.tills[TILL].ring(1000 + place, PATIENCE_S)
            observe = script[-1].observe
            app = PhoneApp(wallet, phone, observer=observe, reach=shop.phone_authority)
            outcome = await app.buy(Typist(), patience_s=PATIENCE_S)
            await sale.ended()
            await sale.pay()
            await asyncio.sleep(1)
            found.append(script[-1].story(outcome.result))
    return found


# Real processes.


class BumbleAir:
    def __init__(self, world: World, phone: PhoneRadio, sure: PhoneProfile) -> None:
        self._world, self._phone, self._sure = world, phone, sure

    def fail_setups(self, on: bool) -> None:
        assert self._phone.kind is not None
        self._phone.kind.profile = failing(self._sure) if on else self._sure

    def cut(self) -> None:
        self._world.radio.cut(self._phone.address)

    def carry_away(self, seconds: float) -> None:
        self._world.radio.carry_away_for(self._phone.address, seconds)


async def in_real_processes(profile: PhoneProfile) -> list[Story]:
    script: list[Script] = []

    def told(event: int, _fields: tuple[int | bytes, ...]) -> None:
        if script:
            script[-1].tell(TOLD.get(event, ""))

    conditions = Conditions(AIR, profile, SEED)
    async with World(Settings(rate=0, conditions=conditions, observe=told)) as world:
        await world.receiver_up()
        wallet = await world.new_wallet()
        found = []
        for place, fault in enumerate(SCRIPT):
            async with phone_radio(world.radio.phones, kind=PhoneKind(profile, SEED)) as phone:
                script.append(Script(fault, BumbleAir(world, phone, profile)))
                sale = await world.till.ring_up(1000 + place)
                app = PhoneApp(wallet, phone, observer=script[-1].observe)
                async with asyncio.timeout(PURCHASE_S):
                    outcome = await app.buy(Typist(), patience_s=PATIENCE_S)
                    await world.till.outcome(sale["sale_id"])
                await world.till.paid(sale["sale_id"])
                found.append(script[-1].story(outcome.result))
    return found


def failing(profile: PhoneProfile) -> PhoneProfile:
    return profile._replace(setup_failure=1.0, setup_hang=0.0)


@pytest.mark.parametrize("name", ["ios", "android-fast"])
def test_both_tell_the_same_story(name: str, run: Run) -> None:
    profile = PHONES[name]._replace(setup_failure=0.0, setup_hang=0.0)
    virtual: list[Story] = []

    async def play() -> None:
        virtual.extend(await in_virtual_time(profile))

    run(play())
    real = asyncio.run(in_real_processes(profile))
    for fault, one, other in zip(SCRIPT, virtual, real, strict=True):
        assert (fault, one) == (fault, other)
        assert one.result == events.APPROVED
