"""Three rooms to pay in. Each value has its source beside it; an estimate is called one."""

from __future__ import annotations

from typing import NamedTuple


class AirProfile(NamedTuple):
    """What the air of one room does to a phone and a receiver."""

    name: str
    neighbours: int  # other tills whose receivers are heard
    neighbours_open: float  # share of them with a sale open, which advertise often
    phones_near: int  # of people who queue or pass by
    advertisers: int  # headphones, watches, trackers, beacons and televisions
    advertiser_interval_ms: float  # mean of theirs
    held_rssi: int  # dBm at a phone held to its receiver, with nothing between
    body_db: float  # dB at most that hand and body of the buyer take from it
    neighbour_rssi: int  # dBm of a neighbour's receiver, and of a phone near
    advertiser_rssi: int  # dBm of the other advertisers
    shadow_db: float  # dB, deviation of a place: drawn once for a hold
    fading_db: float  # dB, deviation of one reading at a place (log-normal)
    burst_every_s: float  # mean from the end of a burst to the next
    burst_s: float  # mean length of a burst
    burst_loss: float  # share of the packets in it that are lost
    floor_loss: float  # share of all packets that are lost anyhow
    away_share: float  # share of the purchases in which the phone is moved out of reach
    away_s: float  # seconds that it stays there
    cut_share: float  # share of the purchases whose link ends at once, both hosts being told


AIRS = {
    air.name: air
    for air in (
        AirProfile(
            name="quiet",
            # The best that a store can be: one till, few people. Not measured.
            neighbours=0,
            neighbours_open=0.0,
            phones_near=0,
            advertisers=3,
            # iBeacons send every 100 ms, trackers and phones every 0.3 to 2 s: estimate.
            advertiser_interval_ms=200.0,
            # -43 dBm at 0.5 m and -48 at 1 m indoors, exponent 2.4 (M. Marolf, "Path loss constant
            # and RSSI distribution", 2020): -30 at 15 cm, less 10 for hand and case.
            held_rssi=-40,
            # A hand around a phone takes 5 to 10 dB: estimate.
            body_db=6.0,
            # There is none.
            neighbour_rssi=-90,
            # Six metres and a pocket: estimate.
            advertiser_rssi=-75,
            # Log-normal, 1.5 to 2 dB indoors close to a body at 2.45 GHz (IJAP 2019, 6181435).
            shadow_db=2.0,
            # 1.5 to 2.5 dB between readings at 0.5 to 4 m (M. Marolf, as above).
            fading_db=2.0,
            # 0.1 % of all packets, in bursts: estimate.
            burst_every_s=10.0,
            burst_s=0.02,
            burst_loss=0.5,
            floor_loss=0.0005,
            # Estimates.
            away_share=0.01,
            away_s=1.0,
            cut_share=0.001,
        ),
        AirProfile(
            name="shop",
            # Between quiet and bad: tills in a row, two of them within three metres.
            neighbours=2,
            # A till sells half of the time: estimate.
            neighbours_open=0.5,
            # The next buyer and one who passes; their watches and headphones: estimates.
            phones_near=2,
            advertisers=10,
            # As quiet.
            advertiser_interval_ms=200.0,
            # As quiet, a little farther.
            held_rssi=-41,
            # A body between two antennas takes 10 to 15 dB (Januszkiewicz, Sensors 2018, 3412, and
            # measurements at 3 to 11 GHz), but a phone that is held out has only the hand between.
            body_db=8.0,
            # Next till at 2.5 m: -58 (M. Marolf, as above), less 5 for hand and furniture.
            neighbour_rssi=-63,
            # As quiet.
            advertiser_rssi=-75,
            # Between quiet and bad, for reflections off metal furniture: estimate.
            shadow_db=3.0,
            # As quiet, up to 3.7 dB at 1 m (M. Marolf, as above).
            fading_db=3.0,
            # 0.5 % of all packets, in bursts: estimate. One Wi-Fi network covers 20 of 80 MHz and
            # so meets a quarter of the hops, two meet half.
            burst_every_s=3.0,
            burst_s=0.03,
            burst_loss=0.5,
            floor_loss=0.0005,
            # Estimates: a buyer who turns to answer, a hand that shows the phone to a child.
            away_share=0.02,
            away_s=1.0,
            cut_share=0.005,
        ),
        AirProfile(
            name="bad",
            # The room in which the promise has to hold: tills back to back at closing time.
            neighbours=3,
            neighbours_open=1.0,
            phones_near=4,
            advertisers=20,
            # As quiet.
            advertiser_interval_ms=200.0,
            # At 18 cm, with a case that takes more.
            held_rssi=-42,
            # As shop, and a wrist or a basket in the way.
            body_db=10.0,
            # Back to back at 2 m: -56 (M. Marolf, as above), less 5 for the hand, as shop.
            neighbour_rssi=-61,
            # Closer than in the others: estimate.
            advertiser_rssi=-70,
            # Metal shelves on both sides: estimate, above the 2 dB that papers report.
            shadow_db=4.0,
            # As shop, and people who move: estimate.
            fading_db=4.0,
            # 2 % of all packets are lost, in bursts of 40 ms: 0.04 / 1.04 · 0.5 and the floor.
            burst_every_s=1.0,
            burst_s=0.04,
            burst_loss=0.5,
            floor_loss=0.001,
            # Estimates.
            away_share=0.05,
            away_s=1.0,
            cut_share=0.02,
        ),
    )
}
