"""What every interface of tills stands behind: TLS, access, rates, problems."""
