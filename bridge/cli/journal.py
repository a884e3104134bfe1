"""`tillsign journal`: what the journal holds, for people, beside a bridge that runs or not."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from .command import FAILED, OK, Command, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from bridge.journal.reader import Reader

_HELP = "Look into a bridge's journal: its sales, their entries, and whether it is whole"
_JSON_HELP = "for programs: one JSON object"


def _prepare(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--journal", type=Path, metavar="FILE", help="the journal's file")
    which.add_argument("--config", type=Path, metavar="FILE", help="the bridge's TOML file")
    actions = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    sales = _action(actions, "list", "The sales, one a line, and their sums", _list)
    sales.add_argument("--day", type=_day, help="only those decided (or begun) on YYYY-MM-DD")
    sales.add_argument("--till", type=int, metavar="NUMBER", help="only those of one till")
    sales.add_argument("--state", help="only those in one state, as posted")
    sales.add_argument("--open", action="store_true", help="only those that are not closed")
    sales.add_argument("--json", action="store_true", help=_JSON_HELP)

    show = _action(actions, "show", "One sale, entry by entry", _show)
    show.add_argument("sale_id", metavar="SALE_ID")
    show.add_argument("--json", action="store_true", help=_JSON_HELP)

    verify = _action(actions, "verify", "Check every file, the whole chain and the index", _verify)
    verify.add_argument("--json", action="store_true", help=_JSON_HELP)

    export = _action(actions, "export", "Every entry as a line of JSON, without secrets", _export)
    export.add_argument("--to", type=Path, metavar="FILE", help="a new file instead of the output")


def _action(
    actions: argparse._SubParsersAction[ArgumentParser],
    name: str,
    text: str,
    act: Callable[[Reader, Namespace], int],
) -> ArgumentParser:
    parser = actions.add_parser(name, help=text, description=text)
    parser.set_defaults(act=act)
    return parser


def _run(arguments: Namespace) -> int:
    from bridge.journal import DamageError, JournalError
    from bridge.journal.reader import Reader

    try:
        with Reader(_path(arguments)) as journal:
            code: int = arguments.act(journal, arguments)
            sys.stdout.flush()
            return code
    except DamageError as error:
        print(f"tillsign: {error}", file=sys.stderr)
        return FAILED
    except JournalError as error:
        raise UsageError(str(error)) from error
    except BrokenPipeError:  # whoever read has seen enough; nothing is to be flushed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        print(f"tillsign: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return FAILED


def _path(arguments: Namespace) -> Path:
    from bridge import config

    if arguments.journal is not None:
        named: Path = arguments.journal
        return named
    try:
        return config.load(arguments.config).journal
    except config.ConfigError as error:
        raise UsageError(str(error)) from error


def _list(journal: Reader, arguments: Namespace) -> int:
    from . import journal_text, sales

    found = sales.listed(journal, arguments.day, only_open=arguments.open)
    if arguments.till is not None:
        found = [sale for sale in found if sale.till == arguments.till]
    if arguments.state is not None:
        found = [sale for sale in found if sale.state == arguments.state]
    if arguments.json:
        sums = [total._asdict() for total in sales.sums(found)]
        _print_json({"sales": [sale._asdict() for sale in found], "sums": sums})
    else:
        journal_text.print_list(found, sys.stdout)
    return OK


def _show(journal: Reader, arguments: Namespace) -> int:
    from . import journal_text, sales

    rows = journal.rows_of(arguments.sale_id)
    if not rows:
        raise UsageError(f"{journal.path}: no sale {arguments.sale_id}; `list` names them")
    state = sales.state_of(rows)
    if arguments.json:
        _print_json(journal_text.as_json(arguments.sale_id, state, rows))
    else:
        journal_text.print_sale(arguments.sale_id, state, rows, sys.stdout)
    return OK


def _verify(journal: Reader, arguments: Namespace) -> int:
    from bridge.journal.verify import verify

    from . import journal_text

    report = verify(journal, _progress if sys.stderr.isatty() else _silent)
    if arguments.json:
        _print_json(report._asdict())
    else:
        for finding in report.findings:
            print(finding)
        state = "damaged" if report.findings else "whole"
        print(f"{journal.path}: {state}; {journal_text.counts(report)}")
    return FAILED if report.findings else OK


def _export(journal: Reader, arguments: Namespace) -> int:
    if arguments.to is None:
        _write(journal, sys.stdout)
        return OK
    try:
        file = os.open(arguments.to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{arguments.to}: is there already; name a new file") from None
    except OSError as error:
        raise UsageError(f"{arguments.to}: {error.strerror}") from error
    with open(file, "w", encoding="utf-8") as stream:  # noqa: PTH123
        _write(journal, stream)
    return OK


def _write(journal: Reader, stream: TextIO) -> None:
    from bridge.journal import export

    for row in journal.rows():
        stream.write(export.line(row) + "\n")


def _progress(done: int, files: int) -> None:
    end = "\r" if done < files else "\r\033[K"
    print(f"{done} of {files} files", end=end, file=sys.stderr, flush=True)


def _silent(done: int, files: int) -> None:
    pass


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day; write it as 2026-01-31") from None


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


command = Command(_HELP, _prepare, _run)
