"""Encode strictly: deterministic CBOR, COSE_Sign1, and messages as tables of fields."""
