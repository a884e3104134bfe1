"""How far a visit has come: its state and time, its effects, and its end."""

from __future__ import annotations

from receiver import reasons, statemachine
from receiver.errors import Error
from receiver.protocol import exchange
from simulator.phone.wallet.settlement import Settled
from simulator.phone.wallet.wallet import Pending, Wallet

from . import events, states
from .events import Ask, Effect, HangUp, Outcome, Show, Tell, Write
from .lost_link import LostLink
from .messages import Maker
from .offered_till import OfferedTill

# Everything else is written with response.
_COMMANDS = (bytes([exchange.KEY]), bytes([exchange.CREDENTIAL]))


class VisitProgress:
    """What all parts of a conversation share. `epoch` is the wall clock (s) at monotonic zero."""

    def __init__(
        self, wallet: Wallet, maker: Maker, epoch: int, *, ask_ms: int = states.ASK_MS
    ) -> None:
        self.state = states.SCANNING
        self.link = LostLink()
        self.outcome: Outcome | None = None
        self._wallet = wallet
        self._maker = maker
        self._epoch = epoch
        self._ask_ms = ask_ms
        self._now = 0
        self._out: list[Effect] = []
        self._limit: int | None = None  # when this state ends
        self._again: int | None = None  # when to resend, or to ask again
        self._pause = states.ASK_FIRST_MS
        self._till = OfferedTill(wallet.pins)
        self._attempt = 0
        self._recipient: int | None = None  # as the buyer chose at the first digit
        self._credential = b""
        self._presenting: list[bytes] = []  # the writes that present it
        self._approval: Pending | None = None
        self._declined: Outcome | None = None  # while the buyer may correct it

    def _step(self, event: str, lasts: int | None = None, *, keep: bool = False) -> None:
        """Change the state, for `lasts` ms at most; `keep` keeps the earlier limit."""
        self.state = statemachine.step(states.TABLE, self.state, event)
        if not keep:
            self._limit = None if lasts is None else self._now + lasts
            self._again = None

    def _require(self, event: str) -> None:
        statemachine.step(states.TABLE, self.state, event)

    def _show(self, kind: str, reason: int = reasons.OK) -> None:
        view = self._till.view(kind, self._attempt, reason)
        if view is not None:
            self._out.append(Show(view))

    def _write(self, messages: list[bytes]) -> None:
        self._out += [Write(data, data[:1] not in _COMMANDS) for data in messages]

    def _tell(self, name: str, **details: object) -> None:
        self._out.append(Tell(name, details))

    # The end, and what leads to it.

    def _doubt(self, event: str, why: str) -> None:
        """Let go of the till and ask the authority: no trusted answer came."""
        asked = self._now - self.link.since if self.link.is_sought else 0  # for so long already
        self._step(event, max(0, self._ask_ms - asked))
        self._tell("unknown", approval_id=self._sent.approval_id.hex(), why=why)
        self._ask()

    def _ask(self) -> None:
        self._hang_up()
        self._out.append(Ask(self._sent.approval_id))

    def _hang_up(self) -> None:
        self.link.handle(states.LET_GO, self._now)
        self._out.append(HangUp())

    def _unfit(self, error: Error) -> None:
        self._tell("unfit", **why(error))
        self._end(states.UNFIT, events.REFUSED, error.code)

    def _finish(self, event: str, outcome: Outcome) -> None:
        self._step(event)
        self.outcome = outcome
        self._hang_up()

    def _end(self, event: str, result: str, reason: int, *, retry: bool = False) -> None:
        """Finish without a statement of the authority, unless it declined before."""
        view = self._till.view(events.SHOWN, self._attempt)
        approval_id = self._approval.approval_id if self._approval else b""
        outcome = self._declined or Outcome(result, reason, view, approval_id)
        self._finish(event, outcome._replace(retry=retry))

    def _ended(self, settled: Settled, *, retry: bool = False) -> Outcome:
        view = self._till.view(events.SHOWN, self._attempt)
        approval_id = self._sent.approval_id
        return Outcome(settled.result, settled.reason, view, approval_id, settled.receipt, retry)

    @property
    def _sent(self) -> Pending:
        if self._approval is None:
            raise ValueError("no approval was sent")
        return self._approval

    def _seconds(self) -> int:
        return self._epoch + self._now // 1000


def why(error: Error) -> dict[str, str]:
    """Return an error as the details of a step."""
    return {"why": reasons.name(error.code), "detail": error.detail}
