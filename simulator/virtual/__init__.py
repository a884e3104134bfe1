"""A store in virtual time: bridge, authority, receivers and phones in one process."""
