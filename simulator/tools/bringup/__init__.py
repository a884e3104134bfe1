"""Sell on a real board: one test purchase, or fifteen minutes of bring-up with a report."""
