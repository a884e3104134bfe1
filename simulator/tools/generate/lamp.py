"""Draw the lamp's states as the firmware shows them."""

from __future__ import annotations

from firmware.device import lamp

from .markdown import table

# Of each state: its colour in words, what it means, and what to do.
_WORDS = {
    lamp.BOOTING: ("white", "starts", "wait; with firmware it takes some seconds"),
    lamp.NO_BRIDGE: ("blue", "no bridge on the line", "start the bridge, look at the cable"),
    lamp.READY: ("green", "ready", ""),
    lamp.SALE_OPEN: ("yellow", "a sale is open", "the buyer holds the phone to it"),
    lamp.BUYER_HERE: ("cyan", "a phone is connected to it", ""),
    lamp.APPROVED: ("bright green", "approved, also offline", ""),
    lamp.FAULT: ("red", "sells nothing", "`tillsign receiver doctor`"),
    lamp.IDENTIFY: ("white", "`identify` was ordered", "this is the one"),
    lamp.SERVICE: ("purple", "service mode: a technician or an update has it", "wait"),
}


def states() -> str:
    rows = [
        (_WORDS[state][0], _drawn(lit), *_WORDS[state][1:])
        for state, (_, lit) in enumerate(lamp.PATTERNS)
    ]
    return table(("colour", "two seconds", "state", "what to do"), rows)


def _drawn(lit: str) -> str:
    return lit.replace("#", "▮").replace(".", "▯")
