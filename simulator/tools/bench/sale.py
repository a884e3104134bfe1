"""Whole sales through the real processes, and the bridge's share of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from timeit import repeat

from bridge.observability import timings
from receiver import reasons
from receiver.encoding import cose
from receiver.link import frames, wire
from receiver.protocol import messages, signed
from simulator.crypto import code_proof
from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation.events import Act, Code, View
from simulator.phone.conversation.messages import APP_BUILD
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.phone.wallet.wallet import Wallet
from simulator.tools.demo.story import AMOUNT, PLAIN, Played, Stage
from simulator.tools.load.till import StepWatcher
from simulator.world.enrolment import SEK
from simulator.world.world import World

from . import arithmetic_times, lower_bound
from .rows import Figure

SALES = 25
TYPING_S = 0.3  # people take longer, with the same result
BAUD_BITS = 10  # a byte on the line: start bit, eight bits, stop bit
COMMITS = 3  # on disk: the approval with its request, the verdict, that the till is notified
SAMPLES = 200


def _nothing(*_: object) -> None:
    """Do nothing: a measurement has no observer."""


class _Typist(Buyer):
    """A buyer who takes time for the code, as people do: key and credential cross meanwhile."""

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        async for act in super().act(view):
            if isinstance(act, Code):
                await asyncio.sleep(TYPING_S)
            yield act


_TYPED = PLAIN._replace(play=lambda stage, sale_id: stage.buy(sale_id, _Typist()))


async def measure(world: World) -> dict[str, Figure]:
    """Measure approval to till over many sales, with its indispensable parts."""
    watcher = StepWatcher(world.bridge.till_api)
    watching = asyncio.create_task(watcher.run())
    wallet = await world.new_wallet()
    async with phone_radio(world.radio.phones) as radio:
        stage = Stage(world, wallet, radio, _nothing, _nothing)
        played = [await stage.run(_TYPED) for _ in range(SALES)]
    watching.cancel()
    totals = [one.approval_to_till for one in played if one.approval_to_till is not None]
    own = [share for steps in watcher.steps if (share := timings.own_share(steps)) is not None]
    parts = {
        "radio": median(_round_trip(one) for one in played),
        "verification": arithmetic_times.in_micropython(["p256_check"])["p256_check"],
        "serial": _wire_ms(world.settings.rate, _approval(wallet)),
        "authority": _middle(watcher.steps, timings.AUTHORITY),
    }
    whole, alone = median(totals), sum(parts.values())
    words = ", ".join(f"{name} {value:.3g}" for name, value in parts.items())
    # The receipt is checked while the receiver verifies.
    return {
        "sale_approval_to_till": Figure(whole, alone, bound_is=words),
        "sale_over_its_parts": Figure(whole / alone),
        "bridge_own_share": Figure(median(own) * 1000, bridge_floor("p256_verify")),
        "authority_answer": Figure(parts["authority"]),
        "receiver_verdict": Figure(_middle(watcher.steps, timings.VERDICT)),
    }


def bridge_floor(*checks: str) -> float:
    """Return the least milliseconds of a bridge, from an approval to the notified till.

    These are its commits, and those `cases` that are checks on the way.
    """
    return COMMITS * _commit() + sum(arithmetic_times.on_host(checks).values())


def _round_trip(played: Played) -> float:
    """Return milliseconds from the approval's write to its acknowledgement on the air."""
    (step,) = [step for step in played.steps if step.name == "approval_written"]
    acknowledged: float = step.details["acknowledged"]
    return (acknowledged - step.at) * 1000


def _middle(sales: Sequence[Mapping[str, float]], between: tuple[str, str]) -> float:
    """Return the median milliseconds of one span."""
    spans = [timings.span(steps, between) for steps in sales]
    return median(span for span in spans if span is not None) * 1000


def _wire_ms(rate: int, approval: bytes) -> float:
    """Return milliseconds of approval, its acknowledgement and verdict on the line, in sequence.

    The rest crosses before the last digit, or meanwhile in the other direction.
    """
    session = bytes(messages.HASH_SIZE)
    sent = (
        wire.encode(wire.APPROVAL, wire.ApprovalRecord(session, 0, approval)),
        b"",
        wire.encode(wire.VERDICT, wire.Verdict(session, bytes(signed.ID_SIZE), reasons.OK)),
    )
    total = sum(len(payload) + frames.FRAME_OVERHEAD for payload in sent)
    return total * BAUD_BITS / rate * 1000


def _approval(wallet: Wallet) -> bytes:
    """Make an approval of the usual size; its signature is not valid."""
    value = messages.Approval(
        version=messages.VERSION,
        counter=wallet.counter,
        amount=AMOUNT,
        currency=SEK,
        recipient=wallet.recipients[0].id,
        time=int(time.time()),
        app=APP_BUILD,
        proof=bytes(code_proof.PROOF_SIZE),
    )
    return signed.encode(messages.APPROVAL, value, b"", _unsigned, alg=cose.ALG_ESP256)


def _unsigned(_data: bytes) -> bytes:
    return bytes(cose.SIGNATURE_SIZE)


def _commit() -> float:
    """Return milliseconds for one durable commit by SQLite itself, in the journal's mode."""
    with TemporaryDirectory() as directory, lower_bound.journal(Path(directory)) as insert:
        return median(repeat(insert, number=1, repeat=SAMPLES)) * 1000
