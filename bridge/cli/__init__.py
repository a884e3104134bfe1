"""The commands of `tillsign` on a cashier terminal."""
