"""A release for one board: its slot, its manifest, and the image of its file system."""
