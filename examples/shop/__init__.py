"""A shop of eight services and three workflows, fed with real orders. START HERE: system.py."""
