"""Connection parameters of a host's request and of a link."""

from __future__ import annotations

from typing import NamedTuple

from bumble import hci


class Parameters(NamedTuple):
    """Connection parameters in HCI's units: 1.25 ms, events, 10 ms."""

    interval: int
    latency: int
    timeout: int

    @classmethod
    def of(
        cls,
        command: hci.HCI_LE_Create_Connection_Command | hci.HCI_LE_Connection_Update_Command,
        interval: int,
    ) -> Parameters:
        """Take a host's parameters, at one end of its range of intervals."""
        return cls(interval, command.max_latency, command.supervision_timeout)

    @property
    def valid(self) -> bool:
        """Check them against HCI's limits (Vol 4 Part E 7.8.12)."""
        return self.interval in range(6, 3201) and self.timeout in range(10, 3201)

    @property
    def interval_seconds(self) -> float:
        return self.interval * 0.00125

    @property
    def timeout_seconds(self) -> float:
        return self.timeout * 0.01
