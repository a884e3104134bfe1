"""The course of `tillsign receiver test`: a counter, one purchase, and what came of it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.config import configuration
from receiver.host.command import FAILED, OK, UsageError
from simulator.authority.api.client import AuthorityError
from simulator.phone.app import authority as app
from simulator.phone.app.buyer import DEMO_CODE, Buyer
from simulator.phone.wallet import wallet as wallets
from simulator.phone.wallet.wallet import Wallet

from . import blank_board, purchase, radio_option, shops
from .purchase import Checkout
from .radio_option import RadioError

_ERRORS = (*purchase.FAILURES, *blank_board.ERRORS, AuthorityError, RadioError, RuntimeError)


def run(arguments: Namespace) -> int:
    """Test and tell; return the exit code."""
    began = time.monotonic()
    steps: list[str] = []

    def tell(text: str) -> None:
        steps.append(text)
        if not arguments.json:
            print(text, flush=True)

    try:
        problem = asyncio.run(_problem(arguments, tell))
    except KeyboardInterrupt:
        return FAILED
    seconds = time.monotonic() - began
    if arguments.json:
        value = {"sells": not problem, "problem": problem or None, "seconds": round(seconds, 1)}
        print(json.dumps(value | {"steps": steps}, ensure_ascii=False, indent=2))
    elif problem:
        print(f"This till does not sell: {problem}", file=sys.stderr)
    else:
        print(f"This till sells. The test took {seconds:.0f} s.")
    return FAILED if problem else OK


async def _problem(arguments: Namespace, tell: purchase.Tell) -> str:
    """Return why it does not sell, or ""."""
    try:
        async with _counter(arguments, tell) as counter:
            receiver = await counter.receiver_up()
            tell(f"receiver: up, {receiver['hello']['board']}")
            bought = await counter.buy(Buyer(arguments.code or DEMO_CODE))
            await counter.give_back(bought.sale)
    except _ERRORS as error:
        return purchase.in_words(error)
    return ""


@asynccontextmanager
async def _counter(arguments: Namespace, tell: purchase.Tell) -> AsyncIterator[Checkout]:
    async with radio_option.adapter(arguments.radio) as radio:
        if arguments.port:
            async with shops.throw_away(arguments.port, radio, tell) as counter:
                yield counter
            return
        wallet = _stored(arguments.wallet) or await _made(arguments)
        place = (arguments.till, wallet, radio, tell)
        if arguments.till_api:
            async with shops.running(arguments.till_api, *place) as counter:
                yield counter
        else:
            async with shops.configured(arguments.config, *place) as counter:
                yield counter


def _stored(path: Path) -> Wallet | None:
    if not path.exists():
        return None
    try:
        return wallets.load(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not a wallet: {error}") from error


async def _made(arguments: Namespace) -> Wallet:
    """Make the phone at the authority of the bridge's configuration."""
    if not arguments.activation:
        raise UsageError(f"there is no {arguments.wallet}: make it by --config and --activation")
    try:
        authority = configuration.load(arguments.config).authority
    except configuration.ConfigError as error:
        raise UsageError(str(error)) from error
    code = arguments.code or DEMO_CODE
    made = await app.enrol(str(authority.url), authority.ca, arguments.activation, code)
    made.path = arguments.wallet
    made.save()
    return made
