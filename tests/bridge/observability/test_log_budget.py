"""How much one receiver may put into the log."""

from __future__ import annotations

from collections.abc import Callable

from bridge.observability.log_budget import AGAIN_S, DAY_MOST, DAY_S, FEW, KINDS, SUM_S, Noise
from tests.architecture.tree import ROOT


class Log:
    """Lines as they would be written, by a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lines = 0
        self.sums: list[tuple[str, int]] = []
        self.noise = Noise(lambda: self.now, self._later, self._summed)
        self._due: list[tuple[float, Callable[[], None]]] = []

    def say(self, kind: str) -> None:
        self.lines += self.noise.may(kind)

    def pass_to(self, now: float) -> None:
        self.now = now
        for due in [it for it in self._due if it[0] <= now]:
            self._due.remove(due)
            due[1]()

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._due.append((self.now + seconds, call))

    def _summed(self, kinds: str, lines: int) -> None:
        self.sums.append((kinds, lines))


def test_a_few_lines_and_then_their_sum() -> None:
    log = Log()
    for _ in range(FEW + 3):
        log.say("line away")
        log.say("receiver up")
    assert log.lines == 2 * FEW
    log.pass_to(log.now + SUM_S)
    assert log.sums == [("line away: 3, receiver up: 3", 6)]
    log.pass_to(log.now + SUM_S)
    assert len(log.sums) == 1


def test_a_fault_of_now_can_be_read_at_any_time() -> None:
    log = Log()
    for _ in range(2 * FEW):
        log.say("not a frame")
    log.pass_to(log.now + AGAIN_S)
    log.say("not a frame")
    assert log.lines == FEW + 1


def test_a_days_noise_is_bounded() -> None:
    log, begun = Log(), 1000.0
    for second in range(DAY_S):
        log.pass_to(begun + second)
        for kind in KINDS:
            log.say(kind)
    assert log.lines + len(log.sums) <= DAY_MOST
    assert f"at most {DAY_MOST:,} lines a day" in (ROOT / "docs/operations.md").read_text()
