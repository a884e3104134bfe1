"""A world that serves other tills and phones until a signal stops it."""

from __future__ import annotations

import asyncio
import json
import signal
from argparse import Namespace
from typing import NoReturn

from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.processes.attach import publish

from .control import WorldControl
from .receiver_command import RV32, Chip
from .world import OFFLINE, Settings, World


def run(arguments: Namespace, approving: bool) -> None:
    """Serve; `approving` adds a phone that pays every sale."""
    hci = arguments.hci.absolute() if arguments.hci else None
    offline = OFFLINE if arguments.offline else None
    chip = Chip() if arguments.receiver == RV32 else None
    settings = Settings(serial=arguments.serial, hci=hci, offline=offline, chip=chip)
    asyncio.run(_serve(settings, approving))


async def _serve(settings: Settings, approving: bool) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with World(settings) as world, WorldControl(world) as control:
        with publish(control.url):
            print(json.dumps(readiness(world, control)), flush=True)
            tasks = [asyncio.create_task(stopped.wait())]
            if approving:
                tasks.append(asyncio.create_task(_approve(world)))
            done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            for task in done:
                task.result()  # raises the error of a phone that failed


def readiness(world: World, control: WorldControl) -> dict[str, object]:
    """Return the line that lists every address."""
    return {
        "till_api": world.bridge.till_api,
        "authority": world.authority.url,
        "control": control.url,
        "serial": world.serial,
        "hci": str(world.settings.hci) if world.settings.hci else None,
        "receiver": world.command._asdict(),
    }


async def _approve(world: World) -> NoReturn:
    """Pay every sale with one phone."""
    wallet = await world.new_wallet()
    async with phone_radio(world.radio.phones) as radio:
        phone = PhoneApp(wallet, radio)
        while True:
            await phone.buy(Buyer())
