"""Choose the till that the phone is held to, from the signals of all that are heard.

No clock and no radio: readings with their times (s) in, a verdict out. The levels are those of the
rooms in docs/radio.md: a phone that is held reads -40 to -58 dBm, a till two metres off -61, each
place 4 dB more or less for good, each reading another 4 dB. The first does not go away by waiting,
the second does: so a few readings of each till, and then the buyer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

# One of three neighbours at two metres is so much stronger in 0.1 % of the holds, one of two at
# three metres never: 14 and 18 dB lie between the means, each uncertain by 4.5 and 3.5 dB.
SURE_DB = 9.0
# One reading each is then as good as the mean of many with SURE_DB.
CLEAR_DB = 18.0
# Louder than a neighbour's mean by 16 dB, on a phone that reads 6 dB too high still by 10.
HELD_DBM = -45.0
# One of a thousand neighbours is so loud: a till that is read so is taken without waiting for
# one that may not have been heard yet.
NEAR_DBM = -47.0
# Two deviations of a place above a neighbour's mean. Below it no till of several is taken by its
# signal: such a phone is in the queue still, or at arm's length.
LIKELY_DBM = -53.0
FAR_DBM = -60.0  # a neighbour's mean, and what a bad phone reads of the receiver that it is held to
WINDOW_S = 1.0  # older readings are of another place: a phone that is brought near takes so long
ENOUGH = 3  # readings: they leave a third of the variance of one
# From the first till heard. The buyer's own may be idle, advertise every 150 to 160 ms, and be
# missed once in ten times: the weaker what is heard, the longer it may still come.
AT_ONCE_S = 0.08  # for a till that is held: three advertisements of an open one
GATHER_S = 0.2  # for a likely one: one advertisement of an idle till
GATHER_FAR_S = 0.35  # for any other: two of them
GATHER_ALONE_S = 1.0  # for one that is far and alone: the buyer's own may be missed six times
GATHER_MOST_S = 0.4  # where one of the two strongest was read too seldom; then more helps little
# A sale is more often open at the buyer's till than at the neighbour's (0.7 against 0.5 of the
# time), which is as much evidence as so many dB: it orders tills that are equally near.
OPEN_DB = 2.0
SHOWN_MOST = 4  # tills to choose from: no more stand within reach of an arm

Key = TypeVar("Key", bound=Hashable)

ALONE = "alone"  # no other till is heard
CLEAR = "clear"  # it is much the strongest
STRONGEST = "strongest"  # by too little to be sure, and the buyer was not asked
CHOSEN = "chosen"  # by the buyer


class Take(NamedTuple, Generic[Key]):
    """Connect to this till."""

    till: Key
    why: str


class Wait(NamedTuple):
    """Listen until this time, or until the next reading."""

    until: float


class AskBuyer(NamedTuple, Generic[Key]):
    """No reading more makes it certain: let the buyer say which of these, the likeliest first.

    If all are far, the phone is in the queue: then no stronger mean answers, but a held phone.
    """

    tills: tuple[Key, ...]
    far: bool


class Signal:
    """The readings of one till in the last WINDOW_S."""

    def __init__(self) -> None:
        self.is_open = False
        self._readings: deque[tuple[float, float]] = deque()  # time and dBm

    def add(self, rssi: float, now: float, *, is_open: bool) -> None:
        self._readings.append((now, rssi))
        self.is_open = is_open

    def forget(self, now: float) -> bool:
        """Drop what is too old; return whether anything is left."""
        while self._readings and self._readings[0][0] < now - WINDOW_S:
            self._readings.popleft()
        return bool(self._readings)

    @property
    def count(self) -> int:
        return len(self._readings)

    @property
    def mean(self) -> float:
        """Return the mean of the readings, dBm; there is one at least."""
        return sum(rssi for _, rssi in self._readings) / len(self._readings)

    @property
    def weight(self) -> float:
        """How likely it is the buyer's, in dB."""
        return self.mean + (OPEN_DB if self.is_open else 0.0)


class Choice(Generic[Key]):
    """The tills that are heard. `hear` readings, and ask for the `verdict` after each."""

    def __init__(self) -> None:
        self._heard: dict[Key, Signal] = {}
        self._began = 0.0

    def hear(self, till: Key, rssi: float, now: float, *, is_open: bool) -> None:
        """Note one reading (dBm); `is_open`: the till's scan response says that a sale waits."""
        if not self._heard:
            self._began = now
        self._heard.setdefault(till, Signal()).add(rssi, now, is_open=is_open)

    def verdict(self, now: float) -> Take[Key] | Wait | AskBuyer[Key]:
        """Return what to do; some till was heard before."""
        heard = {till: signal for till, signal in self._heard.items() if signal.forget(now)}
        if not heard:
            return Wait(now + GATHER_MOST_S)
        self._heard = heard
        first, *others = sorted(self._heard, key=self.mean, reverse=True)
        top = self.mean(first)
        lead = top - self.mean(others[0]) if others else CLEAR_DB
        due = self._began + self._gathering(first, lead, others)
        if now < due:
            return Wait(due)
        if not others:
            return Take(first, ALONE)
        if lead >= SURE_DB and top >= LIKELY_DBM:
            return Take(first, CLEAR)
        far = top < LIKELY_DBM
        near = [till for till in self.ranked() if far or top - self.mean(till) < SURE_DB]
        return AskBuyer(tuple(near[:SHOWN_MOST]), far)

    def stands_out(self) -> Key | None:
        """Return the till that is to be taken unless another one is heard; None where none is."""
        first, *others = sorted(self._heard, key=self.mean, reverse=True)
        top = self.mean(first)
        clear = not others or top - self.mean(others[0]) >= SURE_DB
        return first if clear and top >= LIKELY_DBM else None

    def ranked(self) -> list[Key]:
        """Return the tills, the likeliest to be the buyer's first."""
        return sorted(self._heard, key=lambda till: self._heard[till].weight, reverse=True)

    def mean(self, till: Key) -> float:
        """Return the mean of a till's readings (dBm)."""
        return self._heard[till].mean

    def _gathering(self, first: Key, lead: float, others: list[Key]) -> float:
        """Return how long to listen before the strongest till, `lead` dB ahead, is taken (s)."""
        best = self._heard[first]
        if best.count >= ENOUGH and best.mean >= NEAR_DBM and lead >= SURE_DB:
            return AT_ONCE_S
        if lead < CLEAR_DB and min(self._heard[one].count for one in (first, others[0])) < ENOUGH:
            return GATHER_MOST_S
        if best.mean >= LIKELY_DBM:
            return GATHER_S
        return GATHER_FAR_S if others or best.mean >= FAR_DBM else GATHER_ALONE_S
