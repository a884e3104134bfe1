"""The bridge: the daemon on the cashier terminal between till, receivers and authority."""

__version__ = "0.1.0"
