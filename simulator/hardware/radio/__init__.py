"""The simulated radio: Bluetooth LE controllers on one air, and their endpoints."""
