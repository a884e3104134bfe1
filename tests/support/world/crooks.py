"""Buyers and apps that do what an honest one never does, each in one place."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, Literal

from receiver.encoding import cose, schema
from receiver.protocol import exchange, messages, signed
from simulator.phone.app.buyer import DEMO_CODE, Buyer
from simulator.phone.conversation.events import SHOWN, Code, FirstDigit
from simulator.phone.conversation.messages import Maker, Presented

if TYPE_CHECKING:
    from receiver.protocol.messages import Approval
    from receiver.protocol.validation import Offered
    from simulator.phone.conversation.events import Act, View
    from simulator.phone.wallet.keys import PhoneKey
    from simulator.phone.wallet.wallet import Wallet

    Sign = Callable[[PhoneKey, Approval, bytes], bytes]
    Stray = Callable[[Offered, bytes], tuple[Offered, bytes]]

CREDENTIAL = bytes([exchange.CREDENTIAL])
APPROVAL = bytes([exchange.APPROVAL])


class Crook(Buyer):
    """Types like an honest buyer, but what goes out is by `make(wallet)`."""

    comes_again = False

    def __init__(self, make: Callable[[Wallet], Maker], *codes: str) -> None:
        super().__init__(*codes)
        self._make = make

    def maker(self, wallet: Wallet, recipient: int | None) -> Maker:
        return self._make(wallet)


class Watching(Crook):
    """Has the offer on the screen and does nothing more."""

    def __init__(self, make: Callable[[Wallet], Maker] = Maker) -> None:
        super().__init__(make)

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        return
        yield


class Hesitating(Crook):
    """Types the first digit and no other."""

    def __init__(self, make: Callable[[Wallet], Maker] = Maker) -> None:
        super().__init__(make)

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        if view.kind == SHOWN:
            yield FirstDigit()


class Interrupted(Buyer):
    """Approves, but `before` happens first, and `between` after the first digit."""

    def __init__(self, before: Any = None, between: Any = None) -> None:
        super().__init__()
        self._before = before
        self._between = between

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        if view.kind != SHOWN:
            return
        if self._before is not None:
            await self._before()
        yield FirstDigit()
        if self._between is not None:
            await self._between()
        yield Code(DEMO_CODE)


class Writing(Maker):
    """Writes what it is given as soon as it sees an offer."""

    def __init__(self, wallet: Wallet, *writes: bytes) -> None:
        super().__init__(wallet)
        self._writes = writes

    def show(self, offered: Offered) -> list[bytes]:
        return list(self._writes)


class Lying(Maker):
    """Signs an approval with other values than it was offered."""

    def __init__(self, wallet: Wallet, lie: Callable[[Approval], dict[str, Any]]) -> None:
        super().__init__(wallet)
        self._lie = lie

    def value(self, offered: Offered, credential: bytes, code: str, now: int) -> Approval:
        honest = super().value(offered, credential, code, now)
        return honest._replace(**self._lie(honest))


class Straying(Maker):
    """Signs for another receiver, another offer or another credential than it presents."""

    def __init__(self, wallet: Wallet, stray: Stray) -> None:
        super().__init__(wallet)
        self._stray = stray

    def context(self, offered: Offered, credential: bytes) -> bytes:
        return super().context(*self._stray(offered, credential))


class Signing(Maker):
    """Has its approvals signed by `sign(key, value, context)`."""

    def __init__(self, wallet: Wallet, sign: Sign) -> None:
        super().__init__(wallet)
        self._sign = sign

    def sign(self, value: Approval, context: bytes) -> bytes:
        return self._sign(self.wallet.key, value, context)


class Keeping(Maker):
    """Honest, but keeps its last approval as nobody else sees it: in the clear."""

    approved = b""

    def sign(self, value: Approval, context: bytes) -> bytes:
        self.approved = super().sign(value, context)
        return self.approved


class Presenting(Maker):
    """Presents whatever credential it is given."""

    def __init__(self, wallet: Wallet, *credentials: bytes) -> None:
        super().__init__(wallet)
        self._credentials = credentials

    def begin(self, offered: Offered, recipient: int | None, now: int) -> Presented:
        writes = [self.seal(offered, exchange.CREDENTIAL, data) for data in self._credentials]
        return Presented(self._credentials[-1], writes)


class Approving(Maker):
    """Seals these bytes as its approval, whatever they are."""

    def __init__(self, wallet: Wallet, approval: bytes) -> None:
        super().__init__(wallet)
        self._approval = approval

    def seal(self, offered: Offered, kind: int, message: bytes) -> bytes:
        approves = kind == exchange.APPROVAL
        return super().seal(offered, kind, self._approval if approves else message)


# What an approval may be signed like: given to `Signing`.


def approve(key: PhoneKey, value: Approval, context: bytes) -> bytes:
    """Honestly, but in whatever context."""
    alg = signed.algorithm(key.public)
    return signed.encode(messages.APPROVAL, value, b"", key.sign, context=context, alg=alg)


def signed_as(kind: str) -> Sign:
    """With a signature that was made for another type of message, in the same context."""

    def sign(key: PhoneKey, value: Approval, context: bytes) -> bytes:
        payload = schema.encode(messages.APPROVAL.fields, value)
        return cose.build(
            cose.protected_header(signed.algorithm(key.public), b""),
            payload,
            kind,
            context,
            key.sign,
        )

    return sign


def resigned(
    change: Callable[[int, int], tuple[int, int]], order: Literal["big", "little"] = "big"
) -> Sign:
    """With the two numbers of the signature changed."""

    def sign(key: PhoneKey, value: Approval, context: bytes) -> bytes:
        data = approve(key, value, context)
        r, s = (int.from_bytes(half, order) for half in (data[-64:-32], data[-32:]))
        return data[:-64] + b"".join(number.to_bytes(32, order) for number in change(r, s))

    return sign


# What an approval may be bound to instead: given to `Straying`.


def other_certificate(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
    return offered._replace(certificate_hash=bytes(32)), credential


def other_offer(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
    return offered._replace(data=offered.data[::-1]), credential


def other_credential(offered: Offered, credential: bytes) -> tuple[Offered, bytes]:
    return offered, credential[::-1]
