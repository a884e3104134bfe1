"""`tillsign simulate`: run a world until stopped, for other tills and phones."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from receiver.host.command import OK, Command, UsageError

from .receiver_command import RV32

_HELP = "Run a whole world until stopped; prints one JSON line when ready"
APPROVE, NONE = "approve", "none"
INTERNAL, EXTERNAL = "internal", "external"
RV32_HELP = "the firmware as RISC-V code in the memory of an ESP32-C3"


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--phone",
        choices=(APPROVE, NONE),
        default=APPROVE,
        help="a phone that approves each sale (default), or none: then use `tillsign phone`",
    )
    parser.add_argument(
        "--receiver",
        choices=(INTERNAL, RV32, EXTERNAL),
        default=INTERNAL,
        help="start the receiver (default), start it as a chip would run it, or leave that to you: "
        f"see `receiver` in the JSON line; {RV32}: {RV32_HELP}",
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

    if arguments.receiver == RV32:
        build_rv32()

    from .serving import run

    run(arguments, arguments.phone == APPROVE)
    return OK


def build_rv32() -> None:
    """Build the image of `--receiver rv32` where it is missing; raises UsageError if it cannot."""
    try:
        from simulator.hardware.rv32 import image, receiver, sources, toolchain
    except ImportError as error:
        missing = f"--receiver {RV32} needs {error.name}: pip install '.[simulator,tools]'"
        raise UsageError(missing) from error
    if not image.BUILD.exists():
        print("Building MicroPython for RISC-V (a minute, once) ...", file=sys.stderr)
    try:
        receiver.frozen_image()
    except (toolchain.ToolsMissingError, sources.SourcesError, image.ImageError) as error:
        raise UsageError(str(error)) from error


command = Command(_HELP, _prepare, _run)
