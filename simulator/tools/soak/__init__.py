"""A shop in which bridge, authority, receivers and tills die all the time, and no money is lost."""
