-- A journal as version 4 wrote it: a sale that is over, and one that is open.
BEGIN TRANSACTION;
CREATE TABLE archives (
        number INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        head BLOB NOT NULL
    ) STRICT
    ;
CREATE TABLE closed (
        sale_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        receiver_id BLOB NOT NULL,
        till INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason INTEGER NOT NULL,
        amount INTEGER NOT NULL,
        currency INTEGER NOT NULL,
        decided_at INTEGER NOT NULL,
        transaction_id BLOB NOT NULL,
        approval_id BLOB NOT NULL,
        terms TEXT NOT NULL,
        original TEXT NOT NULL,
        opened INTEGER NOT NULL,
        entry INTEGER NOT NULL
    ) STRICT
    ;
INSERT INTO "closed" VALUES('sale 1','sale',X'3434343434343434',3,'cancelled',5,24900,752,21,X'',X'56565656565656565656565656565656','{"amount":24900,"currency":752,"note":"å","patience_s":25,"receiver_id":"3434343434343434","reference":"1212121212121212","sale_id":"sale 1","till":3}','',1,3);
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    sale_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    carried INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    rule INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT
;
INSERT INTO "entries" VALUES(1,7,'sale 1','rung','{"amount":24900,"currency":752,"note":"å","patience_s":25,"receiver_id":"3434343434343434","reference":"1212121212121212","sale_id":"sale 1","till":3}',0,X'',4,X'A1E2968CACDECD6A9B0C1642956AD23941AD32C500A68752C96BC49831D2E946');
INSERT INTO "entries" VALUES(2,14,'sale 1','handed','{"approval":"00ff"}',0,X'A98CCF79B0C8E6A9A89217B9E43156E8AC77E6061ACFA3FAFE34D5C9677B83A3',4,X'77CBC9E937746B2AE4AA29B89334BCE94D793613BC9B039F50798C35C183F319');
INSERT INTO "entries" VALUES(3,21,'sale 1','journal.closed','{"kind":"sale","receiver_id":"3434343434343434","till":3,"state":"cancelled","reason":5,"amount":24900,"currency":752,"decided_at":21,"transaction_id":"","approval_id":"56565656565656565656565656565656","terms":"{\"amount\":24900,\"currency\":752,\"note\":\"å\",\"patience_s\":25,\"receiver_id\":\"3434343434343434\",\"reference\":\"1212121212121212\",\"sale_id\":\"sale 1\",\"till\":3}","original":""}',0,X'',4,X'09E1BC7B6EBBB24A4A70935FF31FA5273301C08C681214B6E6932D9718839729');
INSERT INTO "entries" VALUES(4,28,'sale 2','rung','{"amount":24900,"currency":752,"note":"å","patience_s":25,"receiver_id":"3434343434343434","reference":"1212121212121212","sale_id":"sale 2","till":3}',0,X'',4,X'121815A74ECF44D23F7B06375D9B428AEBCE04024549DD5125D20E01BD1DA164');
CREATE TABLE secrets (entry INTEGER PRIMARY KEY, secret BLOB NOT NULL) STRICT;
INSERT INTO "secrets" VALUES(2,X'0000000000000000000000000000');
CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER entries_remain BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER archives_stay BEFORE UPDATE ON archives BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER archives_remain BEFORE DELETE ON archives BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE INDEX closed_by_time ON closed (decided_at);
CREATE INDEX closed_by_original ON closed (original) WHERE original != '';
COMMIT;
PRAGMA user_version = 4;
