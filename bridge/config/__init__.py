"""The configuration: one TOML file, checked and typed, and its files with secrets."""
