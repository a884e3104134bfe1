"""The phone's link to one receiver through its losses: when to connect again, when to give up."""

from __future__ import annotations

from receiver import statemachine

from . import states

# How long the link may stay in a state before it counts as lost once more, milliseconds.
_STATE_MS = {states.REREADING: states.REREAD_MS, states.CLAIMING: states.CLAIM_MS}


class LostLink:
    """A machine of `states.LINK_TABLE`. Times in monotonic milliseconds."""

    def __init__(self) -> None:
        self.state = states.APART
        self.since = 0  # when it was lost
        self.attempts = 0  # to connect again, since then
        self.until: int | None = None  # when to give up
        self._due: int | None = None  # when to connect, or when to think it lost again

    @property
    def is_up(self) -> bool:
        return self.state == states.LINKED

    @property
    def is_sought(self) -> bool:
        """Whether it was lost and is not back."""
        return self.state in (states.RESUMING, states.REREADING, states.CLAIMING)

    def lose(self, now: int, patience_ms: int) -> bool:
        """Note a loss; return whether it is news, and not one on the way back."""
        before, due = self.state, self._due
        self._step(states.LOST, now)
        if before == states.LINKED:
            self.since, self.attempts = now, 0
            self.until = now + patience_ms
            self._due = now
        elif before == states.RESUMING:  # the old link says so once more
            self._due = due
        else:
            self._due = now + states.RETURN_PAUSE_MS
        return before == states.LINKED

    def handle(self, event: str, now: int) -> None:
        """Note any other event of the link."""
        self._step(event, now)
        if event == states.UNREACHED:
            self._due = now + states.RETURN_PAUSE_MS
        if self.state in (states.LINKED, states.APART):
            self.until = None

    def connects(self, now: int) -> bool:
        """Return whether to connect now; once for each time that it is due."""
        if self.state != states.RESUMING or self._due is None or self._due > now:
            return False
        self._due = None
        self.attempts += 1
        return True

    def stalls(self, now: int) -> bool:
        """Return whether a link that came back brings nothing and is to be given up for another."""
        return self.state in _STATE_MS and self._due is not None and self._due <= now

    def deadline(self) -> int | None:
        times = [time for time in (self.until, self._due) if time is not None]
        return min(times) if times else None

    def _step(self, event: str, now: int) -> None:
        self.state = statemachine.step(states.LINK_TABLE, self.state, event)
        lasts = _STATE_MS.get(self.state)
        self._due = None if lasts is None else now + lasts
