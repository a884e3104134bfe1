"""The server under every till interface: TLS, access control, rates, problems."""
