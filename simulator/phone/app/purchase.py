"""One purchase, as the command's arguments ask for it."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import Namespace
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
from bleak.exc import BleakError

from receiver.host.command import FAILED, OK, UsageError
from simulator.phone.conversation import events
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.phone.wallet import keys
from simulator.phone.wallet.wallet import Handout, Wallet, load
from simulator.processes import attach
from simulator.processes.attach import AttachError

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
        observer = ignore if arguments.json else Screen().step
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
        return known, (await _world(arguments.world, "GET", "/v1/radio")).radio
    answer = await _world(arguments.world, "POST", "/v1/phones", {"key_kind": kind})
    if answer.wallet is None:
        raise AttachError("the world handed out no phone")
    answer.wallet.path = arguments.wallet
    answer.wallet.save()
    return answer.wallet, answer.radio


def _stored(path: Path | None) -> Wallet | None:
    if path is None or not path.exists():
        return None
    try:
        return load(path)
    except ValueError as error:
        raise UsageError(f"{path} is not a wallet: {error}") from error


async def _world(
    world: str | None, method: str, path: str, body: dict[str, str] | None = None
) -> Handout:
    """Send a request to the world's control; raises AttachError."""
    url = (world or attach.find()).rstrip("/")
    try:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.request(method, url + path, json=body) as response,
        ):
            return msgspec.json.decode(await response.read(), type=Handout)
    except (aiohttp.ClientError, ValueError, TimeoutError) as error:
        raise AttachError(f"the world at {url} did not provide a phone: {error}") from error


def _fail(text: str) -> int:
    print(f"tillsign phone: {text}", file=sys.stderr)
    return FAILED
