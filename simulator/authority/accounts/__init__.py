"""Organisations, buyers, phones, receivers and bridges as the authority knows them."""
