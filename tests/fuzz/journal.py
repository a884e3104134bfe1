"""What the bridge's journal takes and gives back, as targets: any fact, and any terms."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.domain import event_codec
from bridge.domain.sale import CARRIED, Fact, Terms
from bridge.domain.states import Event
from receiver.protocol import messages
from tests.fuzz import seeds
from tests.fuzz.script import Script
from tests.fuzz.target import Target

_EVENTS = tuple(Event)
_WITH_A_PROOF = ("approval", "record")  # of these at most one is in a line
_NAME_MOST = 64
_SECRET_LEAST = 8  # bytes


def targets() -> Iterator[tuple[str, Target]]:
    yield "journal-fact", Target(_fact, None, _facts)
    yield "journal-terms", Target(_terms, None, _terms_seeds)


def _fact(data: bytes) -> bool:
    """A fact comes back as it was; once its secret is erased, with zeros in that place."""
    script = Script(data)
    fact = _any_fact(script)
    written = event_codec.dump_fact(fact)
    assert event_codec.load_fact(fact.event, *written) == fact
    if _is_unmistakable(written.secret, fact):
        assert written.secret.hex() not in written.body
    erased = event_codec.load_fact(fact.event, written.body, bytes(len(written.secret)))
    for name in CARRIED:
        before, after = getattr(fact, name), getattr(erased, name)
        assert len(after) == len(before)
        assert after == before or name in _WITH_A_PROOF
    assert event_codec.dump_fact(erased)  # a closed sale is shown still
    return True


def _is_unmistakable(secret: bytes, fact: Fact) -> bool:
    """Whether it stands nowhere else by chance, or by the making of a vector."""
    known = len(secret) >= _SECRET_LEAST and any(secret)
    return known and (fact.approval + fact.record).count(secret) == 1


def _any_fact(script: Script) -> Fact:
    event, reason = script.choice(_EVENTS), script.number()
    proof = script.choice(_WITH_A_PROOF)
    known = seeds.plain("record") if proof == "record" else _approvals()
    carried = {proof: script.altered(script.choice([b"", *known]))}
    others = [name for name in CARRIED if name not in _WITH_A_PROOF]
    return Fact(event, reason, **carried, **{name: script.octets() for name in others})


def _terms(data: bytes) -> bool:
    script = Script(data)
    till, amount, currency, patience_s = (script.number() << script.number(25) for _ in range(4))
    terms = Terms(
        _text(script),
        till,
        amount,
        currency,
        patience_s,
        _text(script),
        script.octets(),
        script.octets(),
        script.choice((messages.PURCHASE, messages.REFUND)),
        script.octets(),
        _text(script),
    )
    assert event_codec.load_terms(event_codec.dump_terms(terms).encode().decode()) == terms
    return True


def _text(script: Script) -> str:
    """Any that the till API lets through: it asks for printable characters alone."""
    text = script.octets().decode("utf-8", "ignore")
    return "".join(filter(str.isprintable, text))[:_NAME_MOST]


def _approvals() -> list[bytes]:
    return [
        data
        for alg in seeds.algorithms(messages.APPROVAL)
        for data in seeds.message(messages.APPROVAL, alg)
    ]


def _facts() -> list[bytes]:
    """Each event; an approval and a record as they are, cut short, and none at all."""
    events = [bytes([at]) for at in range(len(_EVENTS))]
    choices = range(1, 1 + min(len(seeds.plain("record")), len(_approvals())))
    whole = [bytes([5, 0, proof, one, 0]) for proof in (0, 1) for one in choices]
    cut = [data[:-1] + bytes([2, size]) for data in whole[:4] for size in (1, 40, 200)]
    return [*events, *whole, *cut]


def _terms_seeds() -> list[bytes]:
    numbers, name = bytes([7, 0, 200, 7, 94, 3, 25, 0]), b"\x10sale-0123456789ab"
    begin = numbers + name + b"\x04\xc3\xa5 7" + b"\x08saleref1" + b"\x08receiver"
    return [begin + b"\0\0\0", begin + b"\1" + b"\x10" + bytes(range(16)) + name]
