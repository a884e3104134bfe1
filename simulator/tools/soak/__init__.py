"""A shop in which bridge, authority, receivers and tills keep crashing; no money may be lost."""
