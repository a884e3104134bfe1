"""The serial line between receiver and bridge: a process with a pseudo-terminal at each end."""
