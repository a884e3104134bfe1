"""The app: the screens and actions of a buyer, visit by visit."""
