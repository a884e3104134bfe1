"""How many lines one receiver may cause in the log: a few of each kind, then a sum now and then.

A board that starts over and over, or a cable that comes and goes, says the same all day: in full it
would fill a terminal's disk (137 MB a day were seen) and hide what other tills have to say.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 6  # lines of a kind at once
AGAIN_S = 900.0  # then one more in that time, so that a fault of now can be read at any time
TEXT_FEW = 40  # of what a board writes: a traceback, or a few starts with all that they say
TEXT_AGAIN_S = 60.0
REFUSALS_FEW = 100  # an attack of its own each, with its sale's id; counted by reason in any case
SUM_S = 60.0  # between two sums
DAY_S = 86_400
TEXT = "text of the board"
# The kinds of lines that a receiver can cause as often as it likes: how many at once, and how long
# until one more.
KINDS = {
    TEXT: (TEXT_FEW, TEXT_AGAIN_S),
    **dict.fromkeys(
        (
            *("line away", "no state", "not a frame", "port shared"),
            *("receiver says", "receiver up"),
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
        """Whether one may be written now."""
        regained = (now - self._seen_at) / self._again_s
        self._left = min(self._left + regained, float(self._few))
        self._seen_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Noise:
    """The allowance of one receiver; `later(seconds, call)` has something called then."""

    def __init__(
        self,
        clock: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
        summed: Callable[[str, int], None],
    ) -> None:
        """`summed` is given the kinds that were left out, with their counts, and how many."""
        self._clock = clock
        self._later = later
        self._summed = summed
        self._allowances = {kind: Allowance(*rule) for kind, rule in KINDS.items()}
        self._left_out: Counter[str] = Counter()

    def may(self, kind: str) -> bool:
        """Whether a line of this kind may be written now; it is counted if not."""
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
