"""Keys that a phone's hardware or a certificate authority holds."""
