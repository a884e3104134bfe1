"""The authority's database, on SQLite and PostgreSQL."""
