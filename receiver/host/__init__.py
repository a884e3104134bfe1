"""Code that bridge, phone and authority share on the host; a chip never loads it."""
