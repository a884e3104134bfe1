"""Measurements: `python -m simulator.tools.bench`, `make bench`."""
