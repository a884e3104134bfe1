"""Runs inside MicroPython: the COSE_Sign1 vectors, built, parsed, verified and refused."""

import json

from receiver import reasons
from receiver.crypto import portable
from receiver.crypto.job import finish
from receiver.encoding import cose
from receiver.errors import Error

VECTORS = __file__.rsplit("/", 2)[0] + "/vectors/cose.json"


def verify(name, public, message, signature):
    key = finish(getattr(portable, name + "_key_job")(public))
    return finish(getattr(portable, name + "_check_job")(key, message, signature))


def check_valid(case, keys):
    kid, context, payload, structure, signature, message = (
        bytes.fromhex(case[field])
        for field in ("kid", "context", "payload", "sig_structure", "signature", "message")
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
    if case["alg"] == cose.ALG_ED25519:
        public = bytes.fromhex(keys["ed25519"])
        assert verify("ed25519", public, structure, signature), case
    else:
        public = bytes.fromhex(keys["p256"])
        assert verify("p256", public, structure, signature), case


def code_of(data):
    """The reason for which the message is refused, None if it is not."""
    try:
        cose.parse(data, cose.ALG_ED25519, 2)
    except Error as error:
        return error.code
    return None


def check_invalid(case):
    assert code_of(bytes.fromhex(case["message"])) == reasons.MALFORMED, case


def main():
    with open(VECTORS) as file:
        vectors = json.load(file)
    for case in vectors["valid"]:
        check_valid(case, vectors["keys"])
    for case in vectors["invalid"]:
        check_invalid(case)
    print(len(vectors["valid"]) + len(vectors["invalid"]), "cases")


main()
