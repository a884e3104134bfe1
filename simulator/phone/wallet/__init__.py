"""The phone's storage: keys, credentials, and purchases with an unknown end."""
