"""Transactions: held, posted, given back or declined, and the rules that decide."""
