"""Firmware releases: published, staged over the receivers, stopped when too many fail."""
