"""The configuration: one TOML file, checked and typed, and the files with secrets that it names."""
