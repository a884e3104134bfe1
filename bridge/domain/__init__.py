"""Pure rules of money: no I/O, no clock."""
