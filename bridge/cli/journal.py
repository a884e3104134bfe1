"""`tillsign journal`: show and copy the journal, beside a running bridge or without one."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from receiver.host import output
from receiver.host.command import FAILED, OK, Command, UsageError
from receiver.host.output import Result

from .configured import configured

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from bridge.journal.reader import Reader

_HELP = "Look into a bridge's journal: its sales, their entries, and whether it is whole"

_RESTORED = """\
Later sales are not in it. Start the bridge now: before it serves, it asks
the authority for every approval since, and carries out the tills' decisions.
Let every till repeat its open decisions; `tillsign bridge check` and the
reconciliation list what is left. Sell nothing with another copy of this journal."""


class _Places(NamedTuple):
    """The journal, and the file with its newest position."""

    journal: Path
    position: Path


def _prepare(parser: ArgumentParser) -> None:
    _add_which(parser, None)
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    sales = _action(actions, "list", "The sales, one a line, and their sums", _reading(_list))
    sales.add_argument("--day", type=_day, help="only those decided (or begun) on YYYY-MM-DD")
    sales.add_argument("--till", type=int, metavar="NUMBER", help="only those of one till")
    sales.add_argument("--state", help="only those in one state, as posted")
    sales.add_argument("--open", action="store_true", help="only those that are not closed")

    show = _action(actions, "show", "One sale, entry by entry", _reading(_show))
    show.add_argument("sale_id", metavar="SALE_ID", help="after -- where it begins with a hyphen")

    verify = _action(actions, "verify", "Verify every file, the whole chain and the index", _verify)

    export = _action(actions, "export", "Each entry as a line of JSON", _reading(_export))
    export.add_argument("--to", type=Path, metavar="FILE", help="a new file instead of the output")

    backup = _action(
        actions, "backup", "A copy with the archives, beside a running bridge", _backup
    )
    backup.add_argument("directory", type=Path, metavar="DIR", help="empty, or an older backup")

    restore = _action(actions, "restore", "Put a backup in the place of the journal", _restore)
    restore.add_argument("directory", type=Path, metavar="DIR", help="the backup's folder")
    restore.add_argument("--replace", action="store_true", help="put the present journal aside")

    for action in (sales, show, verify, backup, restore):
        output.add_json(action)


def _add_which(parser: ArgumentParser, default: str | None) -> None:
    which = parser.add_mutually_exclusive_group()
    for name, text in (("journal", "the journal's file"), ("config", "the bridge's TOML file")):
        which.add_argument(f"--{name}", type=Path, default=default, metavar="FILE", help=text)


def _action(
    actions: argparse._SubParsersAction[ArgumentParser],
    name: str,
    text: str,
    act: Callable[[_Places, Namespace], int],
) -> ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    _add_which(parser, argparse.SUPPRESS)  # before the command or after it
    parser.set_defaults(act=act)
    return parser


def _run(arguments: Namespace) -> int:
    import sqlite3

    from bridge.journal import DamageError, JournalError

    try:
        code: int = arguments.act(_places(arguments), arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader has closed the pipe; nothing is to be flushed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        text = f"{error.filename or 'output'}: {error.strerror}"
    except JournalError as error:
        broken = isinstance(error.__cause__, (OSError, sqlite3.Error))
        if not broken and not isinstance(error, DamageError):
            raise UsageError(str(error)) from error
        text = str(error)
    print(f"tillsign: {text}", file=sys.stderr)
    return FAILED


def _places(arguments: Namespace) -> _Places:
    from bridge.journal import position_file

    if (arguments.journal is None) == (arguments.config is None):
        raise UsageError("name either the journal (--journal) or the configuration (--config)")
    if arguments.journal is not None:
        return _Places(arguments.journal, position_file.beside(arguments.journal))
    read = configured(arguments.config)
    return _Places(read.journal, read.position_file)


def _reading(act: Callable[[Reader, Namespace], int]) -> Callable[[_Places, Namespace], int]:
    """Wrap a command that needs only one moment of the journal."""

    def acting(places: _Places, arguments: Namespace) -> int:
        from bridge.journal.reader import Reader

        with Reader(places.journal) as journal:
            return act(journal, arguments)

    return acting


def _list(journal: Reader, arguments: Namespace) -> int:
    from . import journal_text, sales

    found = sales.listed(journal, arguments.day, only_open=arguments.open)
    if arguments.till is not None:
        found = [sale for sale in found if sale.till == arguments.till]
    if arguments.state is not None:
        found = [sale for sale in found if sale.state == arguments.state]
    sums = sales.sums(found)
    value = {
        "sales": [sale._asdict() for sale in found],
        "sums": [total._asdict() for total in sums],
    }
    return Result(value, journal_text.listed(found, sums)).show(arguments)


def _show(journal: Reader, arguments: Namespace) -> int:
    from . import journal_text, sales

    rows = journal.rows_of(arguments.sale_id)
    if not rows:
        raise UsageError(f"{journal.path}: no sale {arguments.sale_id}; `list` names them")
    state = sales.state_of(rows)
    value = journal_text.as_json(arguments.sale_id, state, rows)
    return Result(value, journal_text.entries(arguments.sale_id, state, rows)).show(arguments)


def _verify(places: _Places, arguments: Namespace) -> int:
    from bridge.journal import position_file
    from bridge.journal.reader import Reader
    from bridge.journal.verify import verify

    from . import journal_text

    reached = position_file.read(places.position)  # before the journal, which is never behind it
    with Reader(places.journal) as journal:
        report = verify(journal, _progress(), reached)
    state = "damaged" if report.findings else "whole"
    lines = [*report.findings, f"{places.journal}: {state}; {journal_text.counts(report)}"]
    return Result(report._asdict(), lines, ok=not report.findings).show(arguments)


def _export(journal: Reader, arguments: Namespace) -> int:
    if arguments.to is None:
        _write(journal, sys.stdout)
        return OK
    try:
        file = os.open(arguments.to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{arguments.to}: exists already; name a new file") from None
    except OSError as error:
        raise UsageError(f"{arguments.to}: {error.strerror}") from error
    with open(file, "w", encoding="utf-8") as stream:  # noqa: PTH123
        _write(journal, stream)
    return OK


def _write(journal: Reader, stream: TextIO) -> None:
    from bridge.journal import export

    for row in journal.rows():
        stream.write(export.line(row) + "\n")


def _backup(places: _Places, arguments: Namespace) -> int:
    from bridge.journal import backup

    from . import journal_text

    made = backup.make(places.journal, arguments.directory, _progress())
    line = f"{arguments.directory}: backup of {places.journal}; {journal_text.counts(made)}"
    value = {"directory": str(arguments.directory), **made._asdict()}
    return Result(value, [line]).show(arguments)


def _restore(places: _Places, arguments: Namespace) -> int:
    from bridge.authority import cached_limits
    from bridge.journal.restore import restore

    from . import journal_text

    journal = places.journal
    done = restore(arguments.directory, journal, _progress(), replace=arguments.replace)
    # Sales accepted offline since then count against them, and are missing here.
    cached_limits.forget(journal)
    aside = str(done.aside) if done.aside else None
    lines = [f"{journal}: restored; {journal_text.counts(done.report)}"]
    if aside:
        lines.append(f"The old journal is in {aside}; keep it until the recovery below ends.")
    value = {"journal": str(journal), "aside": aside, **done.report._asdict()}
    return Result(value, [*lines, _RESTORED]).show(arguments)


def _progress() -> Callable[[int, int], None]:
    """Make a display of files done, on a terminal alone."""
    return _show_progress if sys.stderr.isatty() else lambda done, files: None


def _show_progress(done: int, files: int) -> None:
    end = "\r" if done < files else "\r\033[K"
    print(f"{done} of {files} files", end=end, file=sys.stderr, flush=True)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a date; write it as 2026-01-31") from None


command = Command(_HELP, _prepare, _run)
