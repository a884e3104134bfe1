"""The simulated radio: Bluetooth LE controllers on one air, and the ways in to them."""
