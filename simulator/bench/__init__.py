"""Measurements: `python -m simulator.bench`, `make bench`."""
