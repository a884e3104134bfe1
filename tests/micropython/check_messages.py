"""Runs inside MicroPython: the message vectors, built, parsed, verified and refused."""

import json

from receiver import reasons
from receiver.crypto import portable
from receiver.encoding import schema
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import identifiers, messages, signed, validation

VECTORS = __file__.rsplit("/", 2)[0] + "/vectors/messages.json"
KINDS = {
    kind.type: kind
    for kind in (
        messages.CERTIFICATE,
        messages.OFFER,
        messages.CREDENTIAL,
        messages.APPROVAL,
        messages.RECEIPT,
        messages.PROVISIONAL,
        messages.STATE,
    )
}
PLAIN = {
    "record": (messages.RECORD, messages.Record),
    "receiver hello": (wire.RECEIVER_HELLO, wire.ReceiverHello),
    "bridge hello": (wire.BRIDGE_HELLO, wire.BridgeHello),
}


def table(of):
    """Fields and maker of a layout by its name in the vectors."""
    if isinstance(of, int):
        return wire.LAYOUTS[of]
    if of in KINDS:
        return KINDS[of].fields, KINDS[of].make
    return PLAIN[of[9:] if of.startswith("unsigned ") else of]


def value_of(fields, make, plain):
    """The namedtuple that a vector's fields describe."""
    found = [plain[field.name] for field in fields]
    return make(*[bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for v in found])


def reason_of(attempt):
    """The name of the reason for which it is refused, None if it is not."""
    try:
        attempt()
    except Error as error:
        return reasons.name(error.code)
    return None


def check_signed(case, keys):
    kind = KINDS[case["kind"]]
    data, kid = bytes.fromhex(case["message"]), bytes.fromhex(case["kid"])
    public = bytes.fromhex(keys[case["signer"]])
    alg = signed.algorithm(public)
    value = value_of(kind.fields, kind.make, case["fields"])
    parsed = signed.parse(kind, data, alg)
    assert parsed.value == value, case
    signature = parsed.sign1.signature
    assert signed.encode(kind, value, kid, lambda _: signature, alg=alg) == data, case
    signed.verify(kind, parsed, public, portable)


def check_map(case):
    fields, make = table(case["of"])
    value, data = value_of(fields, make, case["fields"]), bytes.fromhex(case["payload"])
    assert schema.decode(fields, data, make) == value, case
    assert schema.encode(fields, value) == data, case


def check_invalid(case):
    fields, make = table(case["of"])
    data = bytes.fromhex(case["payload"])
    assert reason_of(lambda: schema.decode(fields, data, make)) == "malformed", case


def check_refused(case, pins):
    data = bytes.fromhex(case["message"])
    found = reason_of(lambda: signed.from_authority(messages.STATE, data, pins, portable))
    assert found == case["reason"], case


def check_purchase(case, pins):
    """The whole chain as receiver, phone and bridge walk it, and every name made on the way."""
    made = {
        name: bytes.fromhex(case[name])
        for name in (
            "certificate",
            "offer",
            "enc",
            "credential",
            "approval",
            "receipt",
            "record",
            "certificate_hash",
            "session",
            "tag",
            "context",
            "approval_id",
            "reference",
            "bridge_id",
        )
    }
    now, offer = case["time"], made["offer"]
    holder = validation.certificate(portable, pins, made["certificate"], now)
    offered = validation.offer(portable, holder, made["certificate"], offer)
    credential = validation.credential(portable, pins, made["credential"], now)
    submission = validation.Submission(
        made["enc"], made["credential"], credential, made["approval"]
    )
    approved = validation.approval(portable, offered, submission, 0)
    assert approved.id == made["approval_id"]
    receipt = signed.from_authority(messages.RECEIPT, made["receipt"], pins, portable)
    assert receipt.approval_id == approved.id
    record = schema.decode(messages.RECORD, made["record"], messages.Record)
    assert record.certificate_hash == identifiers.certificate_hash(made["certificate"])
    assert identifiers.certificate_hash(made["certificate"]) == made["certificate_hash"]
    assert identifiers.session_id(offer) == made["session"]
    assert identifiers.tag(offer) == made["tag"]
    assert identifiers.match_code(offer) == case["match_code"]
    context = identifiers.approval_context(
        made["certificate_hash"], offer, made["enc"], made["credential"]
    )
    assert context == made["context"]
    reference = identifiers.sale_reference(made["bridge_id"], case["till"], case["sale_id"])
    assert reference == made["reference"] == offered.offer.reference


def main():
    with open(VECTORS) as file:
        vectors = json.load(file)
    keys = vectors["keys"]
    pins = {bytes((role, 1)): bytes.fromhex(keys["authority %d" % role]) for role in range(1, 5)}
    for case in vectors["purchases"]:
        check_purchase(case, pins)
    for case in vectors["signed"]:
        check_signed(case, keys)
    for case in vectors["maps"]:
        check_map(case)
    for case in vectors["invalid"]:
        check_invalid(case)
    for case in vectors["refused"]:
        check_refused(case, pins)
    titles = ("purchases", "signed", "maps", "invalid", "refused")
    print(sum(len(vectors[title]) for title in titles), "cases")


if __name__ == "__main__":
    main()
