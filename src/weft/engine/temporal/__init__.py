"""The Temporal engine: the same execution, stepped inside one dynamic Temporal workflow."""
