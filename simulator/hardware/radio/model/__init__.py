"""The air as it is in a store: named parameters with their sources, and the chances that follow."""
