"""Sign firmware releases, publish them, see how far they have come."""
