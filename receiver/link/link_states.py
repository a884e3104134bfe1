"""Define the link's states, events and transitions, and its patience in each state."""

from __future__ import annotations

from .frames import ACK, DATA, LOG, RESET

# States
SEEKING = 0  # host only: no HELLO heard, asking for one
GREETING = 1  # sending HELLO until one comes back that names this end
UP = 2
HOME = 3  # in the table: the start of this end, SEEKING on the host and GREETING on the device
STATES = (SEEKING, GREETING, UP)

# Events are the kinds of frames but HELLO, and
NEW = 16  # a HELLO from a new boot, or from one that left the common sequence space
NAMED = 17  # a HELLO that names this end's boot
UNNAMED = 18  # a HELLO that names no boot or another one
TIMER = 19
GIVE_UP = 20  # the timer after the last retry
CUT = 21  # the line was closed or opened anew
EVENTS = (DATA, ACK, LOG, RESET, NEW, NAMED, UNNAMED, TIMER, GIVE_UP, CUT)

# state: {event: (next state, action)}. A pair not listed is a protocol error, counted and ignored:
# a RESET while seeking is our own, echoed; a HELLO that does not name us while up is always NEW.
TABLE = {
    SEEKING: {
        NEW: (SEEKING, "_meet"),
        NAMED: (UP, "_rise"),
        UNNAMED: (GREETING, "_begin"),
        DATA: (SEEKING, "_ignore"),
        ACK: (SEEKING, "_ignore"),
        LOG: (SEEKING, "_ignore"),
        TIMER: (SEEKING, "_again"),
        GIVE_UP: (SEEKING, "_again"),
        CUT: (SEEKING, "_begin"),
    },
    GREETING: {
        NEW: (GREETING, "_meet"),
        NAMED: (UP, "_rise"),
        UNNAMED: (GREETING, "_begin"),
        RESET: (GREETING, "_begin"),
        DATA: (GREETING, "_ignore"),
        ACK: (GREETING, "_ignore"),
        LOG: (GREETING, "_ignore"),
        TIMER: (GREETING, "_again"),
        GIVE_UP: (HOME, "_again"),
        CUT: (HOME, "_begin"),
    },
    UP: {
        NEW: (GREETING, "_lose"),
        NAMED: (UP, "_confirm"),
        RESET: (UP, "_greet"),
        DATA: (UP, "_take"),
        ACK: (UP, "_acknowledged"),
        LOG: (UP, "_note"),
        TIMER: (UP, "_repeat"),
        GIVE_UP: (HOME, "_fall"),
        CUT: (HOME, "_hang_up"),
    },
}

# Patience with a silent peer, in milliseconds.
RETRY_MS = 150  # doubling; at 115200 baud the longest frame takes 22 ms
RETRIES = 5
HELLO_MS = 1000  # the pause between greetings grows to this
RESET_MS = 500  # the host asks this often


def patience(state: int, attempts: int) -> int:
    """Return how long to wait for an answer to the frame sent after `attempts` tries."""
    if state == SEEKING:
        return RESET_MS
    wait = RETRY_MS << min(attempts, RETRIES)
    return wait if state == UP else min(wait, HELLO_MS)
