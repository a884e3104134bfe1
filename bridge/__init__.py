"""The bridge: the daemon on the cashier terminal between till, receivers and authority."""

from datetime import date

__version__ = "0.1.0"
RELEASED = date(2026, 11, 23)  # changed with every release: a clock before this day is behind
