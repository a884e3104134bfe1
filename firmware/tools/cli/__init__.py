"""The commands `tillsign firmware`, `receiver` and `update`: arguments in, words out."""
