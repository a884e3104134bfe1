"""What the parameters alone need: nothing of the air lost, no work that could be left out.

Means, in seconds; a request takes two connection events, as its response comes in the one after
it, and the next request in the one after that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.protocol import gatt
from simulator.hardware.radio.model.chip import CHIP
from simulator.hardware.radio.model.standard import ADVERT_DELAY_S
from simulator.virtual.link_layer import WINDOW_S

from .record import RESULT, Bound

if TYPE_CHECKING:
    from simulator.hardware.radio.model.phones import PhoneProfile

OPEN_S = gatt.ADVERTISE_OPEN_US / 1e6 + ADVERT_DELAY_S / 2  # from one advertising event to the next
# On the serial line, 10 bits a byte at 115,200, with frames: the approval goes to the bridge while
# the chip verifies it, then the verdict (bytes), and the receipt comes back.
VERDICT_S = 60 * 10 / 115_200
RECEIPT_S = 220 * 10 / 115_200


def of(profile: PhoneProfile, *, knows_table: bool, checked_in: bool) -> Bound:
    """Return the bound of one purchase."""
    host_s = (profile.host_ms + profile.host_jitter_ms) / 1000
    interval_s = profile.interval_ms / 1000
    asked_s = profile.asked_interval_ms / 1000
    approved = {
        "write": asked_s / 2,
        "chip": CHIP.ms(CHIP.p256_check) / 1000,
        "line": VERDICT_S,
        RESULT: RECEIPT_S + asked_s / 2 + host_s,
    }
    if checked_in:
        return Bound({"notified": min(interval_s, asked_s) / 2 + host_s}, approved)
    offer = {
        "search": _heard(profile.scan_interval_ms, profile.scan_window_ms) + host_s,
        "connect": _heard(profile.initiate_interval_ms, profile.initiate_window_ms)
        + WINDOW_S
        + host_s,
    }
    # Another interval holds some events after it was asked for: for the discovery, else by the app.
    # The receiver asks for the MTU meanwhile, unless the phone's system does.
    wanted_s = asked_s if knows_table else profile.discovery_interval_ms / 1000
    holds_s = profile.change_ms / 1000 if wanted_s != interval_s else 0.0
    table = 0 if knows_table else profile.discovery_requests - profile.discovery_later
    passed = 0.0
    for part, number in {"mtu": int(profile.mtu_by_itself), "discover": table, "read": 1}.items():
        began = passed
        for _ in range(number):
            passed += 2 * (wanted_s if passed >= holds_s else interval_s)
        offer[part] = passed - began
    return Bound(offer, approved)


def _heard(interval_ms: float, window_ms: float) -> float:
    """Return the mean time until one advertising event falls into a window."""
    closed_s = (interval_ms - window_ms) / 1000
    return OPEN_S / 2 + closed_s * closed_s / (2 * interval_ms / 1000)
