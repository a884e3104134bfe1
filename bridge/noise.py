"""How many lines one receiver may cause in the log: a few of each kind, then a sum now and then.

A board that starts over and over, or a cable that comes and goes, says the same all day: in full it
would fill a terminal's disk (137 MB a day were seen) and hide what other tills have to say.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# The kinds of lines that a receiver can cause as often as it likes; named as their events.
KINDS = ("line away", "not a frame", "receiver says", "receiver up", "refused")
FEW = 6  # of a kind at once: a restart writes its boot text in as many pieces
REFUSALS = 100  # an attack of its own each, with its sale's id; counted by reason in any case
AGAIN_S = 900.0  # then one more in that time, so that a fault of now can be read at any time
SUM_S = 60.0  # between two sums
DAY_S = 86_400
_AT_ONCE = {kind: REFUSALS if kind == "refused" else FEW for kind in KINDS}
DAY_MOST = sum(  # lines of one till
    (*_AT_ONCE.values(), len(KINDS) * int(DAY_S / AGAIN_S), int(DAY_S / SUM_S))
)


class Allowance:
    """So many lines at once, and one more every AGAIN_S."""

    def __init__(self, at_once: int = FEW) -> None:
        self._at_once = self._left = float(at_once)
        self._seen_at = 0.0

    def may(self, now: float) -> bool:
        """Whether one may be written now."""
        self._left = min(self._left + (now - self._seen_at) / AGAIN_S, self._at_once)
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
        self._allowances = {kind: Allowance(few) for kind, few in _AT_ONCE.items()}
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
