"""The bridge's client of the authority: requests, retries, clock skew, cached limits."""
