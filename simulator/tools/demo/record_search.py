"""Search a record for what must not be in it, and for what must: the world's owner knows both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from receiver.encoding import schema
from receiver.protocol import exchange, messages, signed
from receiver.protocol.signed import Kind
from receiver.protocol.validation import Offered
from simulator.authority.accounts.demo_data import ORGANISATION
from simulator.phone.app.buyer import DEMO_CODE, Buyer
from simulator.phone.conversation.messages import Maker
from simulator.phone.wallet.wallet import Wallet

# Bytes. A shorter secret could be among the thousand random bytes of a purchase by chance; one of
# six does so once in ten thousand million purchases.
SECRET_LEAST = 6
WINDOW = 8  # bytes: two purchases of one phone have no value of this size in common

_X_SIZE = 32  # of a public key, without the sign that a compressed point begins with


class Told(NamedTuple):
    """One sealed message: its type, its content, and its bytes on the air."""

    kind: int
    message: bytes
    sealed: bytes


class Confiding(Buyer):
    """A buyer who behaves as any other, and records what the phone sealed and opened."""

    def __init__(self, *codes: str, recipients: Sequence[int] = ()) -> None:
        super().__init__(*codes, recipients=recipients)
        self.codes = codes or (DEMO_CODE,)
        self.told: list[Told] = []

    def maker(self, wallet: Wallet, recipient: int | None) -> Maker:
        return _Telltale(wallet, recipient, self.told)


class _Telltale(Maker):
    """A recorder of each message beside its seal."""

    def __init__(self, wallet: Wallet, recipient: int | None, told: list[Told]) -> None:
        super().__init__(wallet, recipient)
        self._told = told

    def seal(self, offered: Offered, kind: int, message: bytes) -> bytes:
        sealed = super().seal(offered, kind, message)
        self._told.append(Told(kind, message, sealed))
        return sealed

    def result(self, body: bytes) -> bytes:
        receipt = super().result(body)
        self._told.append(Told(exchange.RESULT, receipt, exchange.result(body)))
        return receipt


class SearchHit(NamedTuple):
    """A searched value, and the number of places where it was found."""

    name: str
    size: int
    places: int


def search(wanted: Iterable[tuple[str, bytes]], places: list[bytes]) -> list[SearchHit]:
    """Search for each value in every place, in both orders of bytes."""
    return [
        SearchHit(name, len(value), sum(value in one or value[::-1] in one for one in places))
        for name, value in wanted
    ]


def secrets(told: Iterable[Told], codes: Iterable[str], wallet: Wallet) -> list[tuple[str, bytes]]:
    """Return everything that an eavesdropper must not learn, each with its name."""
    found: list[tuple[str, bytes]] = []
    for one in told:
        if one.kind == exchange.CREDENTIAL:
            found += _credential(one.message)
        elif one.kind == exchange.APPROVAL:
            found += _approval(one.message, signed.algorithm(wallet.key.public))
        else:
            found += _receipt(one.message)
    found += [("code", code.encode()) for code in codes]
    found += [("phone's private key", wallet.key.private), ("code key", wallet.code_private)]
    found += [("token", wallet.token.encode()), ("buyer's name", wallet.buyer.encode())]
    found += [("organisation's name", ORGANISATION.encode())]
    found += [("invoice recipient's name", one.name.encode()) for one in wallet.recipients]
    return found


def common(one: Iterable[bytes], other: Iterable[bytes]) -> set[bytes]:
    """Return the values of `WINDOW` bytes that are in both."""
    return _windows(one) & _windows(other)


def _windows(values: Iterable[bytes]) -> set[bytes]:
    return {value[at : at + WINDOW] for value in values for at in range(len(value) - WINDOW + 1)}


def _credential(data: bytes) -> list[tuple[str, bytes]]:
    message = signed.parse(messages.CREDENTIAL, data)
    claims = _claims(messages.CREDENTIAL, message.value, "offline_floor", "recipient", "least_app")
    return [
        ("credential", data),
        ("credential's id", message.value.id),
        ("phone's key", message.value.key[-_X_SIZE:]),
        ("credential's invoice recipient", claims),
        ("credential's signature", message.sign1.signature),
    ]


def _approval(data: bytes, alg: int) -> list[tuple[str, bytes]]:
    message = signed.parse(messages.APPROVAL, data, alg)
    claims = _claims(messages.APPROVAL, message.value, "recipient", "time", "app")
    return [
        ("approval", data),
        ("code proof", message.value.proof),
        ("approval's invoice recipient", claims),
        ("approval's signature", message.sign1.signature),
    ]


def _receipt(data: bytes) -> list[tuple[str, bytes]]:
    message = signed.parse(messages.RECEIPT, data)
    booked = message.value.transaction_id != messages.NO_TRANSACTION
    return [
        ("receipt", data),
        ("approval id", message.value.approval_id),
        *([("transaction id", message.value.transaction_id)] if booked else []),
        ("receipt's signature", message.sign1.signature),
    ]


def _claims(kind: Kind, value: object, *names: str) -> bytes:
    """Return neighbouring claims as in the message: one number alone is too short to search for.

    Without the head of their map, which is one byte.
    """
    return schema.encode(tuple(f for f in kind.fields if f.name in names), value)[1:]
