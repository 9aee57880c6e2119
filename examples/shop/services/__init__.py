"""The shop's eight contexts. Each file is one: its contract, its tables, its rules, and the service that keeps them."""
