"""The reference authorisation server: it alone decides about money."""

from simulator.authority.accounts.demo_data import DemoBuyer, DemoWorld

from .faults import Fault, Faults
from .service import Authority

__all__ = ["Authority", "DemoBuyer", "DemoWorld", "Fault", "Faults"]
