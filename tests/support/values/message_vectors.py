"""The messages among the shared vectors, made and read by the product; on MicroPython too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.encoding import schema
from receiver.link import service_wire, wire
from receiver.protocol import enrolment, identifiers, messages, signed, validation
from tests.support.values.vectors import load, parts

if TYPE_CHECKING:
    from typing import Any

    from receiver.crypto.interface import Crypto

VECTORS = load("messages.json")
PINS = {bytes((n, 1)): bytes.fromhex(VECTORS["keys"]["authority %d" % n]) for n in range(1, 5)}
_NAMED = [getattr(room, name) for room in (messages, enrolment) for name in dir(room)]
KINDS = {kind.type: kind for kind in _NAMED if isinstance(kind, signed.Kind)}
# The layouts that are neither signed nor on a channel, by their names in the vectors.
MAPS: dict[str, tuple[tuple[schema.Field, ...], Any]] = {
    "record": (messages.RECORD, messages.Record),
    "receiver hello": (wire.RECEIVER_HELLO, wire.ReceiverHello),
    "bridge hello": (wire.BRIDGE_HELLO, wire.BridgeHello),
    "stored enrolment": (enrolment.STORED, enrolment.Stored),
    "pending key": (enrolment.PENDING, enrolment.Pending),
}
CHANNELS = dict(wire.LAYOUTS)  # of either mode
CHANNELS.update(service_wire.LAYOUTS)
TEXTS = ("phone", "match_code", "sale_id")  # of a purchase; all else that is quoted is bytes


def table(of: int | str) -> tuple[Any, Any]:
    """Fields and maker of a layout by its name in the vectors."""
    if isinstance(of, int):
        return CHANNELS[of]
    name = of.split("unsigned ")[-1]
    return MAPS[name] if name in MAPS else (KINDS[name].fields, KINDS[name].make)


def value_of(of: int | str, plain: dict[str, Any]) -> Any:
    """The namedtuple that a vector's fields describe."""
    fields, make = table(of)
    found = [plain[field.name] for field in fields]
    return make(*[bytes.fromhex(item["hex"]) if isinstance(item, dict) else item for item in found])


def check_signed(case: dict[str, Any], crypto: Crypto) -> None:
    kind, data = KINDS[case["kind"]], bytes.fromhex(case["message"])
    value = value_of(case["kind"], case["fields"])
    public = bytes.fromhex(VECTORS["keys"][case["signer"]])
    alg = signed.algorithm(public)
    parsed = signed.parse(kind, data, alg)
    assert parsed.value == value, case
    kid = bytes.fromhex(case["kid"])
    signature = parsed.sign1.signature
    assert signed.encode(kind, value, kid, lambda _: signature, alg=alg) == data, case
    signed.verify(kind, parsed, public, crypto)


def check_map(case: dict[str, Any]) -> None:
    fields, make = table(case["of"])
    value, data = value_of(case["of"], case["fields"]), bytes.fromhex(case["payload"])
    assert schema.encode(fields, value) == data, case
    assert schema.decode(fields, data, make) == value, case


def check_purchase(case: dict[str, Any], crypto: Crypto) -> None:
    """The whole chain as receiver, phone and bridge walk it."""
    quoted = {name: it for name, it in case.items() if isinstance(it, str) and name not in TEXTS}
    made = {name: bytes.fromhex(text) for name, text in quoted.items()}
    holder = validation.certificate(crypto, PINS, made["certificate"], case["time"])
    offered = validation.offer(crypto, holder, made["certificate"], made["offer"])
    credential = validation.credential(crypto, PINS, made["credential"], case["time"])
    submission = validation.Submission(
        made["enc"], made["credential"], credential, made["approval"]
    )
    approved = validation.approval(crypto, offered, submission, 0)
    assert approved.id == made["approval_id"]
    assert offered.offer.reference == made["reference"]
    receipt = signed.from_authority(messages.RECEIPT, made["receipt"], PINS, crypto)
    assert receipt.approval_id == approved.id
    record = schema.decode(messages.RECORD, made["record"], messages.Record)
    assert record.certificate_hash == offered.certificate_hash == made["certificate_hash"]


def check_names(case: dict[str, Any]) -> None:
    """Every name that is made on the way of a purchase."""
    certificate, hashed, offer, tag = parts(case, "certificate", "certificate_hash", "offer", "tag")
    session, context, reference = parts(case, "session", "context", "reference")
    bridge_id, enc, credential = parts(case, "bridge_id", "enc", "credential")
    assert identifiers.certificate_hash(certificate) == hashed
    assert identifiers.session_id(offer) == session
    assert identifiers.tag(offer) == tag
    assert identifiers.match_code(offer) == case["match_code"]
    assert identifiers.approval_context(hashed, offer, enc, credential) == context
    assert identifiers.sale_reference(bridge_id, case["till"], case["sale_id"]) == reference
