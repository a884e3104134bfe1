"""`tillsign demo`: play purchases from the till's key to the phone's screen, with no hardware."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host.command import FAILED, OK, Command, UsageError

from . import picture

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import AsyncIterator

    from rich.console import Console

    from simulator.world.till import Json

    from .narration import Narrator
    from .story import Played, Scenario

_HELP = "Watch purchases end to end, with no hardware"
SALES_MOST = 10_000


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document and no story")
    parser.add_argument(
        "--sales", type=int, metavar="N", help="make N plain purchases instead of the story"
    )
    parser.add_argument(
        "--sniff",
        action="store_true",
        help="make one plain purchase, or N by one phone, and show what an eavesdropper learns",
    )
    parser.add_argument(
        "--svg", type=Path, metavar="FILE", help="write the output to FILE as a picture, too"
    )


def _run(arguments: Namespace) -> int:
    import asyncio

    from .story import PLAIN, STORY

    sales = arguments.sales
    if sales is not None and not 1 <= sales <= SALES_MOST:
        raise UsageError(f"--sales takes a number from 1 to {SALES_MOST}")
    if arguments.json and arguments.svg:
        raise UsageError("--svg needs the output that --json leaves out")
    console = _console(arguments)
    if arguments.sniff:
        code = asyncio.run(_sniff(sales or 1, console, arguments.json))
    else:
        scenarios = list(STORY) if sales is None else [PLAIN] * sales
        code = asyncio.run(_show(scenarios, console, arguments.json))
    if arguments.svg:
        picture.write(console, arguments.svg)
    return code


def _console(arguments: Namespace) -> Console:
    from rich.console import Console

    if arguments.svg:
        return Console(highlight=False, record=True, width=picture.WIDTH)
    return Console(quiet=arguments.json, highlight=False)


async def _show(scenarios: list[Scenario], console: Console, as_json: bool) -> int:
    import asyncio

    from simulator.phone.transport.bleak_backend import phone_radio
    from simulator.world.world import OFFLINE, Settings, World

    from .narration import Narrator
    from .story import Stage

    teller = Narrator(console)
    played: list[Played] = []
    async with World(Settings(offline=OFFLINE)) as world:
        hello = (await world.receiver_up())["hello"]
        wallet = await world.new_wallet()
        watcher = asyncio.create_task(_watch(world.till.events(), teller))
        async with phone_radio(world.radio.phones) as radio:
            stage = Stage(world, wallet, radio, teller.step, teller.note)
            for number, scenario in enumerate(scenarios, 1):
                teller.title(f"{number}. {scenario.title}: {scenario.amount / 100:.2f} SEK")
                played.append(await stage.run(scenario))
                teller.outcome(played[-1])
                await stage.pay(played[-1])
        watcher.cancel()
    teller.table(played)
    if as_json:
        print(json.dumps(document(hello, played)))
    return OK if all(one.as_it_should for one in played) else FAILED


async def _sniff(sales: int, console: Console, as_json: bool) -> int:
    from simulator.world.world import World

    from . import sniffed_purchases
    from .transcript import Transcript

    transcript = Transcript(console)
    async with World() as world:
        hello = (await world.receiver_up())["hello"]
        wallet = await world.new_wallet()
        sniffed = []
        for number in range(1, sales + 1):
            sniffed.append(await sniffed_purchases.sniff(world, wallet))
            transcript.sale(number, sniffed[-1])
    compared = sniffed_purchases.compare(sniffed) if sales > 1 else None
    if compared is not None:
        transcript.comparison(compared, sales)
    if as_json:
        played = document(hello, [one.played for one in sniffed])
        print(json.dumps({**played, **sniffed_purchases.document(sniffed, compared)}))
    holds = all(one.holds for one in sniffed) and (compared is None or compared.holds)
    return OK if holds else FAILED


async def _watch(events: AsyncIterator[Json], teller: Narrator) -> None:
    async for event in events:
        teller.event(event)


def document(hello: Json, played: list[Played]) -> Json:
    """Return the output of `--json`."""
    return {
        "receiver": {name: hello[name] for name in ("interpreter", "version", "firmware")},
        "sales": [_sale(one) for one in played],
    }


def _sale(played: Played) -> Json:
    sale, elapsed = played.sale, played.approval_to_till
    return {
        "outcome": sale["state"],
        "reason": sale["reason"]["code"] if sale["reason"] else None,
        "amount": sale["amount"],
        "currency": sale["currency"],
        "approval_id": sale["approval_id"],
        "transaction_id": sale["transaction_id"],
        "ms_approval_to_till": None if elapsed is None else round(elapsed, 1),
    }


command = Command(_HELP, _prepare, _run)
