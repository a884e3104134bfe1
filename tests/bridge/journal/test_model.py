"""Whatever is asked of a journal in whatever order, it says what a plain list would say."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bridge.journal import Journal
from tests.support.bridge.journals import CrashError, Model, Power, Written, closed, powered, raw

SALES = st.sampled_from([f"{name} på kassan" for name in "abcdefgh"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
TIMES = st.integers(-(2**40), 2**40)  # clocks jump; order is the order of writing
SECRETS = st.integers(0, 200)  # bytes


class Journalling(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.again = 0
        self.secrets = 0
        self.folder = TemporaryDirectory(dir=_memory())
        self.path = Path(self.folder.name) / "0" / "journal.sqlite"
        self.path.parent.mkdir()
        self.start()

    def start(self) -> None:
        self.power = Power(self.path.parent, Path(self.folder.name) / f"{self.again + 1}")
        self.powered = powered(self.power)
        self.powered.__enter__()
        self.journal = Journal.open(self.path)

    @rule(sale=SALES, at=TIMES, kind=TEXT, body=TEXT, size=SECRETS, durable=st.booleans())
    def write(self, *, sale: str, at: int, kind: str, body: str, size: int, durable: bool) -> None:
        sale_id = f"{sale} {self.again_closed(sale)}"
        line = Written(at, sale_id, f"-{kind}", body, self.secret(size))
        self.model.log.append(line)
        if durable:
            number = self.journal.append(*line[:5])
            self.model.durable = len(self.model.log)
            assert self.journal.since(number - 1)[-1].body == body
        else:
            self.journal.note(*line[:5])

    @rule(sale=SALES, at=TIMES, amount=st.integers(1, 2**32), original=SALES)
    def close_sale(self, sale: str, at: int, amount: int, original: str) -> None:
        sale_id = f"{sale} {self.again_closed(sale)}"
        if sale_id not in self.model.open():
            return
        kind = "refund" if amount % 2 else "sale"
        original = f"{original} 0" if kind == "refund" else ""
        over = closed(sale_id, kind=kind, amount=amount, at=at, original=original)
        self.model.log.append(Written(at, sale_id, "", "", b"", over))
        self.journal.close_sale(over)

    @rule()
    def flush(self) -> None:
        self.journal.flush()
        self.model.durable = len(self.model.log)

    @rule()
    def archive(self) -> None:
        self.journal.archive(self.model.open())
        self.model.durable = len(self.model.log)
        self.nothing_of_erased_secrets()

    @rule()
    def restart(self) -> None:
        self.stop()
        self.model.durable = len(self.model.log)
        self.nothing_of_erased_secrets()
        self.start()

    @rule(steps=st.integers(1, 60), archiving=st.booleans())
    def crash(self, steps: int, archiving: bool) -> None:
        """Somewhere in what it does next, or when it has nothing to do."""
        self.power.k = self.power.steps + steps
        with suppress(CrashError):
            self.model.log.append(Written(1, "crash", "crash", "{}", self.secret(16)))
            self.journal.append(*self.model.log[-1][:5])
            self.model.durable = len(self.model.log)
            if archiving:
                self.journal.archive(self.model.open())
            self.power.k = self.power.steps + 1
            self.journal.note(1, "crash", "crash", "{}")
            self.journal.flush()
        self.power.k = 0
        self.bury()
        self.again += 1
        self.path = Path(self.folder.name) / f"{self.again}" / "journal.sqlite"
        self.model.agree(self.path)
        self.start()

    @invariant()
    def it_says_what_the_list_says(self) -> None:
        self.model.compare(self.journal)

    def teardown(self) -> None:
        with self.folder:
            self.stop()
            self.model.durable = len(self.model.log)
            self.model.agree(self.path)

    def stop(self) -> None:
        self.journal.close()
        self.powered.__exit__(None, None, None)

    def bury(self) -> None:
        with suppress(sqlite3.Error):
            if self.journal._db.in_transaction:
                self.journal._db.execute("ROLLBACK")
        self.journal._stack.close()
        self.powered.__exit__(None, None, None)
        shutil.rmtree(self.path.parent)

    def secret(self, size: int) -> bytes:
        """Each is another, and none is in another."""
        self.secrets += 1
        return b"<%d %s>" % (self.secrets, b"s" * size) if size else b""

    def again_closed(self, sale: str) -> int:
        """A closed sale's id is not used again."""
        return sum(1 for line in self.model.log if line.closed and line.sale_id.startswith(sale))

    def nothing_of_erased_secrets(self) -> None:
        everything = raw(self.path)
        for secret in self.model.erased():
            assert secret not in everything


def _memory() -> str | None:
    """Where there is a disk in memory: nothing here asks what a real one does."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


TestJournalling = pytest.mark.random(Journalling.TestCase)
TestJournalling.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_reader_keeps_secrets_from_being_scrubbed_only_as_long_as_it_reads(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(Journal.open(path)) as journal:
        journal.append(1, "sale", "approval_received", "{}", b"the code proof")
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM entries").fetchone()
            journal.close_sale(closed("sale"))
            journal.flush()
            journal.scrub()
            assert b"the code proof" in raw(path)
            journal.append(2, "sale", "late", "{}")  # nobody waits for a reader
        journal.scrub()
        assert b"the code proof" not in raw(path)
