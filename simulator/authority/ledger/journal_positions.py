"""The position of each bridge's journal: it shows a bridge that an old copy was restored.

A journal has a life (a new one when it is restored or created), and each start of the bridge on
it is a run. One run of one life serves at a time. All rows of `positions` are locked before any
other row, so that no two transactions wait for each other.
"""

from __future__ import annotations

from typing import NamedTuple

from bridge.authority.messages import (
    Checked,
    Hash,
    KnownPosition,
    LifeId,
    PositionClaim,
    RunId,
    StandingAnswer,
    Verdict,
)
from receiver import reasons
from receiver.errors import Error
from simulator.authority.accounts import bindings
from simulator.authority.accounts.bindings import Position as Position
from simulator.authority.storage.store import AgainError, Store, atomic

LEASE_S = 45  # three times the 15 s between a bridge's calls; after that it does not serve

_KNOWN = (
    "SELECT bridge, life, run, sequence, hash, client, heard, ended, follows FROM positions "
    "WHERE bridge = ? FOR NO KEY UPDATE"
)
_INSERT = (
    "INSERT INTO positions (bridge, life, run, sequence, hash, client, heard, ended) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_ADVANCE = (
    "UPDATE positions SET sequence = ?, hash = ?, heard = ?, ended = 0 "
    "WHERE bridge = ? AND life = ? AND run = ? AND client = ? AND sequence < ?"
)
_WRITE = (
    "UPDATE positions SET life = ?, run = ?, sequence = ?, hash = ?, client = ?, heard = ?, "
    "ended = ? WHERE bridge = ?"
)
_FOLLOWS = "UPDATE positions SET follows = ? WHERE bridge = ?"
_PAST = "INSERT INTO past_lives (bridge, life) VALUES (?, ?) ON CONFLICT DO NOTHING"


class ForeignBridgeError(Exception):
    """The bridge id belongs to another client."""


class Known(NamedTuple):
    """The newest position of a bridge, with its client and time."""

    position: Position
    client: str
    heard: int
    ended: bool
    follows: bytes | None  # the life that this one replaced


@atomic
def claim(
    store: Store, client: str, asked: PositionClaim, now: int, lease_s: int
) -> StandingAnswer:
    """Decide on a journal; only a current one changes the books. Raises ForeignBridgeError."""
    mine = Position(asked.bridge_id, asked.life, asked.run, asked.sequence, asked.hash)
    known = _known(store, mine.bridge)
    if known is None:
        _first(store, client, mine, now, asked.ended)
        return StandingAnswer(Verdict.CURRENT, None, None, lease_s, None)
    _must_own(store, known, client)
    wait_s = 0 if known.ended else max(0, known.heard + lease_s + 1 - now)  # of whole seconds
    newest = known.position
    standing = _judge(store, newest, mine, asked, leased=wait_s > 0)
    if standing == Verdict.CURRENT:
        _take(store, newest, mine, client, now, ended=asked.ended)
    other_life = mine.life != newest.life
    waits = standing == Verdict.IN_USE or (standing == Verdict.FORK and other_life)
    follows = newest.life if other_life else known.follows
    return StandingAnswer(
        standing,
        KnownPosition(
            LifeId(newest.life), RunId(newest.run), newest.sequence, Hash(newest.hash), known.heard
        ),
        LifeId(follows) if follows else None,
        lease_s,
        wait_s if waits else None,
    )


def hear(store: Store, client: str, position: Position | None, now: int) -> None:
    """Store the position of a calling bridge, inside a transaction; mostly one statement.

    Raises Error(JOURNAL_BEHIND) for a bridge that may not serve, and ForeignBridgeError.
    """
    if position is None:
        return
    bridge, life, run, sequence, hash_ = position
    if store.run(_ADVANCE, sequence, hash_, now, bridge, life, run, client, sequence):
        return
    known = _known(store, bridge)
    if known is None:
        _first(store, client, position, now, ended=False)
        return
    _must_own(store, known, client)
    if _judge_run(known.position, position) != Verdict.CURRENT:
        raise Error(reasons.JOURNAL_BEHIND, "another journal of this bridge serves; claim anew")
    further = sequence > known.position.sequence  # for a row that was only just made
    if further or known.heard < now or known.ended or known.client != client:
        _take(store, known.position, position, client, now)


note = atomic(hear)


def _known(store: Store, bridge: bytes) -> Known | None:
    row = store.one(_KNOWN, bridge)
    return Known(Position(*row[:5]), *row[5:]) if row else None


def _first(store: Store, client: str, position: Position, now: int, ended: bool) -> None:
    """Store a new bridge; from now on its id belongs to this client."""
    if store.run(_INSERT, *position, client, now, int(ended)) == 0:
        raise AgainError


def _must_own(store: Store, known: Known, client: str) -> None:
    """Require the bridge's owner; the id passes on once its client has no receiver."""
    if known.client != client and bindings.speaks(store, known.client):
        raise ForeignBridgeError


def _judge(
    store: Store, newest: Position, mine: Position, asked: PositionClaim, *, leased: bool
) -> Verdict:
    if mine.life == newest.life and mine.run == newest.run:
        return _judge_run(newest, mine)
    if mine.life != newest.life:
        if _is_past(store, mine.bridge, mine.life):
            return Verdict.SUPERSEDED
        goes_on = mine.run == newest.run and asked.previous == newest.life
        if goes_on or not leased:
            return Verdict.CURRENT
        other = asked.previous if asked.previous != newest.life else None
        return Verdict.FORK if other and _is_past(store, mine.bridge, other) else Verdict.IN_USE
    return _judge_restart(newest, mine, asked.checked)


def _judge_run(newest: Position, mine: Position) -> Verdict:
    """Accept the run that serves; a lower sequence is only late. A cloned machine repeats it."""
    if (mine.life, mine.run) != (newest.life, newest.run):
        return Verdict.SUPERSEDED
    same = mine.hash == newest.hash
    return Verdict.FORK if mine.sequence == newest.sequence and not same else Verdict.CURRENT


def _judge_restart(newest: Position, mine: Position, checked: Checked | None) -> Verdict:
    """Require of another run of the same life that its chain holds the newest known entry.

    Of two equal copies, the first to continue from there serves.
    """
    if mine.sequence < newest.sequence:
        return Verdict.BEHIND
    shown = mine if mine.sequence == newest.sequence else checked
    if shown is None or shown.sequence != newest.sequence:
        return Verdict.BEHIND
    return Verdict.CURRENT if shown.hash == newest.hash else Verdict.FORK


def _is_past(store: Store, bridge: bytes, life: bytes) -> bool:
    """Return whether another life has replaced this one."""
    found = "SELECT 1 FROM past_lives WHERE bridge = ? AND life = ?"
    return store.exists(found, bridge, life)


def _take(
    store: Store, newest: Position, mine: Position, client: str, now: int, *, ended: bool = False
) -> None:
    """Let the asking run serve; its position never moves back."""
    served = (mine.life, mine.run) == (newest.life, newest.run)
    if mine.life != newest.life:
        store.run(_PAST, newest.bridge, newest.life)
        store.run(_FOLLOWS, newest.life, mine.bridge)
    place = max(mine.place, newest.place) if served else mine.place
    store.run(_WRITE, mine.life, mine.run, *place, client, now, int(ended), mine.bridge)
