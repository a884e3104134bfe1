"""The one transition table of an update of one receiver (docs/updates.md)."""

from __future__ import annotations

from enum import StrEnum


class UpdatePhase(StrEnum):
    CALLING = "calling"  # ordered into service mode
    READING = "reading"  # in service mode; asked what it is
    OFFERING = "offering"  # it checks the signed manifest
    SENDING = "sending"  # chunk by chunk; at the end it verifies the whole
    STARTING = "starting"  # ordered into the new firmware's service mode, as a trial
    PROVING = "proving"  # in service mode; asked whether it is the new firmware
    TESTING = "testing"  # the new firmware tests itself
    TRYING = "trying"  # ordered to sell, as a trial
    SETTLING = "settling"  # it sells; it is watched whether it stays
    LEAVING = "leaving"  # broken off: ordered to sell as before
    DONE = "done"


class UpdateEvent(StrEnum):
    SERVES = "serves"  # HELLO in service mode
    SELLS = "sells"  # HELLO of firmware that sells
    SELLS_NEW = "sells_new"  # the same, of the firmware that was on trial in service mode
    CUT = "cut"  # it sells as before, after a power cut that says nothing about the firmware
    FITS = "fits"  # a release is for what it says of itself
    NONE_FITS = "none_fits"
    IS_NEW = "is_new"  # it says that it runs the release
    GO_ON = "go_on"  # it names the offset from which it wants chunks
    WROTE = "wrote"  # it has taken a chunk
    WHOLE = "whole"  # everything is there and verified
    PASSED = "passed"  # the self-test
    REFUSED = "refused"  # an order, a manifest, a chunk, the self-test
    LATE = "late"  # the phase's time is over
    CANCELLED = "cancelled"  # by the bridge


class UpdateAct(StrEnum):
    CALL = "call"  # order it into service mode
    READ = "read"  # ask what it is
    OFFER = "offer"  # send the manifest
    SEND = "send"  # send chunks from the offset that it named
    SEND_ON = "send_on"  # send the next chunk
    START = "start"  # order the new firmware's service mode
    TEST = "test"  # order the self-test
    TRY = "try"  # order the new firmware to sell
    WATCH = "watch"
    GIVE_UP = "give_up"  # note why, and order it to sell
    GO_BACK = "go_back"  # the same, of new firmware that did not prove itself
    LEAVE = "leave"  # order it to sell again
    END_OLD = "end_old"  # it sells as before
    END_BACK = "end_back"  # its loader went back by itself
    END_NEW = "end_new"  # it sells with the new firmware, and stayed


Step = tuple[UpdatePhase, UpdateAct]

# Whatever is not in a row changes nothing in that phase.
TABLE: dict[UpdatePhase, dict[UpdateEvent, Step]] = {
    UpdatePhase.CALLING: {
        UpdateEvent.SERVES: (UpdatePhase.READING, UpdateAct.READ),
        UpdateEvent.SELLS: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.LATE: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.CANCELLED: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
    },
    UpdatePhase.READING: {
        UpdateEvent.SERVES: (UpdatePhase.READING, UpdateAct.READ),
        UpdateEvent.SELLS: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.FITS: (UpdatePhase.OFFERING, UpdateAct.OFFER),
        UpdateEvent.NONE_FITS: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.IS_NEW: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.REFUSED: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.LATE: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.CANCELLED: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
    },
    UpdatePhase.OFFERING: {
        UpdateEvent.SERVES: (UpdatePhase.READING, UpdateAct.READ),
        UpdateEvent.SELLS: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.GO_ON: (UpdatePhase.SENDING, UpdateAct.SEND),
        UpdateEvent.WHOLE: (UpdatePhase.STARTING, UpdateAct.START),
        UpdateEvent.REFUSED: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.LATE: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.CANCELLED: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
    },
    UpdatePhase.SENDING: {
        UpdateEvent.SERVES: (UpdatePhase.READING, UpdateAct.READ),
        UpdateEvent.SELLS: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.WROTE: (UpdatePhase.SENDING, UpdateAct.SEND_ON),
        UpdateEvent.WHOLE: (UpdatePhase.STARTING, UpdateAct.START),
        UpdateEvent.REFUSED: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.LATE: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.CANCELLED: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
    },
    UpdatePhase.STARTING: {
        UpdateEvent.SERVES: (UpdatePhase.PROVING, UpdateAct.READ),
        UpdateEvent.SELLS: (UpdatePhase.DONE, UpdateAct.END_BACK),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.REFUSED: (UpdatePhase.LEAVING, UpdateAct.GIVE_UP),
        UpdateEvent.LATE: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
    },
    UpdatePhase.PROVING: {
        UpdateEvent.SERVES: (UpdatePhase.PROVING, UpdateAct.READ),
        UpdateEvent.SELLS: (UpdatePhase.DONE, UpdateAct.END_BACK),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.IS_NEW: (UpdatePhase.TESTING, UpdateAct.TEST),
        UpdateEvent.FITS: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
        UpdateEvent.NONE_FITS: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
        UpdateEvent.REFUSED: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
        UpdateEvent.LATE: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
    },
    UpdatePhase.TESTING: {
        UpdateEvent.SERVES: (UpdatePhase.PROVING, UpdateAct.READ),
        UpdateEvent.SELLS: (UpdatePhase.DONE, UpdateAct.END_BACK),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.PASSED: (UpdatePhase.TRYING, UpdateAct.TRY),
        UpdateEvent.REFUSED: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
        UpdateEvent.LATE: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
    },
    UpdatePhase.TRYING: {
        UpdateEvent.SERVES: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
        UpdateEvent.SELLS: (UpdatePhase.DONE, UpdateAct.END_BACK),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.SELLS_NEW: (UpdatePhase.SETTLING, UpdateAct.WATCH),
        UpdateEvent.LATE: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
    },
    UpdatePhase.SETTLING: {
        UpdateEvent.SERVES: (UpdatePhase.LEAVING, UpdateAct.GO_BACK),
        UpdateEvent.SELLS: (UpdatePhase.DONE, UpdateAct.END_BACK),
        UpdateEvent.CUT: (UpdatePhase.CALLING, UpdateAct.CALL),
        UpdateEvent.SELLS_NEW: (UpdatePhase.SETTLING, UpdateAct.WATCH),
        UpdateEvent.LATE: (UpdatePhase.DONE, UpdateAct.END_NEW),
    },
    UpdatePhase.LEAVING: {
        UpdateEvent.SERVES: (UpdatePhase.LEAVING, UpdateAct.LEAVE),
        UpdateEvent.SELLS: (UpdatePhase.DONE, UpdateAct.END_OLD),
        UpdateEvent.CUT: (UpdatePhase.DONE, UpdateAct.END_OLD),
        UpdateEvent.SELLS_NEW: (UpdatePhase.DONE, UpdateAct.END_OLD),
        UpdateEvent.LATE: (UpdatePhase.LEAVING, UpdateAct.LEAVE),
    },
    UpdatePhase.DONE: {},
}

# The till cannot sell: in the others it can, or nothing is under way.
OUT_OF_USE = frozenset(UpdatePhase) - {UpdatePhase.SETTLING, UpdatePhase.DONE}
