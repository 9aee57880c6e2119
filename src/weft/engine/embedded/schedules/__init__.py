"""Schedules on the embedded engine: what is decided, purely; how it is kept; and who carries it out."""
