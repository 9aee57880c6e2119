"""The embedded engine: one SQLite file, one writer, one process that owns it."""
