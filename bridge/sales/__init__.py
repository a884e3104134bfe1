"""The application service: sales, refunds, receivers and requests owed to the authority."""
