"""The phone's side of an exchange as one machine."""
