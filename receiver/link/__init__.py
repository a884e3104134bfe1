"""The serial link between receiver and bridge, and the messages on it."""
