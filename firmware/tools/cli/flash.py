"""`tillsign firmware flash`: MicroPython and the firmware into one board, or into all."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host.command import Command
from receiver.host.output import Result, add_json

from .flash_arguments import add_ports, chosen, problem

if TYPE_CHECKING:
    from firmware.tools.flash.errors import FlashError
    from firmware.tools.flash.flash import Flashed

_HELP = "Write MicroPython and a built firmware into boards, verify them and hear them start"


def _prepare(parser: ArgumentParser) -> None:
    add_ports(parser)
    parser.add_argument(
        "--micropython",
        type=Path,
        required=True,
        metavar="FILE",
        help="MicroPython's image for the chip, as downloaded, or firmware.bin of ours",
    )
    parser.add_argument(
        "--build",
        type=Path,
        required=True,
        metavar="DIR",
        help="the release folder of `tillsign firmware build`",
    )
    parser.add_argument(
        "--images",
        type=Path,
        action="append",
        default=[],
        metavar="TOML",
        help="a further table of images that you trust",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be written")
    add_json(parser)


def _flash(arguments: Namespace) -> int:
    from firmware.tools.flash import plan, showing
    from firmware.tools.flash.errors import FlashError
    from firmware.tools.flash.flash import flash

    try:
        ports = chosen(arguments)
        planned = plan.plan(arguments.micropython, arguments.build, arguments.images)
    except FlashError as error:
        return problem(error).show(arguments)

    async def run() -> list[Flashed | FlashError]:
        return await showing.each(
            ports,
            lambda port, tell: flash(
                port, planned, baud=arguments.baud, dry=arguments.dry_run, tell=tell
            ),
            arguments.json,
        )

    found = asyncio.run(run())
    boards = [
        {"port": port, "ok": False, "error": {"code": each.code, "text": str(each)}}
        if isinstance(each, FlashError)
        else each.value()
        for port, each in zip(ports, found, strict=True)
    ]
    release = planned.release
    value = {
        "image": planned.image.name,
        "release": release.release,
        "version": release.version,
        "firmware_hash": release.firmware_hash,
        "dry_run": arguments.dry_run,
        "boards": boards,
    }
    ok = not any(isinstance(each, FlashError) for each in found)
    return Result(value, _lines(found, arguments.dry_run), ok=ok).show(arguments)


def _lines(found: list[Flashed | FlashError], dry: bool) -> Iterator[str]:
    for each in found:
        if isinstance(each, Exception):
            yield f"{each}"
            continue
        for done in each.segments:
            new = "would be written" if dry else "written"
            place = f"{done.name} at {done.address:#x}, {done.size:,} bytes"
            yield f"{each.port}: {place}: {new if done.written else 'is there already'}"
        board = f"{each.found.chip}, {each.found.flash_mb} MB, {each.mac}"
        if each.hello:
            yield (
                f"{each.port}: {board}: runs firmware {each.hello.firmware_hash.hex()} "
                f"on MicroPython {each.hello.interpreter_version}"
            )
        else:
            yield f"{each.port}: {board}"


command = Command(_HELP, _prepare, _flash)
