"""Buyers as policies: how a buyer reacts to the screens."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from receiver.protocol import exchange
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Act, Code, FirstDigit, Look, SayNo, View
from simulator.phone.conversation.messages import Maker, Mute
from simulator.phone.transport.scan import Found, strongest
from simulator.phone.wallet.wallet import Wallet

Wait = Callable[[], Awaitable[object]]

DEMO_CODE = "246810"


class Buyer:
    """A buyer who approves with one code after another, and leaves when none is left.

    After a mendable decline the next code is typed at once, or when `again` has happened.
    A code may be used twice: `Buyer(code, code)` tries again with the same.
    """

    # The message (`exchange.KEY`, ...) during whose write the phone is carried out of reach.
    vanishes_at: int | None = None
    comes_again = True  # after a visit without a result

    def __init__(
        self, *codes: str, again: Wait | None = None, recipients: Sequence[int] = ()
    ) -> None:
        self._codes = list(codes or (DEMO_CODE,))
        self._again = again
        self._recipients = list(recipients)  # one for each code; after that the usual one

    def maker(self, wallet: Wallet, recipient: int | None) -> Maker:
        """Return the maker of this buyer's messages."""
        return Maker(wallet, recipient)

    async def choose(self, tills: Sequence[Found]) -> Found | None:
        """Say which of several tills it is, the likeliest first; None for none of them."""
        return await strongest(tills)

    async def stays(self, till: int | None) -> SayNo | None:
        """Say no to this till, which has no amount yet; cancelled when the amount comes."""

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        """React to this screen; closed when the screen changes."""
        if view.kind == events.ASKED:
            yield Look()
        elif not self._codes:
            yield SayNo(exchange.LEAVE_CANCELLED)
        elif view.kind == events.SHOWN:
            if view.reason and self._again is not None:
                await self._again()
            yield FirstDigit(self._recipients.pop(0) if self._recipients else None)
            yield Code(self._codes.pop(0))


class Declining(Buyer):
    """A buyer who looks and declines."""

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        yield SayNo(exchange.LEAVE_CANCELLED)


class Silent(Buyer):
    """A buyer who connects and sends nothing until the receiver ends the link."""

    comes_again = False

    def maker(self, wallet: Wallet, recipient: int | None) -> Maker:
        return Mute(wallet, recipient)

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        return
        yield


class Vanishing(Buyer):
    """A buyer who approves, but leaves range during one write, by default the credential's."""

    comes_again = False

    def __init__(self, *codes: str, at: int = exchange.CREDENTIAL) -> None:
        super().__init__(*codes)
        self.vanishes_at = at
