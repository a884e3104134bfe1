"""Runs inside MicroPython: the message vectors, built, parsed, verified and refused."""

from receiver import reasons
from receiver.crypto import portable
from receiver.encoding import schema
from receiver.protocol import messages, signed
from tests.micropython.shared import code_of
from tests.support.values import manifest_vectors
from tests.support.values.message_vectors import (
    PINS,
    VECTORS,
    check_map,
    check_names,
    check_purchase,
    check_signed,
    table,
)


def check_invalid(case):
    fields, make = table(case["of"])
    data = bytes.fromhex(case["payload"])
    assert code_of(schema.decode, fields, data, make) == reasons.MALFORMED, case


def check_refused(case):
    data = bytes.fromhex(case["message"])
    found = code_of(signed.from_authority, messages.STATE, data, PINS, portable)
    assert reasons.name(found) == case["reason"], case


def check_refused_manifest(case):
    found = code_of(manifest_vectors.read, bytes.fromhex(case["message"]), portable)
    assert reasons.name(found) == case["reason"], case


def main():
    for case in VECTORS["purchases"]:
        check_purchase(case, portable)
        check_names(case)
    for case in VECTORS["signed"]:
        check_signed(case, portable)
    for case in VECTORS["maps"]:
        check_map(case)
    for case in VECTORS["invalid"]:
        check_invalid(case)
    for case in VECTORS["refused"]:
        check_refused(case)
    manifests = manifest_vectors.VECTORS
    for case in manifests["valid"]:
        manifest_vectors.check_manifest(case, portable)
    for case in manifests["refused"]:
        check_refused_manifest(case)
    titles = ("purchases", "signed", "maps", "invalid", "refused")
    cases = sum(len(VECTORS[title]) for title in titles)
    print(cases + len(manifests["valid"]) + len(manifests["refused"]), "cases")


main()
