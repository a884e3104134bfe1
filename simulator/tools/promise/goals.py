"""What is promised to a buyer: each figure's limit, and the share of purchases that keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .record import RESULT, Record

# What a goal's figure is.
SHARE = "share"  # of purchases that are as they should be
WRONG = "wrong"  # share of purchases that are not
COUNT = "count"  # of purchases that are not
SECONDS = "s"  # that the goal's share of purchases does not exceed

_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_ANSWER = "last digit → approved"

SUCCESS = {"quiet": 0.9995, "shop": 0.9995, "bad": 0.995}  # of an air; the quiet is no worse
SUCCESS_HARDWARE = 0.995  # on a real air, of which nothing is known


class Goal(NamedTuple):
    """A line of the promise: at least `share` of purchases keep it.

    `value` is a purchase's: seconds, or 0 where it keeps the goal and 1 where not; None where it
    is none of those that the goal is about. A purchase keeps it by a value up to `limit`.
    """

    key: str
    text: str
    kind: str
    share: float
    limit: float
    value: Callable[[Record], float | None]
    bound: Callable[[Record], dict[str, float]] | None = None  # what it needs at least, by part


def goals(air: str) -> list[Goal]:
    """Return all goals, in the order of the table."""
    success = SUCCESS.get(air, SUCCESS_HARDWARE)
    return [
        _all("success", "succeed without a second try", SHARE, success, _failed),
        _all("differently", "told differently after a minute", COUNT, 1.0, _differs),
        *_durations("offer", "hold → offer, cold", _cold, (0.5, 1.0, 1.8)),
        *_durations("offer_checked", "amount → offer, checked in", _checked, (0.15, 0.4, 0.8)),
        Goal("phone_p95", f"{_ANSWER}, phone, p95", SECONDS, 0.95, 0.3, _phone, _bound_approved),
        Goal("till_p95", f"{_ANSWER}, till, p95", SECONDS, 0.95, 0.3, _till, _bound_till),
        Goal("lost_p95", "lost to one lost link, p95", SECONDS, 0.95, 1.5, lambda r: r.lost_s),
        _all("typed_twice", "typed something twice", COUNT, 1.0, lambda r: r.typed_twice),
        _all("wrong_till", "a neighbour's offer first", WRONG, 0.999, lambda r: r.wrong_till),
        _all("wrong_approvable", "… with the same check digits", COUNT, 1.0, _approvable),
    ]


def _all(key: str, text: str, kind: str, share: float, fails: Callable[[Record], bool]) -> Goal:
    return Goal(key, text, kind, share, 0.0, lambda record: float(fails(record)))


def _durations(
    key: str, text: str, value: Callable[[Record], float | None], limits: tuple[float, ...]
) -> list[Goal]:
    return [
        Goal(f"{key}_{name}", f"{text}, {name}", SECONDS, share, most, value, _bound_offer)
        for (name, share), most in zip(_PERCENTILES.items(), limits, strict=True)
    ]


def _failed(record: Record) -> bool:
    return not record.succeeded


def _differs(record: Record) -> bool:
    return not record.outcomes.agree


def _approvable(record: Record) -> bool:
    return record.wrong_till and record.wrong_approvable


def _cold(record: Record) -> float | None:
    return None if record.checked_in else record.offer_s


def _checked(record: Record) -> float | None:
    return record.offer_s if record.checked_in else None


def _phone(record: Record) -> float | None:
    return None if record.last_digit is None else record.phone_s


def _till(record: Record) -> float | None:
    return None if record.last_digit is None else record.till_s


def _bound_offer(record: Record) -> dict[str, float]:
    return record.bound_s.offer


def _bound_till(record: Record) -> dict[str, float]:
    """Return what it takes to tell the till, which does not wait for the phone's result."""
    approved = record.bound_s.approved
    return {part: seconds for part, seconds in approved.items() if part != RESULT}


def _bound_approved(record: Record) -> dict[str, float]:
    return record.bound_s.approved
