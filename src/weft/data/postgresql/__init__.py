"""Databases on a PostgreSQL server: a bounded pool, serializable transactions, conflicts tried again."""
