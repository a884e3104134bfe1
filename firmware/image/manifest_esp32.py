"""What an image for a board holds: `manifest.py`, and what the ESP32 port needs to start."""

include("manifest.py")

# Mount the file system, or make one in an empty flash. Nothing for networks.
freeze("$(PORT_DIR)/modules", ("_boot.py", "flashbdev.py", "inisetup.py"))
