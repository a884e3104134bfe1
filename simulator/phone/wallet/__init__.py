"""What the phone holds: keys, credentials, purchases whose end it does not know."""
