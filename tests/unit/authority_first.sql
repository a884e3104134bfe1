-- The authority's first books, as version 1 made them, with a hold, a void and a tombstone in them.
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

BEGIN;
INSERT INTO organisations VALUES (1, 'Exempelskolan AB');
INSERT INTO buyers VALUES (1, 1, 'Anna', 500000, 0), (2, 1, 'Bertil', 500000, 1);
INSERT INTO recipients VALUES (1, 1, 'Köket', 752, 987450, 0), (2, 1, 'Fritids', 752, 5, 1);
INSERT INTO buyer_recipients VALUES (1, 1), (1, 2), (2, 2);
INSERT INTO activations VALUES (x'0a', 2);
INSERT INTO phones VALUES (1, 1, x'0b', x'0c', x'0d', 3, x'0e');
INSERT INTO credentials VALUES
    (x'0101010101010101', 1, 1, 1800000000, 0), (x'0202020202020202', 1, 1, 1800000000, 1);
INSERT INTO receivers VALUES (x'0001020304050607', 'client', x'c2');
INSERT INTO certificates VALUES
    (x'c1', x'0001020304050607', x'ee', 101, 'Storgatan 1', 7, 752, x'd1'),
    (x'c2', x'0001020304050607', x'ee', 101, 'Storgatan 2', 7, 752, x'd2');
INSERT INTO transactions VALUES
    (x'a1', x'0001020304050607', 'PENDING', 1790000000, x'c0', x'70', x'71', 0, 1, 1, 12550, 752,
     x'51', x'ee', 1, x'91', x'0101010101010101', 1),
    (x'a2', x'0001020304050607', 'VOIDED', 1790000001, x'c0', x'70', x'72', 0, 1, 1, 12550, 752,
     x'52', x'ee', 2, x'92', x'0101010101010101', 2),
    (x'a3', x'0001020304050607', 'VOIDED', 1790000002, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE state_version SET version = 41;
COMMIT;
