"""The authority's tables. What decides about money is a constraint here, not a habit elsewhere."""

from __future__ import annotations

PENDING = "PENDING"  # held
POSTED = "POSTED"  # invoiced
VOIDED = "VOIDED"  # given back, or reversed before it was ever seen
DECLINED = "DECLINED"

SCHEMA = """
CREATE TABLE organisations (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE buyers (
    id INTEGER PRIMARY KEY,
    organisation INTEGER NOT NULL REFERENCES organisations,
    name TEXT NOT NULL,
    purchase_limit INTEGER NOT NULL CHECK (purchase_limit >= 0),
    blocked INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Invoice recipients. `credit_space` is what is left to spend, in minor units of `currency`.
CREATE TABLE recipients (
    id INTEGER PRIMARY KEY,
    organisation INTEGER NOT NULL REFERENCES organisations,
    name TEXT NOT NULL,
    currency INTEGER NOT NULL,
    credit_space INTEGER NOT NULL CHECK (credit_space >= 0),
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE buyer_recipients (
    buyer INTEGER NOT NULL REFERENCES buyers,
    recipient INTEGER NOT NULL REFERENCES recipients,
    PRIMARY KEY (buyer, recipient)
) STRICT, WITHOUT ROWID;

-- One-time words that make a phone a buyer's, by their hash.
CREATE TABLE activations (
    hash BLOB PRIMARY KEY,
    buyer INTEGER NOT NULL REFERENCES buyers
) STRICT, WITHOUT ROWID;

-- `tries` counts wrong codes in a row; enough of them lock the phone.
CREATE TABLE phones (
    id INTEGER PRIMARY KEY,
    buyer INTEGER NOT NULL REFERENCES buyers,
    key BLOB NOT NULL UNIQUE,
    code_key BLOB NOT NULL,
    k BLOB NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    token_hash BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE credentials (
    id BLOB PRIMARY KEY,
    phone INTEGER NOT NULL REFERENCES phones,
    recipient INTEGER NOT NULL REFERENCES recipients,
    expires INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- `client` is the fingerprint of the one TLS certificate that may speak for the receiver.
CREATE TABLE receivers (
    id BLOB PRIMARY KEY,
    client TEXT NOT NULL,
    certificate BLOB NOT NULL REFERENCES certificates DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- Every certificate ever issued, by its hash: old records are asked about again.
CREATE TABLE certificates (
    hash BLOB PRIMARY KEY,
    receiver BLOB NOT NULL REFERENCES receivers DEFERRABLE INITIALLY DEFERRED,
    key BLOB NOT NULL,
    store INTEGER NOT NULL,
    store_name TEXT NOT NULL,
    invoice_issuer INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- All but the first four stay empty in the tombstone of an approval reversed before it came.
CREATE TABLE transactions (
    approval_id BLOB PRIMARY KEY,
    receiver BLOB NOT NULL REFERENCES receivers,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'POSTED', 'VOIDED', 'DECLINED')),
    time INTEGER NOT NULL,
    content BLOB,
    receipt BLOB,
    transaction_id BLOB UNIQUE,
    reason INTEGER,
    phone INTEGER REFERENCES phones,
    recipient INTEGER REFERENCES recipients,
    amount INTEGER CHECK (amount > 0),
    currency INTEGER,
    session BLOB,
    receiver_key BLOB,
    sequence INTEGER,
    reference BLOB,
    credential BLOB REFERENCES credentials,
    counter INTEGER,
    CHECK (state NOT IN ('PENDING', 'POSTED') OR (
        receipt IS NOT NULL AND content IS NOT NULL AND transaction_id IS NOT NULL
        AND phone IS NOT NULL AND recipient IS NOT NULL AND amount IS NOT NULL
        AND session IS NOT NULL AND receiver_key IS NOT NULL AND sequence IS NOT NULL
        AND reference IS NOT NULL AND credential IS NOT NULL AND counter IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- A sale, a session and an offer's number carry one hold at a time: after a void the next phone's
-- approval of the same offer is as good as the first (a receiver refuses one candidate and forwards
-- the next, design 3.4).
CREATE UNIQUE INDEX one_hold_per_sale ON transactions (receiver, reference)
    WHERE state IN ('PENDING', 'POSTED');
CREATE UNIQUE INDEX one_hold_per_session ON transactions (session)
    WHERE state IN ('PENDING', 'POSTED');
CREATE UNIQUE INDEX one_hold_per_sequence ON transactions (receiver_key, sequence)
    WHERE state IN ('PENDING', 'POSTED');

-- A credential's counter is used up by its first hold for good.
CREATE UNIQUE INDEX one_hold_per_counter ON transactions (credential, counter)
    WHERE state <> 'DECLINED';

-- The version of the state messages given out.
CREATE TABLE state_version (
    version INTEGER NOT NULL
) STRICT;
INSERT INTO state_version VALUES (0);

PRAGMA user_version = 1;
"""
