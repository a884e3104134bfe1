"""`tillsign firmware build`: a release folder for one board."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.host.command import FAILED, OK, Command, UsageError
from receiver.host.output import Result, add_json

if TYPE_CHECKING:
    from firmware.tools.package.build import Built
    from firmware.tools.package.weights import Weight

_HELP = "Build the firmware of one board: slot, manifest and the image of its file system"
_FOLDER = Path("build/firmware")


def _prepare(parser: ArgumentParser) -> None:
    parser.add_argument("--board", required=True, metavar="NAME", help="as `--board list` names it")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"the release folder ({_FOLDER}/NAME)"
    )
    parser.add_argument(
        "--release", type=int, metavar="N", help="grows with each release (the number of commits)"
    )
    parser.add_argument(
        "--least-release",
        type=int,
        default=0,
        metavar="N",
        help="the least release that a board must run to take this one as an update (0)",
    )
    parser.add_argument(
        "--version", default="", metavar="TEXT", help="for people (the firmware's own)"
    )
    parser.add_argument(
        "--flash-size", type=int, choices=(4, 8, 16), help="MB of flash (the board's, as sold)"
    )
    parser.add_argument(
        "--image",
        type=Path,
        metavar="DIR",
        help="for a board with an image of ours: what firmware/image/build left for its chip",
    )
    parser.add_argument(
        "--locked", action="store_true", help="the board's button gives no prompt at power-up"
    )
    parser.add_argument(
        "--dirty", action="store_true", help="build what is not committed; the version says so"
    )
    parser.add_argument(
        "--modules", action="store_true", help="weigh each source by itself as well"
    )
    add_json(parser)


def _build(arguments: Namespace) -> int:
    from firmware.tools.compile import ROOT
    from firmware.tools.package import targets, weights
    from firmware.tools.package.build import BuildError, Options, build, described

    names = targets.names(ROOT)
    if arguments.board == "list":
        return Result(names, names).show(arguments)
    if arguments.board not in names:
        raise UsageError(f"no board {arguments.board!r}; there are {', '.join(names)}")
    options = Options(
        arguments.release,
        arguments.least_release,
        arguments.version,
        arguments.flash_size,
        arguments.locked,
        arguments.dirty,
        arguments.image,
    )
    try:
        built = build(arguments.board, arguments.out or _FOLDER / arguments.board, options)
    except BuildError as error:
        return Result({"error": str(error)}, [str(error)], ok=False).show(arguments)
    modules = weights.modules(ROOT, built.target) if arguments.modules else []
    value = {
        "folder": str(built.folder),
        **described(built),
        "over_budget": [budget.name for budget in built.over_budget],
        "modules": [each._asdict() for each in modules],
    }
    Result(value, _lines(built, modules)).show(arguments)
    return FAILED if built.over_budget else OK


def _lines(built: Built, modules: list[Weight]) -> Iterator[str]:
    manifest = built.manifest
    yield (
        f"release {manifest.release} ({manifest.version}, {manifest.git.hex()[:12]}) "
        f"for {built.target.board}, class {manifest.board_class}"
    )
    yield from _table("file of the slot", built.weights)
    if modules:
        yield ""
        yield from _table("source by itself", modules)
    yield ""
    yield f"{'budget':32} {'used':>9} {'most':>9}"
    for budget in built.budgets:
        mark = "" if budget.kept else "  OVER BUDGET"
        yield f"{budget.name:32} {budget.used:9,} {budget.most:9,}{mark}"
    yield ""
    yield f"{built.folder}: image.bin for {built.flash_mb} MB of flash"


def _table(title: str, weights: list[Weight]) -> Iterator[str]:
    yield f"{title:44} {'bytes':>9} {'names':>6}"
    for each in weights:
        note = "  loaded alone" if each.alone else ""
        yield f"{each.path:44} {each.bytes:9,} {each.names:6}{note}"


command = Command(_HELP, _prepare, _build)
