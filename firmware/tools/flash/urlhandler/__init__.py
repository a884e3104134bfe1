"""Protocols of pyserial that it should look for here first."""
