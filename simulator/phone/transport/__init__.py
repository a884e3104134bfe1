"""The phone's Bluetooth, through bleak."""
