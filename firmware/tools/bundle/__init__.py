"""Build a board's firmware from its readable sources: one small module, texts as numbers."""
