"""The process on the cashier terminal: composition, life, checks, certificates."""
