"""Measure the promise to the buyer; exit with 0 if every goal is met, with 1 if not.

Without a word: make the purchases that are missing of a run, and judge all. Ctrl-C keeps what is
done, and the same command goes on.
"""

from __future__ import annotations

import logging
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec
from rich.console import Console

from receiver.host.command import FAILED, OK
from simulator.hardware.radio.model.airs import AIRS
from simulator.hardware.radio.model.phones import PHONES

from . import command, compare, pages, progress, replay, report, scenes
from .jobs import SCENE, SceneJob
from .report import PromiseReportError

FOLDER, OUTPUT = Path("build/promise"), Path("build/promise.json")
DOCS = Path("docs")
PURCHASES, PURCHASES_MOST = 100_000, 10_000_000  # of each profile in each air
SEED = 20_261_122


def main() -> int:
    arguments = _arguments()
    shown = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # a scene's parts warn of every link that is lost
    try:
        return int(arguments.work(arguments))
    except PromiseReportError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("Broken off: the same command goes on with what is stored", file=sys.stderr)
        return FAILED
    finally:
        logging.disable(shown)


def _measure(arguments: Namespace) -> int:
    airs, profiles = arguments.air or list(AIRS), arguments.profile or list(PHONES)
    wanted = command.Wanted(
        airs=tuple(airs),
        profiles=tuple(profiles),
        purchases=arguments.purchases,
        seed=arguments.seed,
        scene=arguments.scene,
        processes=arguments.processes,
    )
    measured = command.measure(wanted, scenes.by_scene, arguments.folder, fresh=arguments.fresh)
    report.save(measured, arguments.output)
    if arguments.docs is not None and not pages.write(measured, arguments.docs):
        print("The documents stay as they are: they show a longer run", file=sys.stderr)
    if arguments.json:
        print(arguments.output.read_text(), end="")
    else:
        progress.show(measured)
    return OK if measured.is_ok else FAILED


def _replay(arguments: Namespace) -> int:
    job = SceneJob(arguments.air, arguments.profile, arguments.seed, arguments.scene)
    try:
        record = scenes.replay(job, arguments.number)
    except LookupError as error:
        print(error, file=sys.stderr)
        return FAILED
    for line in record.transcript:
        print(line)
    record.transcript = []
    print(msgspec.json.format(msgspec.json.encode(record), indent=2).decode())
    return OK


def _compare(arguments: Namespace) -> int:
    before, after = report.load(arguments.before), report.load(arguments.after)
    Console(width=160).print(compare.terminal(before, after))
    return OK


def _docs(arguments: Namespace) -> int:
    for path, name in ((arguments.before, pages.BEFORE), (arguments.after, pages.AFTER)):
        pages.store(report.load(path), arguments.docs / name)
    pages.draw(arguments.docs)
    return OK


def _arguments() -> Namespace:
    name = f"python -m {replay.MODULE}"
    parser = ArgumentParser(prog=name, description=__doc__)
    words = parser.add_subparsers(title="words")
    _add_measure(parser)
    again = words.add_parser("replay", help="print one purchase's transcript, and what it measured")
    again.add_argument("air", choices=AIRS)
    again.add_argument("profile", choices=PHONES)
    again.add_argument("seed", type=int, help="of the scene")
    again.add_argument("number", type=int, help="in the scene, from 0")
    again.add_argument("--scene", type=int, default=SCENE, help=f"its purchases (default: {SCENE})")
    again.set_defaults(work=_replay)
    for name, work, text in (
        ("compare", _compare, "show what changed between two reports"),
        ("docs", _docs, "let the documents show these two reports"),
    ):
        two = words.add_parser(name, help=text)
        two.add_argument("before", type=Path)
        two.add_argument("after", type=Path)
        two.set_defaults(work=work)
    two.add_argument("--docs", type=Path, default=DOCS, help=f"(default: {DOCS})")
    found = parser.parse_args()
    if found.work is _measure and not 1 <= found.purchases <= PURCHASES_MOST:
        parser.error(f"--purchases takes a number from 1 to {PURCHASES_MOST}")
    return found


def _add_measure(parser: ArgumentParser) -> None:
    many = "may be repeated (default: all)"
    parser.add_argument(
        "--purchases", type=int, default=PURCHASES, help=f"of each cell (default: {PURCHASES:,})"
    )
    parser.add_argument("--air", action="append", choices=AIRS, help=many)
    parser.add_argument("--profile", action="append", choices=PHONES, help=f"of phones; {many}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the first scene ({SEED})")
    parser.add_argument("--scene", type=int, default=SCENE, help=f"purchases in one ({SCENE})")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="(default: cores)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"of records ({FOLDER})")
    parser.add_argument("--fresh", action="store_true", help="throw away what is stored")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"the report ({OUTPUT})")
    parser.add_argument("--docs", type=Path, help="draw a whole run into this folder")
    parser.add_argument("--json", action="store_true", help="print the report, and no table")
    parser.set_defaults(work=_measure)


if __name__ == "__main__":
    sys.exit(main())
