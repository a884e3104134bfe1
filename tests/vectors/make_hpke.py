"""Writes hpke.json: RFC 9180's base-mode vectors of our suite, from cryptography_vectors."""

from __future__ import annotations

import json

from table import Case, published, write

SUITE = {"mode": 0, "kem_id": 0x0020, "kdf_id": 0x0001, "aead_id": 0x0003}
SETUP = ("info", "skRm", "pkRm", "skEm", "enc", "shared_secret", "key", "base_nonce")
MESSAGES = 18  # the first ones; the test on CPython runs all of the package's


def setup(vector: Case) -> Case:
    fields = {name: vector[name] for name in (*SETUP, "exporter_secret")}
    assert vector["pkEm"] == vector["enc"]
    return fields


def main() -> None:
    vectors = json.loads(published("HPKE/test-vectors.json").read_text())
    (vector,) = (v for v in vectors if all(v[name] == SUITE[name] for name in SUITE))
    exports = [
        {"context": e["exporter_context"], "length": e["L"], "value": e["exported_value"]}
        for e in vector["exports"]
    ]
    encryptions = vector["encryptions"][:MESSAGES]
    write("hpke.json", {"setup": [setup(vector)], "encryptions": encryptions, "exports": exports})


if __name__ == "__main__":
    main()
