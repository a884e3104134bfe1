"""Runs inside MicroPython: the device's arithmetic as an interpreter without viper does it."""

import sys

from receiver.crypto import native

native.NATIVE = False  # before a module asks

from receiver.crypto import portable  # noqa: E402
from receiver.crypto.job import finish  # noqa: E402
from tests.micropython.shared import verify  # noqa: E402
from tests.support.values.vectors import load, parts  # noqa: E402


def main():
    purchase = load("exchange.json")["purchase"]
    keys = purchase["keys"]
    private, enc = parts(keys, "ephemeral private", "encapsulated public")
    assert finish(portable.x25519_job(private, enc)) == bytes.fromhex(purchase["key"]["x25519"])
    for section, signer in (("credential", "authority 2 public"), ("offer", "receiver public")):
        message, signature = parts(purchase[section], "sig_structure", "signature")
        public = bytes.fromhex(keys[signer])
        assert verify("ed25519", public, message, signature), section
        assert not verify("ed25519", public, message + b"x", signature), section
    message, signature = parts(purchase["approval"], "sig_structure", "signature")
    public = bytes.fromhex(keys["phone p256 public"])
    assert verify("p256", public, message, signature)
    assert not verify("p256", public, message + b"x", signature)
    result_key, base = parts(purchase["key"], "result_key", "result_base")
    padded, on_air = parts(purchase["result"], "padded", "on_air")
    assert portable.chacha_seal(result_key, base, padded, b"") == on_air[1:]
    assert portable.chacha_open(result_key, base, on_air[1:], b"") == padded
    assert not [name for name in sys.modules if "kernels" in name]
    print("9 cases")


main()
