"""`tillsign journal backup` and `restore`: copies of the journal, and their reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.authority import cached_limits
from bridge.journal import backup as backups
from bridge.journal import restore as restoring
from receiver.host.command import OK

from . import journal_text

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from bridge.journal.backup import Progress


def backup(journal: Path, arguments: Namespace, progress: Progress) -> int:
    made = backups.make(journal, arguments.directory, progress)
    if arguments.json:
        journal_text.print_json({"directory": str(arguments.directory), **made._asdict()})
    else:
        print(f"{arguments.directory}: backup of {journal}; {journal_text.counts(made)}")
    return OK


def restore(journal: Path, arguments: Namespace, progress: Progress) -> int:
    done = restoring.restore(arguments.directory, journal, progress, replace=arguments.replace)
    cached_limits.forget(
        journal
    )  # sales accepted offline since then count against them, and are missing here
    aside = str(done.aside) if done.aside else None
    if arguments.json:
        counts = done.report._asdict()
        journal_text.print_json({"journal": str(journal), "aside": aside, **counts})
        return OK
    print(f"{journal}: restored; {journal_text.counts(done.report)}")
    if aside:
        print(f"The old journal is in {aside}; keep it until the recovery below is complete.")
    print(
        "Later sales are not in it. Start the bridge now: before it serves, it asks\n"
        "the authority for every approval since, and carries out the tills' decisions.\n"
        "Let every till repeat its open decisions; `tillsign bridge check` and the\n"
        "reconciliation list what is left. Sell nothing with another copy of this journal."
    )
    return OK
