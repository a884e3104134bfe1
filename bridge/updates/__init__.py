"""Bring firmware releases from the authority to the receivers, and say how it went."""
