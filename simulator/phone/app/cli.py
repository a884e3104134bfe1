"""`tillsign phone`: make one purchase with a phone of a running world, or with a real adapter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host.command import FAILED, OK, Command, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from simulator.phone.conversation.events import Outcome
    from simulator.phone.wallet.wallet import Handout, Wallet

    from .app import Adapter
    from .buyer import Buyer
    from .visit import Observer

_HELP = "A buyer's phone: find a till and approve its offer"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--radio",
        choices=("sim", "bleak"),
        default="sim",
        help="the world's simulated radio (default), or this computer's Bluetooth adapter",
    )
    parser.add_argument("--code", metavar="N", help="the buyer's six digits (default: the demo's)")
    parser.add_argument("--recipient", type=int, metavar="ID", help="which invoice recipient pays")
    parser.add_argument("--till", type=int, metavar="N", help="the till's number, not the nearest")
    mood = parser.add_mutually_exclusive_group()
    mood.add_argument("--decline", action="store_true", help="look at the offer and leave")
    mood.add_argument("--silent", action="store_true", help="connect and send nothing")
    mood.add_argument("--vanish", action="store_true", help="leave range during a write")
    parser.add_argument(
        "--world", metavar="URL", help="a world's control (default: $TILLSIGN_WORLD, or the newest)"
    )
    parser.add_argument(
        "--wallet",
        type=Path,
        metavar="FILE",
        help="the wallet's file, to use the same phone next time",
    )
    parser.add_argument(
        "--key",
        metavar="KIND",
        help="a new phone's key: p256, as its hardware has it (default), or ed25519",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON only")


def _run(arguments: Namespace) -> int:
    import asyncio

    from simulator.processes.attach import AttachError

    try:
        return asyncio.run(_phone(arguments))
    except AttachError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        return _fail(f"the world's radio cannot be reached: {error}")
    except KeyboardInterrupt:
        return FAILED


async def _phone(arguments: Namespace) -> int:
    from contextlib import AsyncExitStack

    from bleak.exc import BleakError

    from .app import ComputerAdapter, PhoneApp

    buyer, wanted = _buyer(arguments)
    async with AsyncExitStack() as stack:
        wallet, endpoint = await _wallet(arguments)
        if arguments.recipient not in (None, *(one.id for one in wallet.recipients)):
            known = ", ".join(f"{one.id} ({one.name})" for one in wallet.recipients)
            raise UsageError(f"no invoice recipient {arguments.recipient}: choose from {known}")
        radio: Adapter = ComputerAdapter()
        if arguments.radio == "sim":
            from simulator.phone.transport.bleak_backend import phone_radio

            radio = await stack.enter_async_context(phone_radio(endpoint))
        phone = PhoneApp(wallet, radio, observer=_observer(arguments.json))
        try:
            outcome = await phone.buy(buyer, till=arguments.till, recipient=arguments.recipient)
        except (BleakError, OSError) as error:  # OSError: no D-Bus, so no BlueZ
            return _fail(f"this computer's Bluetooth cannot be used: {error}")
    _print(outcome, arguments.json)
    return OK if outcome.result in wanted else FAILED


def _buyer(arguments: Namespace) -> tuple[Buyer, tuple[str, ...]]:
    """Return the policy, and its expected outcomes."""
    from simulator.phone.conversation import events

    from . import buyer

    codes = [arguments.code] if arguments.code else []
    if codes and not (len(codes[0]) == 6 and codes[0].isascii() and codes[0].isdigit()):
        raise UsageError("--code: a code has six digits")
    if arguments.decline:
        return buyer.Declining(), (events.LEFT,)
    if arguments.silent:
        return buyer.Silent(), (events.REFUSED, events.LOST)
    if arguments.vanish:
        return buyer.Vanishing(*codes), (events.LOST,)
    return buyer.Buyer(*codes), (events.APPROVED, events.ACCEPTED)


async def _wallet(arguments: Namespace) -> tuple[Wallet, str]:
    """Return the phone's wallet, from a file or new, and the simulated radio's endpoint."""
    from simulator.phone.wallet import keys
    from simulator.processes.attach import AttachError

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
    from simulator.phone.wallet import wallet

    if path is None or not path.exists():
        return None
    try:
        return wallet.load(path)
    except ValueError as error:
        raise UsageError(f"{path} is not a wallet: {error}") from error


async def _world(
    world: str | None, method: str, path: str, body: dict[str, str] | None = None
) -> Handout:
    """Send a request to the world's control; raises AttachError."""
    import aiohttp
    import msgspec

    from simulator.phone.wallet.wallet import Handout
    from simulator.processes import attach

    url = (world or attach.find()).rstrip("/")
    try:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.request(method, url + path, json=body) as response,
        ):
            return msgspec.json.decode(await response.read(), type=Handout)
    except (aiohttp.ClientError, ValueError, TimeoutError) as error:
        raise attach.AttachError(f"the world at {url} did not provide a phone: {error}") from error


def _observer(as_json: bool) -> Observer:
    from .app import ignore
    from .screen import Screen

    return ignore if as_json else Screen().step


def _print(outcome: Outcome, as_json: bool) -> None:
    import json

    from .screen import Screen
    from .wording import document

    if as_json:
        print(json.dumps(document(outcome), ensure_ascii=False))
    else:
        Screen().outcome(outcome)


def _fail(text: str) -> int:
    import sys

    print(f"tillsign phone: {text}", file=sys.stderr)
    return FAILED


command = Command(_HELP, _prepare, _run)
