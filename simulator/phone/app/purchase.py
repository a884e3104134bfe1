"""One purchase, as the command's arguments ask for it."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import Namespace
from contextlib import AsyncExitStack
from pathlib import Path

from bleak.exc import BleakError

from receiver.host.command import FAILED, OK, UsageError
from simulator.phone.conversation import events
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.phone.wallet import keys
from simulator.phone.wallet.wallet import Wallet, load
from simulator.processes.attach import AttachError

from . import handout
from .app import Adapter, ComputerAdapter, PhoneApp, ignore
from .buyer import Buyer, Declining, Silent, Vanishing
from .screen import Screen
from .wording import document


def run(arguments: Namespace) -> int:
    try:
        return asyncio.run(_phone(arguments))
    except AttachError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        return _fail(f"the world's radio cannot be reached: {error}")
    except KeyboardInterrupt:
        return FAILED


async def _phone(arguments: Namespace) -> int:
    buyer, wanted = _buyer(arguments)
    async with AsyncExitStack() as stack:
        wallet, endpoint = await _wallet(arguments)
        if arguments.recipient not in (None, *(one.id for one in wallet.recipients)):
            known = ", ".join(f"{one.id} ({one.name})" for one in wallet.recipients)
            raise UsageError(f"no invoice recipient {arguments.recipient}: choose from {known}")
        radio: Adapter = ComputerAdapter()
        if arguments.radio == "sim":
            radio = await stack.enter_async_context(phone_radio(endpoint))
        observer = ignore if arguments.json else Screen(arguments.language).step
        phone = PhoneApp(wallet, radio, observer=observer)
        try:
            outcome = await phone.buy(buyer, till=arguments.till, recipient=arguments.recipient)
        except (BleakError, OSError) as error:  # OSError: no D-Bus, so no BlueZ
            return _fail(f"this computer's Bluetooth cannot be used: {error}")
    if arguments.json:
        print(json.dumps(document(outcome), ensure_ascii=False))
    else:
        Screen().outcome(outcome)
    return OK if outcome.result in wanted else FAILED


def _buyer(arguments: Namespace) -> tuple[Buyer, tuple[str, ...]]:
    """Return the policy, and its expected outcomes."""
    codes = [arguments.code] if arguments.code else []
    if codes and not (len(codes[0]) == 6 and codes[0].isascii() and codes[0].isdigit()):
        raise UsageError("--code: a code has six digits")
    if arguments.decline:
        return Declining(), (events.LEFT,)
    if arguments.silent:
        return Silent(), (events.REFUSED, events.LOST)
    if arguments.vanish:
        return Vanishing(*codes), (events.LOST,)
    return Buyer(*codes), (events.APPROVED, events.ACCEPTED)


async def _wallet(arguments: Namespace) -> tuple[Wallet, str]:
    """Return the phone's wallet, from a file or new, and the simulated radio's endpoint."""
    kind = arguments.key or keys.P256
    if kind not in keys.KINDS:
        raise UsageError(f"--key: one of {', '.join(keys.KINDS)}")
    known = _stored(arguments.wallet)
    if known is not None:
        if arguments.radio != "sim":
            return known, ""
        return known, (await handout.radio(arguments.world)).radio
    wallet, endpoint = await handout.phone(arguments.world, kind)
    wallet.path = arguments.wallet
    wallet.save()
    return wallet, endpoint


def _stored(path: Path | None) -> Wallet | None:
    if path is None or not path.exists():
        return None
    try:
        return load(path)
    except ValueError as error:
        raise UsageError(f"{path} is not a wallet: {error}") from error


def _fail(text: str) -> int:
    print(f"tillsign phone: {text}", file=sys.stderr)
    return FAILED
