"""Child processes, and how a command finds the processes of a running world."""
