"""What may become of money: decisions only, no I/O (tests/architecture holds that)."""
