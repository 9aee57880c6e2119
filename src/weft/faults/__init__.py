"""Faults to order: each is a policy, and a deterministic decision says which calls it strikes."""
