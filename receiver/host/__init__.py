"""What bridge, phone and authority share on the host, never on a chip."""
