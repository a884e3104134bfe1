"""The authority's tables. Constraints here enforce the rules about money.

One text for SQLite and PostgreSQL; `dialects` replaces the words in braces.
"""

from __future__ import annotations

from bridge.domain.held import HoldState

# The states as the books store them: plain text.
PENDING = HoldState.PENDING.value  # held; a refund's is reserved
POSTED = HoldState.POSTED.value  # invoiced; a refund's is given back
VOIDED = HoldState.VOIDED.value  # given back, or reversed before it came
EXPIRED = HoldState.EXPIRED.value  # given back without a confirmation; a late one still posts
DECLINED = HoldState.DECLINED.value

VERSION = 1

SCHEMA = """
CREATE TABLE organisations (
    id {key},
    name {text} NOT NULL
) {rows};

-- `offline_floor` is the most that one purchase without a network may cost.
CREATE TABLE buyers (
    id {key},
    organisation {integer} NOT NULL REFERENCES organisations,
    name {text} NOT NULL,
    purchase_limit {integer} NOT NULL CHECK (purchase_limit >= 0),
    offline_floor {integer} NOT NULL DEFAULT 0 CHECK (offline_floor >= 0),
    blocked {integer} NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1))
) {rows};

-- Invoice recipients. `credit_space` is what is left to spend, in minor units of `currency`. No
-- hold takes it below zero, only a posting that came late; all of those together are `late`.
CREATE TABLE recipients (
    id {key},
    organisation {integer} NOT NULL REFERENCES organisations,
    name {text} NOT NULL,
    currency {integer} NOT NULL,
    credit_space {integer} NOT NULL,
    late {integer} NOT NULL DEFAULT 0 CHECK (late >= 0),
    closed {integer} NOT NULL DEFAULT 0 CHECK (closed IN (0, 1)),
    CHECK (credit_space >= -late)
) {rows};

CREATE TABLE buyer_recipients (
    buyer {integer} NOT NULL REFERENCES buyers,
    recipient {integer} NOT NULL REFERENCES recipients,
    PRIMARY KEY (buyer, recipient)
) {keyed};

-- One-time secrets that activate a buyer's phone, by their hash.
CREATE TABLE activations (
    hash {bytes} PRIMARY KEY,
    buyer {integer} NOT NULL REFERENCES buyers
) {keyed};

-- `tries` counts wrong codes in a row; enough of them lock the phone. `code_at` is when the phone
-- last gave a right one.
CREATE TABLE phones (
    id {key},
    buyer {integer} NOT NULL REFERENCES buyers,
    key {bytes} NOT NULL UNIQUE,
    code_key {bytes} NOT NULL,
    k {bytes} NOT NULL,
    tries {integer} NOT NULL DEFAULT 0 CHECK (tries >= 0),
    code_at {integer} NOT NULL DEFAULT 0,
    token_hash {bytes} NOT NULL UNIQUE
) {rows};

-- `revoked` is when.
CREATE TABLE credentials (
    id {bytes} PRIMARY KEY,
    phone {integer} NOT NULL REFERENCES phones,
    recipient {integer} NOT NULL REFERENCES recipients,
    expires {integer} NOT NULL,
    offline_floor {integer} NOT NULL DEFAULT 0 CHECK (offline_floor >= 0),
    revoked {integer}
) {keyed};
CREATE INDEX revoked_credentials ON credentials (expires) WHERE revoked IS NOT NULL;
CREATE INDEX offline_credentials ON credentials (expires) WHERE offline_floor > 0;

-- `revoked` is when: such an id is never bound again.
CREATE TABLE receivers (
    id {bytes} PRIMARY KEY,
    revoked {integer}
) {keyed};

-- Every certificate ever issued, by its hash: old records are asked about again. `replaced` is from
-- when on the receiver has another; after a renewal that time is still to come.
CREATE TABLE certificates (
    hash {bytes} PRIMARY KEY,
    receiver {bytes} NOT NULL REFERENCES receivers,
    key {bytes} NOT NULL,
    store {integer} NOT NULL,
    store_name {text} NOT NULL,
    invoice_issuer {integer} NOT NULL,
    currency {integer} NOT NULL,
    data {bytes} NOT NULL,
    replaced {integer}
) {keyed};
CREATE UNIQUE INDEX one_certificate_at_a_time ON certificates (receiver) WHERE replaced IS NULL;

-- What a receiver may accept offline, from `since` on.
CREATE TABLE offline_limits (
    receiver {bytes} NOT NULL REFERENCES receivers,
    since {integer} NOT NULL,
    floor {integer} NOT NULL CHECK (floor >= 0),
    total {integer} NOT NULL CHECK (total >= 0),
    sales {integer} NOT NULL CHECK (sales >= 0),
    hours {integer} NOT NULL CHECK (hours >= 0),
    PRIMARY KEY (receiver, since)
) {keyed};

-- Purchases (kind 0) and refunds (kind 1), each under its approval id or refund id. The tombstone
-- of what was reversed before it came has the first six columns and `client` only. A refund that no
-- phone approved has no offer, no credential and no receipt. `refunded` and `reserved` are what
-- refunds have given back of a purchase and what they may yet. `client` is who booked it, `till` is
-- the number in the offer.
CREATE TABLE transactions (
    approval_id {bytes} PRIMARY KEY,
    receiver {bytes} NOT NULL REFERENCES receivers,
    kind {integer} NOT NULL DEFAULT 0 CHECK (kind IN (0, 1)),
    state {text} NOT NULL
        CHECK (state IN ('PENDING', 'POSTED', 'VOIDED', 'EXPIRED', 'DECLINED')),
    time {integer} NOT NULL,
    changed {integer} NOT NULL,
    content {bytes},
    receipt {bytes},
    transaction_id {bytes} UNIQUE,
    reason {integer},
    phone {integer} REFERENCES phones,
    recipient {integer} REFERENCES recipients,
    amount {integer} CHECK (amount > 0),
    currency {integer},
    invoice_issuer {integer},
    session {bytes},
    receiver_key {bytes},
    sequence {integer},
    reference {bytes},
    credential {bytes} REFERENCES credentials,
    counter {integer},
    mode {integer} NOT NULL DEFAULT 0 CHECK (mode IN (0, 1)),
    accepted {integer},
    original {bytes} REFERENCES transactions (approval_id),
    refunded {integer} NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    reserved {integer} NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    late {integer} NOT NULL DEFAULT 0 CHECK (late IN (0, 1)),
    client {text},
    till {integer},
    CONSTRAINT money_is_explained CHECK (state NOT IN ('PENDING', 'POSTED', 'EXPIRED') OR (
        content IS NOT NULL AND transaction_id IS NOT NULL AND phone IS NOT NULL
        AND recipient IS NOT NULL AND amount IS NOT NULL AND currency IS NOT NULL
        AND invoice_issuer IS NOT NULL)),
    CONSTRAINT money_is_approved CHECK (state NOT IN ('PENDING', 'POSTED', 'EXPIRED') OR (
        receipt IS NOT NULL AND session IS NOT NULL AND receiver_key IS NOT NULL
        AND sequence IS NOT NULL AND reference IS NOT NULL AND credential IS NOT NULL
        AND counter IS NOT NULL) OR (kind = 1 AND receipt IS NULL AND credential IS NULL)),
    CONSTRAINT refunds_have_an_original CHECK (
        state NOT IN ('PENDING', 'POSTED', 'EXPIRED') OR (kind = 1) = (original IS NOT NULL)),
    CONSTRAINT refunded_at_most_what_was_posted CHECK (refunded + reserved = 0 OR (
        state = 'POSTED' AND kind = 0 AND refunded + reserved <= amount)),
    CONSTRAINT only_what_is_posted_is_late CHECK (late = 0 OR state = 'POSTED')
) {keyed};

-- A sale, a session and an offer's number carry one hold at a time: after a void the next phone's
-- approval of the same offer is as good as the first (a receiver refuses one candidate and forwards
-- the next, design 3.4). What expired keeps its place, so that a late word can always post it.
CREATE UNIQUE INDEX one_hold_per_sale ON transactions (receiver, reference)
    WHERE state IN ('PENDING', 'POSTED', 'EXPIRED');
CREATE UNIQUE INDEX one_hold_per_session ON transactions (session)
    WHERE state IN ('PENDING', 'POSTED', 'EXPIRED');
CREATE UNIQUE INDEX one_hold_per_sequence ON transactions (receiver_key, sequence)
    WHERE state IN ('PENDING', 'POSTED', 'EXPIRED');

-- A credential's counter is used up by its first hold for good.
CREATE UNIQUE INDEX one_hold_per_counter ON transactions (credential, counter)
    WHERE state <> 'DECLINED';

CREATE INDEX transactions_of_a_day ON transactions (receiver, time, approval_id);
CREATE INDEX pending_transactions ON transactions (time) WHERE state = 'PENDING';

-- What a person must look at; once for each cause and transaction.
CREATE TABLE alarms (
    id {key},
    approval_id {bytes} NOT NULL REFERENCES transactions,
    kind {text} NOT NULL,
    time {integer} NOT NULL,
    UNIQUE (approval_id, kind)
) {rows};

-- The version of the state messages given out.
CREATE TABLE state_version (
    version {integer} NOT NULL
) {rows};
INSERT INTO state_version VALUES (0);

-- Which client speaks for a receiver, and which did: one at a time. `client` is the fingerprint of
-- the first TLS certificate that the client had.
CREATE TABLE bindings (
    receiver {bytes} NOT NULL REFERENCES receivers,
    client {text} NOT NULL,
    since {integer} NOT NULL,
    until {integer},
    PRIMARY KEY (receiver, client, since)
) {keyed};
CREATE UNIQUE INDEX one_client_at_a_time ON bindings (receiver) WHERE until IS NULL;
CREATE INDEX receivers_of_a_client ON bindings (client, receiver);

-- The certificates of clients that had more than one, or got theirs here: then `data` is it, in
-- DER, issued at `issued`. `until` is when another took its place; a renewal with the same key
-- takes no place, and both serve.
CREATE TABLE clients (
    fingerprint {text} PRIMARY KEY,
    client {text} NOT NULL,
    until {integer},
    issued {integer} NOT NULL DEFAULT 0,
    data {bytes}
) {keyed};
CREATE INDEX certificates_of_a_client ON clients (client) WHERE until IS NULL;

-- Words that begin one enrolment each, by their hash. The terms are those of the certificate that
-- it ends with; a bridge's ticket has neither till nor receiver. `client` is the fingerprint of the
-- bridge that will speak for the receiver, `receiver` the one to move or exchange.
CREATE TABLE tickets (
    hash {bytes} PRIMARY KEY,
    kind {text} NOT NULL CHECK (kind IN ('receiver', 'bridge')),
    purpose {text} NOT NULL CHECK (purpose IN ('new', 'move', 'exchange')),
    store {integer} NOT NULL,
    store_name {text} NOT NULL,
    invoice_issuer {integer},
    currency {integer},
    till {integer},
    client {text},
    receiver {bytes} REFERENCES receivers,
    expires {integer} NOT NULL,
    CHECK ((kind = 'receiver') = (till IS NOT NULL AND client IS NOT NULL
        AND invoice_issuer IS NOT NULL AND currency IS NOT NULL)),
    CHECK ((purpose = 'new') = (receiver IS NULL))
) {keyed};

-- One for each ticket that was used. `receiver` is the id in the certificate to come. `request` is
-- the only one that it ever had; `certificate` opens nothing before the stage is done.
CREATE TABLE enrolments (
    id {bytes} PRIMARY KEY,
    ticket {bytes} NOT NULL UNIQUE REFERENCES tickets,
    challenge {bytes} NOT NULL,
    receiver {bytes},
    stage {text} NOT NULL
        CHECK (stage IN ('begun', 'requested', 'confirmed', 'rejected', 'done')),
    changed {integer} NOT NULL,
    request {bytes},
    certificate {bytes},
    CHECK (stage NOT IN ('requested', 'confirmed', 'done') OR request IS NOT NULL),
    CHECK ((stage IN ('confirmed', 'done')) = (certificate IS NOT NULL))
) {keyed};
CREATE INDEX requested_enrolments ON enrolments (changed) WHERE stage = 'requested';

-- The newest position of each bridge's journal: one life of it, served by one run of the bridge.
-- `heard` is when that run last called, `ended` whether it said that it stops.
CREATE TABLE positions (
    bridge {bytes} PRIMARY KEY,
    client {text} NOT NULL,
    life {bytes} NOT NULL,
    run {bytes} NOT NULL,
    sequence {integer} NOT NULL,
    hash {bytes} NOT NULL,
    heard {integer} NOT NULL,
    ended {integer} NOT NULL DEFAULT 0 CHECK (ended IN (0, 1)),
    follows {bytes}
) {keyed};

-- Lives whose place another took: none of them serves again.
CREATE TABLE past_lives (
    bridge {bytes} NOT NULL,
    life {bytes} NOT NULL,
    PRIMARY KEY (bridge, life)
) {keyed};

-- Firmware releases, by the hash of their manifest's payload; `payload` is the files one after
-- another. `stopped` is why it reaches no more receivers.
CREATE TABLE releases (
    id {bytes} PRIMARY KEY,
    release {integer} NOT NULL CHECK (release >= 0),
    least_release {integer} NOT NULL,
    board_class {text} NOT NULL,
    version {text} NOT NULL,
    git {bytes} NOT NULL,
    size {integer} NOT NULL CHECK (size >= 0),
    published {integer} NOT NULL,
    share {integer} NOT NULL CHECK (share BETWEEN 0 AND 100),
    stop_at {integer} NOT NULL CHECK (stop_at BETWEEN 1 AND 100),
    least_reports {integer} NOT NULL CHECK (least_reports > 0),
    stopped {text} CHECK (stopped IN ('failures', 'administrator')),
    manifest {bytes} NOT NULL,
    payload {bytes} NOT NULL,
    UNIQUE (release, board_class)
) {keyed};

-- What each receiver said last that it runs; `release` and `board_class` once it is known.
CREATE TABLE running (
    receiver {bytes} PRIMARY KEY REFERENCES receivers,
    board_class {text},
    release {integer},
    version {text} NOT NULL,
    time {integer} NOT NULL
) {keyed};

-- How the last update of a receiver to a release ended.
CREATE TABLE update_outcomes (
    release {bytes} NOT NULL REFERENCES releases,
    receiver {bytes} NOT NULL REFERENCES receivers,
    outcome {text} NOT NULL CHECK (outcome IN ('installed', 'failed', 'went_back')),
    reason {integer} NOT NULL,
    time {integer} NOT NULL,
    PRIMARY KEY (release, receiver)
) {keyed}
"""
