"""`tillsign simulate`: run a world until stopped, for other tills and phones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from receiver.host.command import OK, Command, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from .control import WorldControl
    from .world import Settings, World

_HELP = "Run a whole world until stopped; prints one JSON line when ready"
APPROVE, NONE = "approve", "none"
INTERNAL, EXTERNAL = "internal", "external"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--phone",
        choices=(APPROVE, NONE),
        default=APPROVE,
        help="a phone that approves each sale (default), or none: then use `tillsign phone`",
    )
    parser.add_argument(
        "--receiver",
        choices=(INTERNAL, EXTERNAL),
        default=INTERNAL,
        help="start the receiver (default), or leave that to you: see `receiver` in the JSON line",
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="let the bridge accept purchases within limits while the authority is away",
    )
    parser.add_argument(
        "--serial", metavar="URL", help="where the external receiver is: any pyserial URL"
    )
    parser.add_argument(
        "--hci",
        type=Path,
        metavar="PATH",
        help="expose the external receiver's controller as an H4 HCI terminal at PATH",
    )


def _run(arguments: Namespace) -> int:
    external = arguments.receiver == EXTERNAL
    if external and not arguments.serial:
        raise UsageError("--receiver external needs --serial URL")
    if not external and (arguments.serial or arguments.hci):
        raise UsageError("--serial and --hci go with --receiver external")

    import asyncio

    from .world import OFFLINE, Settings

    hci = arguments.hci.absolute() if arguments.hci else None
    offline = OFFLINE if arguments.offline else None
    settings = Settings(serial=arguments.serial, hci=hci, offline=offline)
    asyncio.run(_serve(settings, arguments.phone == APPROVE))
    return OK


async def _serve(settings: Settings, approving: bool) -> None:
    import asyncio
    import signal

    from simulator.processes.attach import publish

    from .control import WorldControl
    from .world import World

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
    from simulator.phone.app.app import PhoneApp
    from simulator.phone.app.buyer import Buyer
    from simulator.phone.transport.bleak_backend import phone_radio

    wallet = await world.new_wallet()
    async with phone_radio(world.radio.phones) as radio:
        phone = PhoneApp(wallet, radio)
        while True:
            await phone.buy(Buyer())


command = Command(_HELP, _prepare, _run)
