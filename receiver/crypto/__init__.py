"""Offer the cryptography behind one interface: `portable` on the device, `host` on the host.

Both accept exactly the same inputs, which `tests/vectors` defines. `interface.py` declares it.
"""
