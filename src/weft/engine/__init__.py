"""Engines keep journals and carry out what executions command."""
