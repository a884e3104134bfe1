"""`tillsign phone`: make one purchase with a phone of a running world, or with a real adapter."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host.command import Command

from .sentences import ENGLISH, LANGUAGES

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
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        default=ENGLISH,
        help="what the phone says, step by step (default: en)",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON only")


def _run(arguments: Namespace) -> int:
    from .purchase import run

    return run(arguments)


command = Command(_HELP, _prepare, _run)
