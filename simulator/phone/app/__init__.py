"""The app: what a buyer sees and does, visit by visit."""
