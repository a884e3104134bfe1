"""What `tillsign demo` runs."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections.abc import AsyncIterator

from rich.console import Console

from receiver.host.amounts import money
from receiver.host.command import FAILED, OK
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.world.receiver_command import RV32, Chip
from simulator.world.till import Json
from simulator.world.world import OFFLINE, Settings, World

from . import picture, sniffed_purchases
from .narration import Narrator
from .sniffed_purchases import sniff
from .story import PLAIN, STORY, Played, Scenario, Stage
from .transcript import Transcript


def run(arguments: Namespace) -> int:
    """Play what was asked for; return the exit code."""
    console = Console(quiet=arguments.json, highlight=False)
    if arguments.svg:
        console = Console(highlight=False, record=True, width=picture.WIDTH)
    chip = Chip() if arguments.receiver == RV32 else None
    if arguments.sniff:
        sales = arguments.sales or 1
        code = asyncio.run(_sniffed(Settings(chip=chip), sales, console, arguments.json))
    else:
        scenarios = list(STORY) if arguments.sales is None else [PLAIN] * arguments.sales
        settings = Settings(offline=OFFLINE, chip=chip)
        code = asyncio.run(_played(settings, scenarios, console, arguments.json))
    if arguments.svg:
        picture.write(console, arguments.svg)
    return code


async def _played(
    settings: Settings, scenarios: list[Scenario], console: Console, as_json: bool
) -> int:
    teller = Narrator(console)
    played: list[Played] = []
    async with World(settings) as world:
        hello = (await world.receiver_up())["hello"]
        teller.receiver(hello)
        wallet = await world.new_wallet()
        watcher = asyncio.create_task(_watch(world.till.events(), teller))
        async with phone_radio(world.radio.phones) as radio:
            stage = Stage(world, wallet, radio, teller.step, teller.note)
            for number, scenario in enumerate(scenarios, 1):
                amount = money(scenario.amount, "SEK").en
                teller.title(f"{number}. {scenario.title}: {amount}")
                played.append(await stage.run(scenario))
                teller.outcome(played[-1])
                await stage.pay(played[-1])
        watcher.cancel()
    teller.table(played)
    if as_json:
        print(json.dumps(_document(hello, played)))
    return OK if all(one.as_it_should for one in played) else FAILED


async def _sniffed(settings: Settings, sales: int, console: Console, as_json: bool) -> int:
    transcript = Transcript(console)
    async with World(settings) as world:
        hello = (await world.receiver_up())["hello"]
        wallet = await world.new_wallet()
        sniffed = []
        for number in range(1, sales + 1):
            sniffed.append(await sniff(world, wallet))
            transcript.sale(number, sniffed[-1])
    compared = sniffed_purchases.compare(sniffed) if sales > 1 else None
    if compared is not None:
        transcript.comparison(compared, sales)
    if as_json:
        played = _document(hello, [one.played for one in sniffed])
        print(json.dumps({**played, **sniffed_purchases.document(sniffed, compared)}))
    holds = all(one.holds for one in sniffed) and (compared is None or compared.holds)
    return OK if holds else FAILED


async def _watch(events: AsyncIterator[Json], teller: Narrator) -> None:
    async for event in events:
        teller.event(event)


def _document(hello: Json, played: list[Played]) -> Json:
    """Return the output of `--json`."""
    return {
        "receiver": {name: hello[name] for name in ("interpreter", "version", "board", "firmware")},
        "sales": [_sale(one) for one in played],
    }


def _sale(played: Played) -> Json:
    sale, elapsed = played.sale, played.approval_to_till
    told = ("amount", "currency", "approval_id", "transaction_id")
    return {
        "outcome": sale["state"],
        "reason": sale["reason"]["code"] if sale["reason"] else None,
        **{name: sale[name] for name in told},
        "ms_approval_to_till": None if elapsed is None else round(elapsed, 1),
    }
