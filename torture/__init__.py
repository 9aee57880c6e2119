"""A market that is killed, again and again, and whose books are read afterwards."""
