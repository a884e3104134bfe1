"""The application service: sales, refunds, receivers and what is owed to the authority."""
