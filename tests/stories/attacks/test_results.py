"""Attack: an answer that the authority has not given, to a phone or to a bridge.

What proves nothing is no answer. A phone stays in doubt and asks the authority itself; a bridge
asks the authority again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from receiver.encoding import cose, schema
from receiver.protocol import messages, signed
from simulator.authority.api import bridges
from simulator.phone.conversation import events
from tests.support.world import papers
from tests.support.world.checkout import Checkout
from tests.support.world.liars import Lie, lying
from tests.support.world.siege import named, pays

Forge = Callable[[Checkout, bytes], bytes]

pytestmark = pytest.mark.asyncio(loop_scope="module")

EURO = 978
UNKNOWN_EPOCH = 99
ASK_MS = 10_000  # the phone is to hear the truth from the authority

# Firmware that gives a phone what stands in a file, where there is one, for the receipt.
GIVEN = "given.receipt"
_GIVE = f"(open('{GIVEN}', 'rb').read() if '{GIVEN}' in __import__('os').listdir() else %s)"
GIVING = Lie(
    "receiver/core/receiver.py",
    "self.air.answer(candidate, order.receipt, now)",
    f"self.air.answer(candidate, {_GIVE % 'order.receipt'}, now)",
)


def _signed(role: int, kid_role: int, epoch: int = papers.EPOCH, kind: str = cose.RECEIPT) -> Forge:
    """What the authority says, signed by its key of `role` under the kid of `kid_role`."""

    def forge(till: Checkout, receipt: bytes) -> bytes:
        sign1 = signed.parse(messages.RECEIPT, receipt).sign1
        kid, sign = bytes([kid_role, epoch]), papers.signer(till, role)
        return cose.build(
            cose.protected_header(cose.ALG_ED25519, kid), sign1.payload, kind, b"", sign
        )

    return forge


def _says(**changes: Any) -> Forge:
    """Something else, signed by the right key: a thief's, or out of another purchase."""

    def forge(till: Checkout, receipt: bytes) -> bytes:
        value = signed.parse(messages.RECEIPT, receipt).value._replace(**changes)
        return till.world.authority.office.keys.receipt(value)

    return forge


RECEIPT, STATE = signed.ROLE_RECEIPT, signed.ROLE_STATE
FORGED: dict[str, tuple[str, Forge]] = {
    "by_the_state_key": ("bad_signature", _signed(STATE, RECEIPT)),
    "by_the_state_key_openly": ("wrong_role", _signed(STATE, STATE)),
    "by_an_unknown_key": ("unknown_issuer", _signed(RECEIPT, RECEIPT, UNKNOWN_EPOCH)),
    "made_for_a_credential": ("bad_signature", _signed(RECEIPT, RECEIPT, kind=cose.CREDENTIAL)),
    "a_credential": ("wrong_role", lambda till, _: papers.spare(till.wallet)),
    "of_another_approval": ("wrong_session", _says(approval_id=bytes(16))),
    "over_another_amount": ("wrong_amount", _says(amount=1)),
    "of_another_till": ("wrong_till", _says(till=8)),
    "of_another_version": ("wrong_version", _says(version=2)),
    "cut_short": ("malformed", lambda _, receipt: receipt[:-1]),
}


@contextmanager
def answered(
    till: Checkout, monkeypatch: pytest.MonkeyPatch, hear: Callable[[bytes], bytes]
) -> Iterator[None]:
    """The first receipt inside leaves the authority as `hear` makes it; its books do not change."""
    honest, left = bridges.receipt_for, [hear]

    def answer(*asked: Any) -> bytes:
        receipt = honest(*asked)
        return left.pop()(receipt) if left else receipt

    with monkeypatch.context() as patch:
        patch.setattr(bridges, "receipt_for", answer)
        yield
    assert not left


# To a phone.


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def given(counter: Checkout, tmp_path_factory: Any) -> AsyncIterator[Path]:
    """The file that the module's receiver gives to phones where there is one."""
    path = papers.store(counter) / GIVEN
    async with lying(counter, tmp_path_factory.mktemp("lying"), GIVING):
        yield path


@contextmanager
def given_instead(
    till: Checkout, monkeypatch: pytest.MonkeyPatch, given: Path, forge: Forge
) -> Iterator[None]:
    """The first receipt inside reaches the receiver as it is, and the phone as it is forged."""

    def hear(receipt: bytes) -> bytes:
        given.write_bytes(forge(till, receipt))
        return receipt

    with answered(till, monkeypatch, hear):
        yield
    given.unlink()


@pytest.mark.parametrize("name", FORGED)
async def test_a_receiver_gives_a_phone(
    till: Checkout, given: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The phone believes nothing of it: the outcome is unknown until the authority tells it."""
    cause, forge = FORGED[name]
    sale = await till.ring_up()
    async with named(till):
        with given_instead(till, monkeypatch, given, forge):
            outcome = await till.buy(ask_ms=ASK_MS)
        final = await till.outcome(sale)
    assert (outcome.result, final["state"]) == (events.APPROVED, "approved")
    assert till.new_transactions() == {outcome.approval_id.hex(): "PENDING"}
    told = {step.name: step.details for step in till.steps}
    assert told["result_untrusted"]["why"] == told["unknown"]["why"] == cause
    assert told["authority_says"]["state"] == "PENDING"
    await pays(till, await till.ring_up())


# To a bridge.


FORGED_FOR_BRIDGES: dict[str, tuple[str, Forge]] = {
    **FORGED,
    "in_another_currency": ("wrong_currency", _says(currency=EURO)),
    "of_another_store": ("wrong_receiver", _says(store=102)),
    "approved_with_no_transaction": ("malformed", _says(transaction_id=messages.NO_TRANSACTION)),
    "approved_with_a_reason": ("malformed", _says(reason=1)),
    "declined_with_a_transaction": ("malformed", _says(outcome=messages.DECLINED, reason=1)),
    "a_record": ("malformed", lambda *_: schema.encode((), ())),
}


@pytest.mark.parametrize("name", FORGED_FOR_BRIDGES)
async def test_the_authority_gives_a_bridge(
    till: Checkout, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither till nor phone see any of it; the next answer counts."""
    cause, forge = FORGED_FOR_BRIDGES[name]
    async with named(till, cause):
        with answered(till, monkeypatch, lambda receipt: forge(till, receipt)):
            sale = await till.ring_up()
            outcome = await pays(till, sale)
        assert till.count(sale, "authority_timeout") == 1
    assert till.new_transactions() == {outcome.approval_id.hex(): "PENDING"}
