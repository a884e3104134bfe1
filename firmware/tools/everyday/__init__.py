"""What a technician does at a board every day: list, doctor, monitor, identify, scan."""
