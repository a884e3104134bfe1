"""Runs inside MicroPython: the COSE_Sign1 vectors, built, parsed, verified and refused."""

from receiver import reasons
from receiver.encoding import cose
from tests.micropython.shared import code_of, verify
from tests.support.values.vectors import load, parts


def check_valid(case, keys):
    kid, context, payload, structure, signature, message = parts(
        case, "kid", "context", "payload", "sig_structure", "signature", "message"
    )
    signed = []

    def sign(data):
        signed.append(data)
        return signature

    assert (
        cose.build(cose.protected_header(case["alg"], kid), payload, case["kind"], context, sign)
        == message
    ), case
    assert signed == [structure], case
    parsed = cose.parse(message, case["alg"], len(kid))
    assert (parsed.kid, parsed.payload, parsed.signature) == (kid, payload, signature), case
    name = "ed25519" if case["alg"] == cose.ALG_ED25519 else "p256"
    assert verify(name, bytes.fromhex(keys[name]), structure, signature), case


def check_invalid(case):
    data = bytes.fromhex(case["message"])
    assert code_of(cose.parse, data, cose.ALG_ED25519, 2) == reasons.MALFORMED, case


def main():
    vectors = load("cose.json")
    for case in vectors["valid"]:
        check_valid(case, vectors["keys"])
    for case in vectors["invalid"]:
        check_invalid(case)
    print(len(vectors["valid"]) + len(vectors["invalid"]), "cases")


main()
