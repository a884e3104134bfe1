"""The course of `tillsign measure`: purchases one after the other, then the table."""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from msgspec import structs
from rich.console import Console

from bridge.config import private_files
from bridge.config.configuration import ConfigError
from receiver.host.command import FAILED, OK, UsageError
from simulator.phone.app import handout
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.wallet import keys
from simulator.phone.wallet.wallet import Wallet, load
from simulator.processes.attach import AttachError
from simulator.tools.bringup import purchase as bringup
from simulator.tools.bringup import radio_option
from simulator.tools.bringup.radio_option import RadioError
from simulator.tools.promise import report
from simulator.tools.promise.record import Record
from simulator.tools.promise.report import PromiseReport, cell
from simulator.tools.promise.table import LEGEND, terminal
from simulator.world.till import Till

from .purchase import MeasuredPurchase, Setting
from .till_side import BridgeTill, HandTill, TillSide

# Of a till at which a person rings up nothing is seen but the phone.
UNSEEN_BY_HAND = ("till_p95",)
_ERRORS = (*bringup.FAILURES, AttachError, RadioError, LookupError)

Tell = Callable[[str], None]


class PhoneAtTill(NamedTuple):
    """Where is measured: a phone and a till."""

    setting: Setting
    till: TillSide


def run(arguments: Namespace) -> int:
    """Measure, and show it; return the exit code."""
    console = Console(stderr=True, highlight=False)
    began = time.monotonic()
    records: list[Record] = []
    try:
        asyncio.run(_measure(arguments, records, console.print))
    except _ERRORS as error:
        print(f"tillsign measure: {bringup.in_words(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("Broken off: the table shows what was measured until then", file=sys.stderr)
    measured = _report(arguments, records, time.monotonic() - began)
    report.save(measured, arguments.output)
    if arguments.json:
        print(arguments.output.read_text(), end="")
    else:
        _show(measured, records)
    return OK if records and measured.is_ok else FAILED


async def _measure(arguments: Namespace, records: list[Record], tell: Tell) -> None:
    """Add each purchase to `records` as it ends."""
    async with _place(arguments) as place:
        for number in range(arguments.repetitions):
            checked_in = place.till.rings and number % 2 == 1
            one = MeasuredPurchase(place.setting, place.till, number, checked_in=checked_in)
            records.append(await one.run())
            tell(_line(records[-1], arguments.repetitions))


@asynccontextmanager
async def _place(arguments: Namespace) -> AsyncIterator[PhoneAtTill]:
    wallet, radio_name, till_api = await _phone(arguments)
    async with radio_option.adapter(radio_name) as radio, _till(arguments, till_api) as till:
        code = arguments.code or DEMO_CODE
        yield PhoneAtTill(
            Setting(arguments.air, arguments.profile, wallet, radio, code, arguments.typing), till
        )


async def _phone(arguments: Namespace) -> tuple[Wallet, str, str]:
    """Return the phone's wallet, its radio, and the till API of a world."""
    if arguments.world is None:
        return _stored(arguments.wallet), arguments.radio, ""
    world = arguments.world or None
    there = await handout.radio(world)
    if arguments.wallet is not None and arguments.wallet.exists():
        return _stored(arguments.wallet), there.radio, there.till_api
    wallet, radio = await handout.phone(world, keys.P256)
    return wallet, radio, there.till_api


def _stored(path: Path) -> Wallet:
    try:
        return load(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not a wallet: {error}") from error


def _till(arguments: Namespace, till_api: str) -> TillSide:
    url = arguments.bridge or till_api
    if not url:
        return HandTill(arguments.till, _ask)
    token = _token(arguments.token_file) if arguments.token_file else ""
    return BridgeTill(Till(url, token=token, ca=arguments.ca), arguments.till)


def _token(path: Path) -> str:
    try:
        return private_files.read_token(path)
    except ConfigError as error:
        raise UsageError(f"--token-file {error}") from error


def _ask(text: str) -> None:
    """Say what a person is to do, and wait for Enter; LookupError where that cannot come."""
    print(text, end=" ", file=sys.stderr, flush=True)
    if not sys.stdin.readline():
        raise LookupError("no terminal to press Enter at: --bridge or --world rings up by itself")


def _report(arguments: Namespace, records: list[Record], seconds: float) -> PromiseReport:
    found = cell(arguments.air, arguments.profile, records)
    if arguments.bridge is None and arguments.world is None:
        seen = [figure for figure in found.figures if figure.key not in UNSEEN_BY_HAND]
        found = structs.replace(found, figures=seen)
    return PromiseReport(
        seed=0, scene=len(records), seconds=round(seconds, 1), processes=1, stored=0, cells=[found]
    )


def _show(measured: PromiseReport, records: list[Record]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for table in terminal(measured):
        console.print(table)
    console.print(LEGEND)
    for record in records:
        if not record.succeeded:
            console.print(f"purchase {record.number + 1} failed: {record.reason}", markup=False)


def _line(record: Record, of: int) -> str:
    kind = "checked in" if record.checked_in else "cold"
    head = f"purchase {record.number + 1} of {of}, {kind}: "
    if not record.paid and record.reason:
        return head + record.reason
    return head + f"offer after {record.offer_s:.2f} s, approved after {record.phone_s:.2f} s"
