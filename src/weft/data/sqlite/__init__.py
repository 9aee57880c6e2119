"""Databases in one SQLite file: one writer that shares commits, and readers beside it."""
