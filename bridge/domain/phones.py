"""The buyers' phones at one receiver, as far as they concern a cashier."""

from __future__ import annotations

from enum import IntEnum

from receiver.link import wire
from receiver.protocol import gatt


class Phone(IntEnum):
    """What the phone that is furthest at a till does; the order is that of a purchase."""

    NONE = 0
    NEAR = 1  # in contact, with or without an offer
    LOOKING = 2  # the offer is on its screen
    TYPING = 3  # it has shown a valid credential


class Phones:
    """What each phone does, by its link. The receiver's word for it: it decides nothing."""

    def __init__(self) -> None:
        self._doing: dict[int, Phone] = {}

    @property
    def furthest(self) -> Phone:
        return max(self._doing.values(), default=Phone.NONE)

    def moved(self, link: int, event: int, *, ours: bool) -> None:
        """Handle a receiver's report (`wire.PHONE_*`); `ours`: about the offer that is open."""
        if event == wire.PHONE_SHOWN and ours:
            self._reach(link, Phone.LOOKING)
        elif event in (wire.PHONE_NEAR, wire.PHONE_SHOWN):
            self._reach(link, Phone.NEAR)
        else:
            self._doing.pop(link, None)

    def typing(self, link: int) -> None:
        """Note that this phone has shown a valid credential."""
        self._reach(link, Phone.TYPING)

    def restart(self, paid: int | None = None) -> Phone:
        """Note that the offer has ended: who is still here is near; return the furthest.

        `paid` is the link of a phone that has paid: it is not the next buyer's, though it may stay.
        """
        self._doing = {link: Phone.NEAR for link in self._doing if link != paid}
        return self.furthest

    def lose(self) -> list[int]:
        """Forget every phone, as the receiver is away; return their links."""
        links = list(self._doing)
        self._doing = {}
        return links

    def _reach(self, link: int, doing: Phone) -> None:
        known = self._doing.pop(link, Phone.NONE)
        if len(self._doing) >= gatt.LINKS_MOST:  # a receiver has no more: the oldest is over
            del self._doing[next(iter(self._doing))]
        self._doing[link] = max(known, doing)
