"""Transactions: held, posted, voided or declined, and the rules that decide."""
