"""A limit of log lines for each receiver: a few of each kind, then a sum now and then.

A board that restarts all the time, or a loose cable, repeats the same lines all day: unlimited they
would fill a terminal's disk (137 MB a day were measured) and hide the lines about other tills.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 6  # lines of a kind at once
AGAIN_S = 900.0  # then one more in that time, so that a present fault can always be read
TEXT_FEW = 40  # text of a board: a traceback, or a few starts with all their output
TEXT_AGAIN_S = 60.0  # then one more line in that time
REFUSALS_FEW = 100  # each is an attack with its own sale id; counted by reason in any case
SUM_S = 60.0  # between two sums
DAY_S = 86_400
TEXT = "text of the board"
# The kinds of lines that a receiver can cause without limit: how many at once, and the time
# until one more.
KINDS = {
    TEXT: (TEXT_FEW, TEXT_AGAIN_S),
    **dict.fromkeys(
        (
            *("line away", "no state", "not a frame", "port shared"),
            *("receiver says", "receiver up", "receiver crashed"),
        ),
        (FEW, AGAIN_S),
    ),
    "refused": (REFUSALS_FEW, TEXT_AGAIN_S),
}
DAY_MOST = int(DAY_S / SUM_S) + sum(  # lines of one till
    few + int(DAY_S / again_s) for few, again_s in KINDS.values()
)


class Allowance:
    """`few` lines at once, and one more every `again_s`."""

    def __init__(self, few: int = FEW, again_s: float = AGAIN_S) -> None:
        self._few = few
        self._again_s = again_s
        self._left = float(few)
        self._seen_at = 0.0

    def may(self, now: float) -> bool:
        """Return whether a line may be written now."""
        regained = (now - self._seen_at) / self._again_s
        self._left = min(self._left + regained, float(self._few))
        self._seen_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Noise:
    """The allowance of one receiver; `later(seconds, call)` schedules a call."""

    def __init__(
        self,
        clock: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
        summed: Callable[[str, int], None],
    ) -> None:
        """Set up; `summed` gets the suppressed kinds with their counts, and the total."""
        self._clock = clock
        self._later = later
        self._summed = summed
        self._allowances = {kind: Allowance(*rule) for kind, rule in KINDS.items()}
        self._left_out: Counter[str] = Counter()

    def may(self, kind: str) -> bool:
        """Return whether a line of this kind may be written now; count it if not."""
        if self._allowances[kind].may(self._clock()):
            return True
        if not self._left_out:
            self._later(SUM_S, self._sum)
        self._left_out[kind] += 1
        return False

    def _sum(self) -> None:
        left_out, self._left_out = self._left_out, Counter()
        shown = ", ".join(f"{kind}: {count}" for kind, count in sorted(left_out.items()))
        self._summed(shown, left_out.total())
