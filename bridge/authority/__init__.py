"""The way to the authority: its client, its retries, and what is known of its clock and limits."""
