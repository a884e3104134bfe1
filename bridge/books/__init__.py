"""Sales in memory over the journal, their waiters, events and totals."""
