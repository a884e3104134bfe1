"""Child processes, and the search for a running world."""
