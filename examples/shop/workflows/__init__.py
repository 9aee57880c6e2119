"""The shop's workflows. Each file is one story."""
