"""Messages between phone, receiver and authority, and the rules for accepting them."""
