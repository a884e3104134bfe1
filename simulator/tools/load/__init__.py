"""A load on one bridge: many receivers, phones and tills in one lean process."""
